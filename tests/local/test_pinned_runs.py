"""DAG releases on the real platform: a run keeps what it started with, and nobody sees a mixture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pinned import consistent, pinned, release, served, write
from running import Running, eventually

pytestmark = pytest.mark.local
SOON = {"scheduled", "queued", "none"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running.create(tmp_path_factory.mktemp("releases"))
    write(running.folder / "dags", "a", "one", "two")
    running.tradewind("up")
    yield running
    running.tradewind("down", "--now")
    assert running.left_behind() == []


def in_flight(platform: Running, dag: str, gate: Path) -> str:
    """A run that waits at its gate."""
    run_id = platform.trigger(dag, gate=str(gate))
    states = eventually(
        lambda: {t["state"] for t in platform.tasks(dag, run_id) if t["task_id"] == "wait"} - {None} - SOON
    )
    assert states == {"running"}
    return run_id


def test_runs_keep_their_release_while_others_come_and_go(platform: Running, tmp_path: Path) -> None:
    folder = platform.folder / "dags"
    assert served(platform, "one", "a") == release(platform)
    gate = tmp_path / "gate"
    runs = {"a": [("one", in_flight(platform, "one", gate)), ("two", in_flight(platform, "two", gate))]}
    for which in ("b", "c"):
        write(folder, which, "one", "two")
        shown = served(platform, "one", which)
        assert shown == release(platform)
        # At once after it is seen: the new list of tasks and the new code.
        runs[which] = [("one", in_flight(platform, "one", gate))]
    # A file that is deleted while runs of its DAG are in flight.
    (folder / "two.py").unlink()
    eventually(lambda: release(platform) != shown)
    platform.tradewind("dags", "deploy", "local")
    gate.touch()
    for which, started in runs.items():
        for dag, run_id in started:
            assert consistent(platform, dag, run_id)[1] == which, (dag, run_id)
    eventually(lambda: platform.airflow.call("GET", "/dags/two")["is_stale"])


def test_what_cannot_be_imported_is_taken_back(platform: Running, tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    write(folder, "d", "one", "three")
    done = json.loads(platform.tradewind("dags", "deploy", "local", "--from", str(folder), "--json").stdout)
    assert done["changed"]
    assert done["served_s"] is not None
    run_id = platform.trigger("one")
    gate = tmp_path / "gate"
    waiting = in_flight(platform, "one", gate)
    (folder / "helpers/which.py").write_text("WICH = 'e'\n")
    refused = platform.tradewind("dags", "deploy", "local", "--from", str(folder), check=False)
    assert refused.returncode == 1
    assert "was taken back" in refused.stderr
    assert "one.py: ImportError: cannot import name 'WHICH' from 'helpers.which'" in refused.stderr
    assert release(platform) == done["release"]
    gate.touch()
    for run in (run_id, waiting):
        assert consistent(platform, "one", run) == (done["release"], "d")
    eventually(lambda: platform.airflow.call("GET", "/importErrors")["total_entries"] == 0)
    assert consistent(platform, "three", platform.trigger("three")) == (done["release"], "d")


def test_back_with_one_command(platform: Running, tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    write(folder, "f", "one")
    before = release(platform)
    platform.tradewind("dags", "deploy", "local", "--from", str(folder))
    assert consistent(platform, "one", platform.trigger("one"))[1] == "f"
    platform.tradewind("dags", "rollback", "local")
    assert release(platform) == before
    run_id = platform.trigger("one")
    assert pinned(platform, "one", run_id) == before
    assert consistent(platform, "one", run_id)[1] != "f"
