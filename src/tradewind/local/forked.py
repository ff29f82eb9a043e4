"""The supervisor's side of the fork server. Forked processes have the same interface as other child processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tradewind.local import fork_server
from tradewind.local.fork_server import MARK, PACKET_BYTES, ROOM

NAME = "fork-server"
PATIENCE_S = 60.0
LAUNCH = ("-m", "tradewind.launch")


class Started(Protocol):
    """A running process, with the interface of ``asyncio.subprocess.Process``."""

    @property
    def pid(self) -> int:
        """Its process id."""

    async def wait(self) -> int:
        """Wait until it has ended and return its exit code; negative for a signal."""

    def send_signal(self, signal: int) -> None:
        """Send it a signal. Raises ProcessLookupError if it has ended."""


@dataclass
class Forked:
    """See Started. The fork server is its parent, and reports its exit code."""

    pid: int
    _code: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def wait(self) -> int:
        """See Started."""
        return await asyncio.shield(self._code)

    def send_signal(self, number: int) -> None:
        """See Started. Raises ProcessLookupError if it has ended."""
        if self._code.done():
            raise ProcessLookupError
        os.kill(self.pid, number)

    def ended(self, code: int) -> None:
        """Record that it ended with this code."""
        if not self._code.done():
            self._code.set_result(code)


def _without(env: Mapping[str, str], variable: str) -> dict[str, str]:
    return {name: value for name, value in env.items() if name != variable}


class ForkServer:
    """Forks Airflow programs; ``env`` is their common environment."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        self._env = env
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._socket: socket.socket | None = None
        self._listening: asyncio.Task[None] | None = None
        self._started: asyncio.Queue[Forked | None] = asyncio.Queue()
        self._running: dict[int, Forked] = {}

    @staticmethod
    def can_start(argv: tuple[str, ...]) -> bool:
        """Whether it can fork for this command."""
        return sys.platform == "linux" and argv[0] == sys.executable and argv[1:3] == LAUNCH

    async def begin(self) -> None:
        """Start the fork server, which then imports its modules; returns at once."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                fork_server.__name__,
                # The mark comes first: see fork_server.mark.
                env={MARK: NAME.ljust(ROOM, "_"), **_without(self._env, MARK), "SPT_NOENV": "1"},
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                process_group=0,
            )
        ours.setblocking(False)
        self._socket = ours
        self._listening = asyncio.create_task(self._listen(ours))

    async def start(self, argv: tuple[str, ...], env: Mapping[str, str], folder: Path, log: int) -> Forked | None:
        """Fork for one command; returns None if the fork server does not run or does not answer."""
        if self._socket is None:
            return None
        request = {"arguments": list(argv[3:]), "env": dict(env), "folder": str(folder)}
        try:
            with os.fdopen(os.memfd_create("request"), "w") as file:
                json.dump(request, file)
                file.flush()
                os.lseek(file.fileno(), 0, os.SEEK_SET)
                socket.send_fds(self._socket, [b"fork"], [file.fileno(), log])
            return await asyncio.wait_for(self._started.get(), PATIENCE_S)
        except (OSError, TimeoutError):
            self._gone()
            return None

    async def end(self) -> None:
        """End the fork server. Its programs must have ended."""
        self._close()
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._listening is not None and self._listening is not asyncio.current_task():
            self._listening.cancel()

    async def _listen(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                packet = await loop.sock_recv(connection, PACKET_BYTES)
            except OSError:
                packet = b""
            if not packet:
                self._gone()
                return
            answer = json.loads(packet)
            if pid := answer.get("started"):
                self._running[pid] = Forked(pid)
                self._started.put_nowait(self._running[pid])
            elif found := self._running.pop(answer["ended"], None):
                found.ended(answer["code"])

    def _gone(self) -> None:
        """End all its programs, because only the fork server can report their exit. They start again without it."""
        self._close()
        self._started.put_nowait(None)
        for found in self._running.values():
            with suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)
            found.ended(-signal.SIGKILL)
        self._running.clear()
