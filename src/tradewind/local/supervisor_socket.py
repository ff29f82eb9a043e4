"""Requests to the supervisor: one JSON line in each direction, over a socket that only its owner can reach."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from tradewind.errors import TradewindError
from tradewind.local.paths import StateDirectory

TIMEOUT_S = 30.0

_FOLDER = threading.Lock()  # the current folder belongs to the process: all threads share it

Answer = dict[str, Any]
Handler = Callable[[dict[str, Any]], Awaitable[Answer]]


async def serve(state_dir: StateDirectory, handler: Handler) -> asyncio.Server:
    """Handle requests with ``handler``. A TradewindError is returned to the client."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            try:
                result: Answer = {"result": await handler(request)}
            except TradewindError as error:
                result = {"error": error.as_dict()}
            writer.write(json.dumps(result).encode() + b"\n")
            await writer.drain()
        except (ValueError, ConnectionError):
            pass  # the client has disconnected, or its request is not JSON
        finally:
            writer.close()

    state_dir.socket.unlink(missing_ok=True)
    with _inside(state_dir.run):
        server = await asyncio.start_unix_server(answer, path=state_dir.socket.name)
    state_dir.socket.chmod(0o600)
    return server


def ask(state_dir: StateDirectory, request: dict[str, Any]) -> Answer:
    """Send a request to the supervisor of ``state_dir``, and return the result.

    Raises:
        ConnectionError: no supervisor answers.
        TradewindError: the supervisor returned an error.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT_S)
        try:
            with _inside(state_dir.run):
                connection.connect(state_dir.socket.name)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile() as stream:
                line = stream.readline()
        except OSError as error:
            raise ConnectionError(str(error)) from error
    if not line:
        raise ConnectionError("the supervisor ended before it responded")
    answer = json.loads(line)
    if "error" in answer:
        raise TradewindError.from_dict(answer["error"])
    return dict(answer["result"])


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Change to ``folder``, to use the short name of its socket: a name has about 100 characters at most."""
    with _FOLDER:
        before = os.open(".", os.O_RDONLY)
        try:
            os.chdir(folder)
            yield
        finally:
            os.fchdir(before)
            os.close(before)
