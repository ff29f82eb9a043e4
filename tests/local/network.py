"""A private network, in which a test can cut off a server silently, or move it to another port.

Root creates it for the main thread of the tests and for every process that the thread starts. It has only the loopback
interface.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_CLONE_NEWNET = 0x40000000
_NFT = shutil.which("nft", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
_TABLE = "inet tradewind"


def can_be_made() -> bool:
    """Whether these tests may create a network: in many containers not even root may."""
    may = shutil.which("unshare") and subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return bool(may) and may.returncode == 0 and os.geteuid() == 0 and _NFT is not None


@dataclass
class Network:
    """Rules of the kernel's packet filter, by the port of the server. They drop packets silently."""

    _dropped: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def cut(self, port: int) -> None:
        """Drop all packets to and from the server at this port."""
        self._drop(port, f"tcp dport {port}", f"tcp sport {port}")

    def back(self, port: int, *, forgotten: bool) -> None:
        """Undo ``cut``. ``forgotten``: another machine has the server's address now.

        It knows none of the earlier connections, so they stay silent.
        """
        if old := sorted(set(_clients(port))) if forgotten else []:
            clients = "{" + ", ".join(map(str, old)) + "}"
            self._drop(port, f"tcp dport {port} tcp sport {clients}", f"tcp sport {port} tcp dport {clients}")
        else:
            self._drop(port)

    def move(self, port: int, to: int) -> None:
        """Redirect new connections from ``port`` to the server at ``to``."""
        self._nft(f"add rule {_TABLE} output tcp dport {port} redirect to :{to}")

    def heal(self) -> None:
        """Remove all rules."""
        self._dropped.clear()
        self._nft(f"flush table {_TABLE}")

    def _drop(self, port: int, *packets: str) -> None:
        self._dropped[port] = packets
        every = [each for kept in self._dropped.values() for each in kept]
        self._nft(f"flush chain {_TABLE} input", *(f"add rule {_TABLE} input {each} drop" for each in every))

    def _nft(self, *lines: str) -> None:
        subprocess.run([_NFT or "nft", "-f", "-"], input="\n".join(lines) + "\n", text=True, check=True)


@contextmanager
def network(parameters: Mapping[str, str]) -> Iterator[Network]:
    """Create a network with these kernel parameters (``net.ipv4.tcp_retries2``)."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    if libc.unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for name, value in parameters.items():
            Path("/proc/sys", *name.split(".")).write_text(value)
        new = Network()
        new._nft(
            f"table {_TABLE} {{",
            "chain input { type filter hook input priority 0; }",
            "chain output { type nat hook output priority -100; }",
            "}",
        )
        yield new
    finally:
        libc.setns(before, _CLONE_NEWNET)
        os.close(before)


def _clients(port: int) -> Iterator[int]:
    """The local ports of all clients that are connected to a server's port, or try to connect."""
    for connection in psutil.net_connections("tcp"):
        if connection.raddr and connection.raddr.port == port:
            yield connection.laddr.port
