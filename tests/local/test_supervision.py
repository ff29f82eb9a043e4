"""Starting twice, scaling, restarting, crashing, kills, stopping: no task is lost, no process is left."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from running import COMMAND, DAGS, Running, eventually

pytestmark = pytest.mark.local


def test_up_twice_is_harmless(platform: Running) -> None:
    before = {row["name"]: row["pid"] for row in platform.status()["processes"]}
    again = platform.tradewind("up")
    assert "the platform is already running" in again.stderr
    assert {row["name"]: row["pid"] for row in platform.status()["processes"]} == before


def test_up_with_other_dags_is_refused_while_it_runs(platform: Running, tmp_path: Path) -> None:
    refused = platform.tradewind("up", "--dags", str(tmp_path), check=False)
    assert refused.returncode == 1
    assert "another platform is already running here" in refused.stderr
    assert "tradewind down" in refused.stderr


def test_scale_and_restart(platform: Running) -> None:
    platform.tradewind("scale", "--workers", "3")
    assert platform.row("worker-3")["state"] == "healthy"
    platform.tradewind("scale", "--workers", "2")
    eventually(lambda: "worker-3" not in [row["name"] for row in platform.status()["processes"]])
    before = platform.row("flower")["pid"]
    platform.tradewind("restart", "flower")
    row = platform.row("flower")
    assert row["pid"] != before
    assert row["state"] == "healthy"
    assert row["restarts"] >= 1


def test_a_worker_that_leaves_finishes_its_tasks(platform: Running) -> None:
    run_id = platform.trigger("inflight", tasks=16, seconds=6)
    eventually(lambda: sum(t["state"] == "running" for t in platform.tasks("inflight", run_id)) >= 9)
    platform.tradewind("scale", "--workers", "1")
    assert eventually(lambda: (s := platform.state("inflight", run_id)) in {"success", "failed"} and s) == "success"
    assert {t["try_number"] for t in platform.tasks("inflight", run_id)} == {1}
    eventually(lambda: len(workers(platform)) == 1)
    platform.tradewind("scale", "--workers", "2")
    assert len(workers(platform)) == 2


def workers(platform: Running) -> list[str]:
    return [row["name"] for row in platform.status()["processes"] if row["service"] == "worker"]


def test_a_killed_supervisor_is_noticed_and_cleaned_up(platform: Running) -> None:
    there = workers(platform)
    os.kill(platform.status()["supervisor_pid"], signal.SIGKILL)
    eventually(lambda: platform.status()["supervisor"] == "killed")
    assert platform.tradewind("status", check=False).returncode == 3
    left = {row["name"]: row["pid"] for row in platform.status()["processes"] if row["state"] == "abandoned"}
    assert {"database", "web", *there} <= left.keys()
    assert "the supervisor was killed" in platform.tradewind("run", "canary", check=False).stderr
    done = platform.tradewind("up")  # cleans up, then starts
    assert done.stderr.startswith(f"the supervisor was killed; {len(left)} processes run without it: ")
    assert not [pid for pid in left.values() if psutil.pid_exists(pid)]
    assert platform.tradewind("status").returncode == 0
    os.kill(platform.status()["supervisor_pid"], signal.SIGKILL)
    platform.tradewind("down")
    eventually(lambda: not platform.left_behind())
    platform.tradewind("up")


def test_down_lets_tasks_finish_and_leaves_nothing(platform: Running) -> None:
    urls = platform.status()["urls"]
    run_id = platform.trigger("inflight", tasks=4, seconds=30)  # long enough that also a slow machine runs all at once
    eventually(lambda: sum(t["state"] == "running" for t in platform.tasks("inflight", run_id)) == 4)
    platform.tradewind("down")
    assert platform.left_behind() == []
    assert not (platform.folder / ".tradewind/run").exists()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(urls["web"].rsplit(":", 1)[1])), timeout=2)
    platform.tradewind("up")
    assert eventually(lambda: (s := platform.state("inflight", run_id)) in {"success", "failed"} and s) == "success"
    assert {t["try_number"] for t in platform.tasks("inflight", run_id) if t["task_id"] == "work"} == {1}


def test_interrupting_up_stops_what_has_started(tmp_path: Path) -> None:
    fresh = Running.create(tmp_path, DAGS)
    with subprocess.Popen(
        [str(COMMAND), "up"], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr
        for line in process.stderr:
            if "database       starting" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert fresh.left_behind() == []
    assert not (tmp_path / ".tradewind/run").exists()


def test_a_service_that_cannot_start_is_reported_with_its_last_lines(tmp_path: Path) -> None:
    broken = Running.create(tmp_path, DAGS)
    file = tmp_path / "tradewind.yaml"
    file.write_text(
        file.read_text().replace("network:", "airflow: {settings: {core.executor: no.such.Executor}}\n    network:")
    )
    result = broken.tradewind("up", check=False)
    assert result.returncode == 1
    assert "scheduler exits repeatedly: exit code 1; its last lines:" in result.stderr
    assert "hint: the whole log: " in result.stderr
    assert broken.left_behind() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="the whole suite runs as an ordinary user already")
def test_as_an_ordinary_user_beside_another_checkout(platform: Running) -> None:
    """A second platform of another user runs beside the first one. They do not disturb each other."""
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are for its own user
    Running.create(folder, database="embedded")
    with (folder / "tradewind.yaml").open("a") as file:
        file.write("  workers: 1\n")
    shutil.copy(DAGS / "inflight.py", folder / "dags")
    uid = pwd.getpwnam("daemon").pw_uid  # PostgreSQL needs a user with a name; this one exists everywhere
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, uid)
    # The Python of the tests may be in a folder of root. The user gets one capability more: to read it.
    argv = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=+dac_read_search"]
    argv += ["--ambient-caps=+dac_read_search", str(COMMAND)]
    env = {**os.environ, "HOME": str(folder)}

    def ordinary(*arguments: str) -> str:
        result = subprocess.run([*argv, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout + result.stderr

    try:
        output = ordinary("up", "--run", "inflight")
        assert "inflight succeeded" in output
        web = platform.status()["urls"]["web"]
        assert web not in output
        assert re.search(r"port \d+ is in use by", output)  # perhaps by another platform of these tests
        assert platform.status()["healthy"]
    finally:
        ordinary("down", "--wipe")
    assert list(folder.glob(".tradewind")) == []
    shutil.rmtree(folder)
    marked = [p for p in psutil.process_iter(["uids"]) if p.info["uids"] and p.info["uids"].real == uid]
    assert marked == []
    assert platform.status()["healthy"]


@pytest.mark.soak  # each change runs README's command, which starts them
def test_airflows_own_examples_load_and_run(tmp_path: Path) -> None:
    script = "import airflow.example_dags as e; print(e.__path__[0])"
    found = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    shipped = Running.create(tmp_path, DAGS)
    shipped.tradewind("up", "--dags", found.stdout.strip().splitlines()[-1])
    try:
        # The command waits until every file is parsed, because any file may define the DAG.
        assert "there is no DAG 'nowhere'" in shipped.tradewind("run", "nowhere", check=False).stderr
        assert shipped.airflow.call("GET", "/dags?limit=1")["total_entries"] > 50
        errors = shipped.airflow.call("GET", "/importErrors")["import_errors"]
        # They need plugins that only `load_examples` loads.
        readme = (Path(__file__).parents[2] / "README.md").read_text()
        assert {e["filename"] for e in errors} == {f"{name}.py" for name in re.findall(r"`(example_\w+)`", readme)}
        for dag in ("tutorial_taskflow_api", "example_dynamic_task_mapping", "example_branch_labels"):
            assert f"{dag} succeeded" in shipped.tradewind("run", dag).stdout
    finally:
        shipped.tradewind("down", "--now")
