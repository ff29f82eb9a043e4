"""Ports on one machine: chosen once, kept, and explained if another process has one."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from tradewind.errors import ExitCode, TradewindError
from tradewind.local import lock

HOST = "127.0.0.1"
_RANGE = (20_000, 32_000)


@dataclass(frozen=True)
class PortRequest:
    """A requested port: ``exactly`` this port, or the first free one from ``preferred`` upwards, or any (both None)."""

    name: str
    preferred: int | None = None
    exactly: int | None = None
    setting: str = ""


@dataclass(frozen=True)
class Ports:
    """The chosen ports by name, and notes for the user about the choice."""

    numbers: Mapping[str, int]
    remarks: tuple[str, ...] = ()


class Reservations:
    """Ports that this process reserves against all other platforms of this machine, of any user.

    A port is reserved as soon as it is chosen, not only while its server listens. Otherwise a platform that starts
    while another platform's web restarts would take that address. On Linux, the name of a socket reserves the port. It
    is valid in the network namespace, like the port, and ends with this process. On other systems a locked file
    reserves the port, among the platforms of one user.
    """

    def __init__(self) -> None:
        self._held: dict[int, socket.socket | int] = {}

    def take(self, number: int) -> bool:
        """Reserve a port; returns False if another platform has it."""
        if number in self._held:
            return False
        found = _named_socket(number) if sys.platform == "linux" else lock.acquire(_file(number))
        if found is None:
            return False
        self._held[number] = found
        return True

    def release(self) -> None:
        """Release all reserved ports."""
        for number, held in self._held.items():
            if isinstance(held, int):
                _file(number).unlink(missing_ok=True)
                os.close(held)
            else:
                held.close()
        self._held.clear()


def _named_socket(number: int) -> socket.socket | None:
    holder = socket.socket(socket.AF_UNIX)
    try:
        holder.bind(f"\0tradewind-port-{number}")
    except OSError:
        holder.close()
        return None
    return holder


def _file(number: int) -> Path:
    return Path(tempfile.gettempdir()) / f"tradewind-ports-{os.getuid()}" / str(number)


def choose(wishes: list[PortRequest], file: Path, reserve: Callable[[int], bool] = lambda _: True) -> Ports:
    """Choose a free port for each wish, and write the choice to ``file``.

    A preferred port comes first, then the port in ``file``. ``reserve`` reserves a port against other platforms and
    returns whether that was possible (``Reservations.take``).

    Raises:
        TradewindError: ports that the configuration fixes are in use. One error has the owner and setting of each.
    """
    kept = _kept(file)
    fixed = {wish.name: wish.exactly for wish in wishes if wish.exactly is not None}
    numbers: dict[str, int] = dict(fixed)
    remarks, problems, hints = [], [], []
    for wish in wishes:
        if wish.exactly is not None:
            if not (_is_free(wish.exactly) and reserve(wish.exactly)):
                problems.append(f"port {wish.exactly} for {wish.name} is in use by {owner(wish.exactly)}")
                hints.append(wish.setting)
            continue
        numbers[wish.name] = _first_free(
            wish, kept.get(wish.name), lambda port: port not in numbers.values() and _is_free(port) and reserve(port)
        )
        if wish.preferred and wish.preferred != numbers[wish.name]:
            remarks.append(
                f"port {wish.preferred} is in use by {owner(wish.preferred)}; "
                f"{wish.name} is on {numbers[wish.name]} ({wish.setting} fixes it)"
            )
    if problems:
        raise TradewindError(
            "; ".join(problems),
            hint=f"change {' and '.join(hints)} in tradewind.yaml (or leave it out: a free port is chosen)",
            code=ExitCode.FAILED,
        )
    file.write_text(json.dumps(numbers, indent=2, sort_keys=True))
    return Ports(numbers, tuple(remarks))


def another(reserve: Callable[[int], bool] = lambda _: True) -> int:
    """Return one more free port, for an additional copy; ``reserve`` as in ``choose``."""
    return next(number for number in _any() if _is_free(number) and reserve(number))


def owner(port: int) -> str:
    """Describe the process that listens on ``port``: command line and process id, if this user may read them."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                if connection.pid is None:
                    break
                process = psutil.Process(connection.pid)
                command = " ".join(" ".join(process.cmdline()).split())[:60] or process.name()
                return f"{command} (pid {connection.pid}, in {process.cwd()})"
    except (psutil.Error, OSError):
        pass  # no permission: macOS, and processes of other users
    return "another platform that is not listening now, or a process of another user"


def _kept(file: Path) -> dict[str, int]:
    try:
        kept = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(kept, dict):
        return {}
    return {name: number for name, number in kept.items() if isinstance(number, int) and 0 < number < 65_536}


def _first_free(wish: PortRequest, kept: int | None, may_have: Callable[[int], bool]) -> int:
    # The preferred port comes before the kept one: when its owner has ended, the platform gets its usual address again.
    candidates = [wish.preferred, kept] if wish.preferred else [kept]
    candidates += list(range(wish.preferred + 1, wish.preferred + 100)) if wish.preferred else []
    for number in candidates:
        if number and may_have(number):
            return number
    return next(number for number in _any() if may_have(number))


def _any() -> Iterator[int]:
    """Yield ports below the range that the kernel gives to outgoing connections.

    In that range, a client that retries while the server restarts could get the server's own port and connect to
    itself. The server could then not bind the port.
    """
    start = secrets.randbelow(_RANGE[1] - _RANGE[0])
    for offset in range(_RANGE[1] - _RANGE[0]):
        yield _RANGE[0] + (start + offset) % (_RANGE[1] - _RANGE[0])


def _is_free(number: int) -> bool:
    with socket.socket() as probe:
        # Servers set this option, too: connections of an earlier run in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
        except OSError:
            return False
    return True
