"""Ports: chosen, kept, and explained, with sockets that the test holds."""

import os
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tradewind.errors import ExitCode, TradewindError
from tradewind.local.ports import HOST, PortRequest, Reservations, choose, owner


def free_port() -> int:
    """A free port that neither the kernel nor ``choose`` assigns automatically."""
    while True:
        number = random.randint(12_000, 19_000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, number))
            except OSError:
                continue
            return number


class Taken:
    """Ports with a listening server, until the test ends or frees them."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._servers: dict[int, socket.socket] = {}

    def take(self) -> int:
        server = self._stack.enter_context(socket.create_server((HOST, free_port())))
        number = int(server.getsockname()[1])
        self._servers[number] = server
        return number

    def free(self, number: int) -> None:
        self._servers[number].close()


@pytest.fixture
def taken() -> Iterator[Taken]:
    with ExitStack() as stack:
        yield Taken(stack)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ports.json"


def is_free(number: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, number)) != 0


def test_the_choice_is_kept(file: Path) -> None:
    wishes = [PortRequest("web", free_port()), PortRequest("database"), PortRequest("broker")]
    first = choose(wishes, file)

    assert choose(wishes, file) == first
    assert len(set(first.numbers.values())) == 3
    assert first.remarks == ()


def test_ports_that_nobody_sees_are_outside_of_those_of_outgoing_connections(file: Path) -> None:
    names = [f"port-{number}" for number in range(50)]
    numbers = choose([PortRequest(name) for name in names], file).numbers

    assert len(set(numbers.values())) == 50
    assert all(1024 < number < 32_768 for number in numbers.values())


def test_the_preferred_one(file: Path) -> None:
    port = free_port()

    assert choose([PortRequest("web", port)], file).numbers == {"web": port}


def test_the_next_one_when_the_preferred_is_taken_and_a_remark(file: Path, taken: Taken) -> None:
    port = taken.take()
    chosen = choose([PortRequest("web", port, setting="local.ports.web")], file)

    number = chosen.numbers["web"]
    assert port < number < port + 100
    assert is_free(number)
    (remark,) = chosen.remarks
    assert remark.startswith(f"port {port} is in use by ")
    assert f"(pid {os.getpid()}, in {Path.cwd()}); web is on {number} (local.ports.web fixes it)" in remark


def test_a_second_best_is_kept_while_the_preferred_is_taken_and_given_up_when_it_is_free(
    file: Path, taken: Taken
) -> None:
    port = taken.take()
    wishes = [PortRequest("web", port, setting="local.ports.web")]
    second = choose(wishes, file).numbers

    assert choose(wishes, file).numbers == second != {"web": port}
    taken.free(port)
    assert choose(wishes, file).numbers == {"web": port}


def test_a_kept_port_that_somebody_took_is_given_up(file: Path, taken: Taken) -> None:
    file.write_text(f'{{"database": {taken.take()}}}')
    before = file.read_text()

    chosen = choose([PortRequest("database")], file)

    assert is_free(chosen.numbers["database"])
    assert file.read_text() != before


def test_two_that_prefer_the_same(file: Path) -> None:
    port = free_port()
    numbers = choose([PortRequest("web", port), PortRequest("flower", port)], file).numbers

    assert numbers["web"] == port
    assert numbers["flower"] != port


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"web": "x"}', '{"web": null}', '{"web": 70000}', '{"web": -1}'])
def test_a_file_that_cannot_be_read_is_no_hindrance(file: Path, text: str) -> None:
    file.write_text(text)

    assert choose([PortRequest("web"), PortRequest("broker")], file).numbers.keys() == {"web", "broker"}


def test_exactly_that_one(file: Path) -> None:
    port = free_port()
    file.write_text('{"web": 12345}')

    assert choose([PortRequest("web", 8080, port, "local.ports.web")], file).numbers == {"web": port}


def test_one_that_the_configuration_fixes_is_nobody_elses(file: Path) -> None:
    port = free_port()
    wishes = [
        PortRequest("web", port, setting="local.ports.web"),
        PortRequest("flower", 5555, port, "local.ports.flower"),
    ]

    numbers = choose(wishes, file).numbers

    assert numbers["flower"] == port
    assert numbers["web"] != port


def test_all_that_are_fixed_and_taken_are_named_with_owner_and_setting(file: Path, taken: Taken) -> None:
    web, flower = taken.take(), taken.take()
    wishes = [
        PortRequest("web", 8080, web, "local.ports.web"),
        PortRequest("flower", 5555, flower, "local.ports.flower"),
    ]

    with pytest.raises(TradewindError) as raised:
        choose(wishes, file)

    error = raised.value
    assert error.code == ExitCode.FAILED
    assert f"port {web} for web is in use by " in str(error)
    assert f"port {flower} for flower is in use by " in str(error)
    assert str(error).count(f"(pid {os.getpid()}, in {Path.cwd()})") == 2
    assert "local.ports.web and local.ports.flower" in error.hint
    assert not file.exists()


def test_the_owner_of_a_port_that_nobody_has() -> None:
    assert owner(free_port()) == "another platform that is not listening now, or a process of another user"


def test_two_platforms_never_have_the_same_port(file: Path, tmp_path: Path) -> None:
    port = free_port()
    wishes = [PortRequest("web", port, setting="local.ports.web")]
    first, second, third = Reservations(), Reservations(), Reservations()

    ours = choose(wishes, file, first.take).numbers["web"]
    theirs = choose(wishes, tmp_path / "other.json", second.take).numbers["web"]  # no process listens yet

    assert ours == port
    assert theirs != port
    first.release()
    assert third.take(port)
    third.release()
    second.release()


def test_a_port_is_taken_once_until_it_is_given_back() -> None:
    reservations, port = Reservations(), free_port()
    assert reservations.take(port)
    assert not reservations.take(port)

    reservations.release()

    assert reservations.take(port)
    reservations.release()
