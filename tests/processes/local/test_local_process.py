"""The order of stopping, and the search for the processes of a platform, with real, short-lived processes."""

import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.local.process import HOME_VARIABLE, INSTANCE_VARIABLE, ProcessSpec, end, stop_waves, strays

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
POLITE = """
import pathlib, signal, sys, time
def leave(*_):
    pathlib.Path(sys.argv[1]).write_text("cleaned up")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
time.sleep(600)
"""
NAMES = st.sampled_from("abcdefgh")

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a Python program of this test, with or without marks, and waits until it is ready."""
    with contextlib.ExitStack() as stack:

        def run(code: str, *arguments: str, **marks: str) -> subprocess.Popen[str]:
            child = subprocess.Popen(
                [sys.executable, "-S", "-c", code, *arguments],
                env={**os.environ, **marks},
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            stack.callback(finish, child)
            assert child.stdout
            assert child.stdout.readline() == "ready\n"
            return child

        yield run


def finish(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()
    if child.stdout:
        child.stdout.close()


def is_alive(child: subprocess.Popen[str]) -> bool:
    try:
        return psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def marks(home: Path, instance: str = "web") -> dict[str, str]:
    return {HOME_VARIABLE: str(home), INSTANCE_VARIABLE: instance}


def test_waves() -> None:
    requires = {"worker": ["broker", "web"], "web": ["database", "migrate-db"], "migrate-db": ["database"]}

    assert stop_waves({**requires, "database": [], "broker": []}) == [
        {"worker"},
        {"web"},
        {"migrate-db"},
        {"database", "broker"},
    ]
    assert stop_waves({}) == []


def test_names_that_are_not_there_are_ignored() -> None:
    assert stop_waves({"web": ["elsewhere"]}) == [{"web"}]


@pytest.mark.parametrize(
    ("requires", "cycle"),
    [
        ({"a": ["a"]}, "a -> a"),
        ({"a": ["b"], "b": ["a"]}, "a -> b -> a"),
        ({"start": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}, "a -> b -> c -> a"),
    ],
)
def test_a_cycle_is_named(requires: dict[str, list[str]], cycle: str) -> None:
    with pytest.raises(ValueError) as raised:
        stop_waves(requires)

    assert str(raised.value) == f"a cycle of dependencies: {cycle}"


@given(st.dictionaries(NAMES, st.sets(NAMES)))
def test_whatever_is_needed_stops_later(requires: dict[str, set[str]]) -> None:
    acyclic = {name: {other for other in others if other < name} for name, others in requires.items()}
    waves = stop_waves(acyclic)
    position = {name: number for number, wave in enumerate(waves) for name in wave}

    assert sorted(name for wave in waves for name in wave) == sorted(acyclic)
    assert all(waves)
    for name, others in acyclic.items():
        assert all(position[name] < position[other] for other in others if other in position)


@given(st.dictionaries(NAMES, st.sets(NAMES)))
def test_waves_or_a_cycle(requires: dict[str, set[str]]) -> None:
    try:
        waves = stop_waves(requires)
    except ValueError as error:
        path = str(error).removeprefix("a cycle of dependencies: ").split(" -> ")
        assert path[0] == path[-1]
        assert all(later in requires[name] for name, later in itertools.pairwise(path))
    else:
        assert set().union(*waves) == set(requires)


def test_strays_carry_the_mark_of_the_home(start: Start, tmp_path: Path) -> None:
    web = start(DEAF, **marks(tmp_path, "web"))
    worker = start(DEAF, **marks(tmp_path, "worker-1"))
    start(DEAF, **marks(tmp_path / "other", "web"))
    start(DEAF)

    assert {found.pid for found in strays(tmp_path)} == {web.pid, worker.pid}
    assert {found.pid for found in strays(tmp_path, "worker-1")} == {worker.pid}
    assert strays(tmp_path, "worker") == []
    assert strays(tmp_path / "nowhere") == []


def test_end_lets_the_polite_tidy_up_and_kills_the_deaf(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "said"
    polite = start(POLITE, str(file), **marks(tmp_path))
    deaf = start(DEAF, **marks(tmp_path))

    end([psutil.Process(polite.pid)], grace_s=60)
    end([psutil.Process(deaf.pid)], grace_s=0.1)

    assert file.read_text() == "cleaned up"
    assert not is_alive(polite)
    assert not is_alive(deaf)
    assert strays(tmp_path) == []


def test_end_without_grace_kills_at_once(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "said"
    polite = start(POLITE, str(file))

    end([psutil.Process(polite.pid)], grace_s=0)

    assert not is_alive(polite)
    assert not file.exists()


def test_end_of_what_has_gone_already(start: Start) -> None:
    child = start(DEAF)
    found = psutil.Process(child.pid)
    finish(child)

    end([found], grace_s=1)
    end([], grace_s=1)


def test_secrets_are_not_in_the_repr() -> None:
    spec = ProcessSpec("web", "web", ("airflow",), {"FERNET": "a-secret"}, Path("web.log"))

    assert "a-secret" not in repr(spec)


def test_a_stamp_counts_for_one_offs_alone(tmp_path: Path) -> None:
    file = tmp_path / "stamp"
    file.write_text("1")
    common = ("x", "x", ("true",), {}, Path("x.log"))

    assert ProcessSpec(*common, one_shot=True, stamp="1", stamp_file=file).is_done
    assert not ProcessSpec(*common, one_shot=True, stamp="2", stamp_file=file).is_done
    assert not ProcessSpec(*common, one_shot=True, stamp="", stamp_file=file).is_done
    assert not ProcessSpec(*common, one_shot=True, stamp="1", stamp_file=tmp_path / "nowhere").is_done
    assert not ProcessSpec(*common, one_shot=False, stamp="1", stamp_file=file).is_done
