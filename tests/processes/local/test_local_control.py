"""Requests to the supervisor, over a real socket in a folder with a very long name."""

import asyncio
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tradewind.errors import ExitCode, TradewindError
from tradewind.local import supervisor_socket
from tradewind.local.paths import StateDirectory
from tradewind.local.supervisor_socket import Answer, Handler


@pytest.fixture
def state_dir(tmp_path: Path) -> StateDirectory:
    folder = tmp_path / ("a" * 60) / ("b" * 60)
    folder.mkdir(parents=True)
    state_dir = StateDirectory(folder / ".tradewind")
    state_dir.create()
    assert len(str(state_dir.socket)) > 120
    return state_dir


async def echo(request: dict[str, Any]) -> Answer:
    return {"asked": request}


def while_serving(state_dir: StateDirectory, handler: Handler, ask: Callable[[], Any]) -> Any:
    """Call ``ask`` in another thread while the handler answers."""

    async def run() -> Any:
        async with await supervisor_socket.serve(state_dir, handler):
            return await asyncio.to_thread(ask)

    return asyncio.run(run())


def test_a_question_and_its_answer(state_dir: StateDirectory) -> None:
    before = Path.cwd()
    request = {"do": "status", "text": "ä\nß", "deep": [1, {"two": None}]}

    assert while_serving(state_dir, echo, lambda: supervisor_socket.ask(state_dir, request)) == {"asked": request}
    assert Path.cwd() == before


def test_many_questions_at_once(state_dir: StateDirectory) -> None:
    async def run() -> list[Answer]:
        async with await supervisor_socket.serve(state_dir, echo):
            questions = [
                asyncio.to_thread(supervisor_socket.ask, state_dir, {"number": number}) for number in range(20)
            ]
            return await asyncio.gather(*questions)

    answers = asyncio.run(run())

    assert answers == [{"asked": {"number": number}} for number in range(20)]


def test_an_answer_larger_than_any_buffer(state_dir: StateDirectory) -> None:
    async def large(request: dict[str, Any]) -> Answer:
        return {"text": "x" * 1_000_000}

    answer = while_serving(state_dir, large, lambda: supervisor_socket.ask(state_dir, {}))

    assert len(answer["text"]) == 1_000_000


def test_only_the_owner_reaches_it(state_dir: StateDirectory) -> None:
    mode = while_serving(state_dir, echo, lambda: stat.S_IMODE(state_dir.socket.stat().st_mode))

    assert mode == 0o600
    assert stat.S_IMODE(state_dir.run.stat().st_mode) == 0o700


def test_an_error_arrives_as_it_was_raised(state_dir: StateDirectory) -> None:
    async def refuse(request: dict[str, Any]) -> Answer:
        raise TradewindError("no", "because", "do this", code=ExitCode.USAGE)

    with pytest.raises(TradewindError) as raised:
        while_serving(state_dir, refuse, lambda: supervisor_socket.ask(state_dir, {}))

    error = raised.value
    assert (error.what, error.why, error.hint, error.code) == ("no", "because", "do this", ExitCode.USAGE)


@pytest.mark.parametrize("code", list(ExitCode))
def test_pack_and_unpack(code: ExitCode) -> None:
    error = TradewindError.from_dict(TradewindError("what", "why", "hint", code=code).as_dict())

    assert error.as_dict() == {"what": "what", "why": "why", "hint": "hint", "code": int(code)}
    assert error.code == code


def test_nobody_there(state_dir: StateDirectory, tmp_path: Path) -> None:
    with pytest.raises(ConnectionError):
        supervisor_socket.ask(state_dir, {})
    with pytest.raises(ConnectionError):
        supervisor_socket.ask(StateDirectory(tmp_path / "nowhere"), {})


def test_a_socket_that_was_left_behind_is_nobody_and_is_replaced(state_dir: StateDirectory) -> None:
    while_serving(state_dir, echo, lambda: os.link(state_dir.socket, state_dir.run / "kept"))
    (state_dir.run / "kept").replace(state_dir.socket)

    with pytest.raises(ConnectionError):
        supervisor_socket.ask(state_dir, {})
    assert while_serving(state_dir, echo, lambda: supervisor_socket.ask(state_dir, {})) == {"asked": {}}


def test_a_supervisor_that_ends_while_it_answers(state_dir: StateDirectory) -> None:
    async def die(request: dict[str, Any]) -> Answer:
        raise ConnectionResetError

    with pytest.raises(ConnectionError, match="ended before it responded"):
        while_serving(state_dir, die, lambda: supervisor_socket.ask(state_dir, {}))


def test_who_does_not_speak_our_language_harms_nobody(state_dir: StateDirectory) -> None:
    async def run() -> Answer:
        async with await supervisor_socket.serve(state_dir, echo):
            reader, writer = await asyncio.open_unix_connection(sock=connected(state_dir))
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
            return await asyncio.to_thread(supervisor_socket.ask, state_dir, {"do": "status"})

    assert asyncio.run(run()) == {"asked": {"do": "status"}}


def connected(state_dir: StateDirectory) -> Any:
    before = Path.cwd()
    connection = socket.socket(socket.AF_UNIX)
    os.chdir(state_dir.run)
    try:
        connection.connect(state_dir.socket.name)
    finally:
        os.chdir(before)
    return connection
