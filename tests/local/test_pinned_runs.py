"""DAG releases on the real platform: a run keeps its release, and no task runs a mixture of two."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from pinned import consistent, pinned, release, served, write
from running import Meanwhile, Running, eventually
from tests.counts import DAG_DEPLOYMENTS, RUNS_IN_FLIGHT

pytestmark = pytest.mark.local
DAGS = ("k", "l", "m", "n")
UNFINISHED = "/dags/~/dagRuns?state=queued&state=running&limit=1"
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
        # A run that starts at once has the new list of tasks and the new code.
        runs[which] = [("one", in_flight(platform, "one", gate))]
    # A file that is deleted while runs of its DAG are in flight.
    (folder / "two.py").unlink()
    eventually(lambda: release(platform) != shown)
    platform.tradewind("dags", "deploy", "-e", "local")
    gate.touch()
    for which, started in runs.items():
        for dag, run_id in started:
            assert consistent(platform, dag, run_id)[1] == which, (dag, run_id)
    eventually(lambda: platform.airflow.call("GET", "/dags/two")["is_stale"])


def test_what_cannot_be_imported_is_taken_back(platform: Running, tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    write(folder, "d", "one", "three")
    done = json.loads(platform.tradewind("dags", "deploy", "-e", "local", str(folder), "--json").stdout)
    assert done["changed"]
    assert done["served_s"] is not None
    run_id = platform.trigger("one")
    gate = tmp_path / "gate"
    waiting = in_flight(platform, "one", gate)
    (folder / "helpers/which.py").write_text("WICH = 'e'\n")
    refused = platform.tradewind("dags", "deploy", "-e", "local", str(folder), check=False)
    assert refused.returncode == 1
    assert "was rolled back" in refused.stderr
    # The error names the file that is parsed first.
    assert "e.py: ImportError: cannot import name 'WHICH' from 'helpers.which'" in refused.stderr
    assert release(platform) == done["release"]
    gate.touch()
    for run in (run_id, waiting):
        assert consistent(platform, "one", run) == (done["release"], "d")
    eventually(lambda: platform.airflow.call("GET", "/importErrors")["total_entries"] == 0)
    assert consistent(platform, "three", platform.trigger("three")) == (done["release"], "d")
    # The version is as new as its run: the scheduler checks that they belong together.
    made = f"run {run_id} of one starts entirely on release {done['release']}"
    assert made in (platform.folder / ".tradewind/logs/scheduler.log").read_text()


def test_back_with_one_command(platform: Running, tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    write(folder, "f", "one")
    before = release(platform)
    platform.tradewind("dags", "deploy", "-e", "local", str(folder))
    assert consistent(platform, "one", platform.trigger("one"))[1] == "f"
    platform.tradewind("dags", "rollback", "-e", "local")
    assert release(platform) == before
    run_id = platform.trigger("one")
    assert pinned(platform, "one", run_id) == before
    assert consistent(platform, "one", run_id)[1] != "f"


def test_a_run_in_flight_ends_when_its_dag_moves_to_another_file(platform: Running, tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    write(folder, "g", "one", "two")
    platform.tradewind("dags", "deploy", "-e", "local", str(folder))
    gate = tmp_path / "gate"
    runs = [("one", in_flight(platform, "one", gate)), ("two", in_flight(platform, "two", gate))]
    write(folder, "h", "one", "two")
    (folder / "one.py").rename(folder / "moved.py")
    (folder / "moved.py").write_text((folder / "moved.py").read_text() + (folder / "two.py").read_text())
    (folder / "two.py").write_text("")
    platform.tradewind("dags", "deploy", "-e", "local", str(folder))
    assert platform.airflow.call("GET", "/dags/one")["relative_fileloc"] == "moved.py"
    gate.touch()
    for dag, run_id in runs:
        assert consistent(platform, dag, run_id)[1] == "g"
        assert consistent(platform, dag, platform.trigger(dag))[1] == "h"


def test_the_gate_asks_the_platform_for_what_dags_need(platform: Running, tmp_path: Path) -> None:
    folder = platform.folder / "dags"
    gate = tmp_path / "gate"
    run_id = in_flight(platform, "one", gate)
    (folder / "one.py").unlink()
    (folder / "asks.py").write_text(
        "from airflow.sdk import DAG, Variable\nfrom airflow.providers.standard.operators.empty import EmptyOperator\n"
        "with DAG('asks', schedule=None):\n    EmptyOperator(task_id='t', pool='small')\n"
        "def later():\n    return Variable.get('region'), Variable.get('zone')\n"
    )
    platform.airflow.call("POST", "/variables", {"key": "region", "value": "x"})
    done = platform.tradewind("dags", "test", "--json", check=False)
    findings = json.loads(done.stdout)["findings"]
    assert {(f["rule"], f["error"], f["text"].partition(";")[0]) for f in findings} == {
        ("pool", True, "there is no pool small"),
        ("variable", True, "there is no variable zone"),
        ("removed", False, "the DAG one was removed"),
    }
    gate.touch()
    consistent(platform, "one", run_id)


class InFlight(Meanwhile):
    """Keeps ``wanted`` runs in flight."""

    def __init__(self, platform: Running, wanted: int) -> None:
        super().__init__()
        self.platform, self.wanted = platform, wanted
        self.runs: list[tuple[str, str]] = []
        self._dags = cycle(DAGS)

    def step(self) -> float:
        for _ in range(self.wanted - self.platform.airflow.call("GET", UNFINISHED)["total_entries"]):
            dag = next(self._dags)
            self.runs.append((dag, self.platform.trigger(dag)))
        return 0.5


def test_deployments_one_after_another_with_runs_always_in_flight(platform: Running, tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    write(folder, "n0", *DAGS)
    platform.tradewind("dags", "deploy", "-e", "local", str(folder))
    deployed = {release(platform): "n0"}
    with InFlight(platform, RUNS_IN_FLIGHT) as load:
        eventually(lambda: len(load.runs) >= RUNS_IN_FLIGHT)
        for number in range(1, DAG_DEPLOYMENTS + 1):
            write(folder, f"n{number}", *DAGS)
            platform.tradewind("dags", "deploy", "-e", "local", str(folder), "--no-confirm")
            deployed[release(platform)] = f"n{number}"
    # No run is stuck, no task has failed, and every task ran the release of its run.
    found = [consistent(platform, dag, run_id) for dag, run_id in load.runs]
    assert all(deployed[pinned] == which for pinned, which in found)
    print(f"{DAG_DEPLOYMENTS} deployments, {len(found)} runs on {len(set(found))} releases")
    assert len(deployed) == DAG_DEPLOYMENTS + 1
