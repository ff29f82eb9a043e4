"""Asking the supervisor, over a real socket in a folder with a very long name."""

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
from tradewind.local.paths import Home
from tradewind.local.supervisor_socket import Answer, Handler


@pytest.fixture
def home(tmp_path: Path) -> Home:
    folder = tmp_path / ("a" * 60) / ("b" * 60)
    folder.mkdir(parents=True)
    home = Home(folder / ".tradewind")
    home.create()
    assert len(str(home.socket)) > 120
    return home


async def echo(request: dict[str, Any]) -> Answer:
    return {"asked": request}


def while_serving(home: Home, handler: Handler, ask: Callable[[], Any]) -> Any:
    """Call ``ask`` in a thread of its own while the handler answers."""

    async def run() -> Any:
        async with await supervisor_socket.serve(home, handler):
            return await asyncio.to_thread(ask)

    return asyncio.run(run())


def test_a_question_and_its_answer(home: Home) -> None:
    before = Path.cwd()
    request = {"do": "status", "text": "ä\nß", "deep": [1, {"two": None}]}

    assert while_serving(home, echo, lambda: supervisor_socket.ask(home, request)) == {"asked": request}
    assert Path.cwd() == before


def test_many_questions_at_once(home: Home) -> None:
    async def run() -> list[Answer]:
        async with await supervisor_socket.serve(home, echo):
            questions = [asyncio.to_thread(supervisor_socket.ask, home, {"number": number}) for number in range(20)]
            return await asyncio.gather(*questions)

    answers = asyncio.run(run())

    assert answers == [{"asked": {"number": number}} for number in range(20)]


def test_an_answer_larger_than_any_buffer(home: Home) -> None:
    async def large(request: dict[str, Any]) -> Answer:
        return {"text": "x" * 1_000_000}

    answer = while_serving(home, large, lambda: supervisor_socket.ask(home, {}))

    assert len(answer["text"]) == 1_000_000


def test_only_the_owner_reaches_it(home: Home) -> None:
    mode = while_serving(home, echo, lambda: stat.S_IMODE(home.socket.stat().st_mode))

    assert mode == 0o600
    assert stat.S_IMODE(home.run.stat().st_mode) == 0o700


def test_an_error_arrives_as_it_was_raised(home: Home) -> None:
    async def refuse(request: dict[str, Any]) -> Answer:
        raise TradewindError("no", "because", "do this", code=ExitCode.USAGE)

    with pytest.raises(TradewindError) as raised:
        while_serving(home, refuse, lambda: supervisor_socket.ask(home, {}))

    error = raised.value
    assert (error.what, error.why, error.hint, error.code) == ("no", "because", "do this", ExitCode.USAGE)


@pytest.mark.parametrize("code", list(ExitCode))
def test_pack_and_unpack(code: ExitCode) -> None:
    error = TradewindError.from_dict(TradewindError("what", "why", "hint", code=code).as_dict())

    assert error.as_dict() == {"what": "what", "why": "why", "hint": "hint", "code": int(code)}
    assert error.code == code


def test_nobody_there(home: Home, tmp_path: Path) -> None:
    with pytest.raises(ConnectionError):
        supervisor_socket.ask(home, {})
    with pytest.raises(ConnectionError):
        supervisor_socket.ask(Home(tmp_path / "nowhere"), {})


def test_a_socket_that_was_left_behind_is_nobody_and_is_replaced(home: Home) -> None:
    while_serving(home, echo, lambda: os.link(home.socket, home.run / "kept"))
    (home.run / "kept").replace(home.socket)

    with pytest.raises(ConnectionError):
        supervisor_socket.ask(home, {})
    assert while_serving(home, echo, lambda: supervisor_socket.ask(home, {})) == {"asked": {}}


def test_a_supervisor_that_ends_while_it_answers(home: Home) -> None:
    async def die(request: dict[str, Any]) -> Answer:
        raise ConnectionResetError

    with pytest.raises(ConnectionError, match="ended before it responded"):
        while_serving(home, die, lambda: supervisor_socket.ask(home, {}))


def test_who_does_not_speak_our_language_harms_nobody(home: Home) -> None:
    async def run() -> Answer:
        async with await supervisor_socket.serve(home, echo):
            reader, writer = await asyncio.open_unix_connection(sock=connected(home))
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
            return await asyncio.to_thread(supervisor_socket.ask, home, {"do": "status"})

    assert asyncio.run(run()) == {"asked": {"do": "status"}}


def connected(home: Home) -> Any:
    before = Path.cwd()
    connection = socket.socket(socket.AF_UNIX)
    os.chdir(home.run)
    try:
        connection.connect(home.socket.name)
    finally:
        os.chdir(before)
    return connection
