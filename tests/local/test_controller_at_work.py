"""The controller on the real platform: it scales workers, executes commands, and continues after a kill."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pinned import release, write
from running import COMMAND, DAGS, Running, eventually

pytestmark = pytest.mark.local

SCALING = """\
    workers:
      default: {scale_in_stabilization_s: 15}
local:
  workers: 1
  max_workers: 3
  slots: 4
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running.create(tmp_path_factory.mktemp("controller"), DAGS)
    write(running.folder / "dags", "a", "one")
    configuration = running.folder / "tradewind.yaml"
    configuration.write_text(configuration.read_text().replace("local:\n", SCALING))
    running.tradewind("up")
    yield running
    running.tradewind("down", "--now")
    assert running.left_behind() == []


def workers(platform: Running) -> list[str]:
    return [row["name"] for row in platform.status()["processes"] if row["service"] == "worker" and row["wanted"]]


def test_workers_come_with_the_tasks_and_go_after_them(platform: Running) -> None:
    """Workers drain before they are removed: no task has a second attempt."""
    assert len(workers(platform)) == 1
    run_id = platform.trigger("inflight", tasks=24, seconds=10)
    eventually(lambda: len(workers(platform)) == 3)
    assert eventually(lambda: (s := platform.state("inflight", run_id)) in {"success", "failed"} and s) == "success"
    tasks = platform.tasks("inflight", run_id)
    assert {task["try_number"] for task in tasks} == {1}
    assert len({task["hostname"] for task in tasks}) >= 1
    eventually(lambda: len(workers(platform)) == 1)
    log = (platform.folder / ".tradewind/logs/controller.log").read_text()
    assert "are cordoned" in log
    # And again, with the remaining worker.
    run_id = platform.trigger("inflight", tasks=4, seconds=1)
    assert eventually(lambda: (s := platform.state("inflight", run_id)) in {"success", "failed"} and s) == "success"


def test_a_number_that_a_person_has_fixed_stays(platform: Running) -> None:
    platform.tradewind("scale", "--workers", "2")
    run_id = platform.trigger("inflight", tasks=24, seconds=3)
    assert eventually(lambda: (s := platform.state("inflight", run_id)) in {"success", "failed"} and s) == "success"
    assert len(workers(platform)) == 2


def test_a_controller_that_is_killed_goes_on_with_what_it_was_doing(platform: Running, tmp_path: Path) -> None:
    """The kill is at a random moment of the command; the next controller finishes the command."""
    source = tmp_path / "source"
    source.mkdir()
    platform.tradewind("dags", "deploy", "-e", "local")
    inbox = platform.folder / ".tradewind/controller/inbox.json"
    for which in ("b", "c", "d"):
        write(source, which, "one")
        before = release(platform)
        command = [str(COMMAND), "dags", "deploy", "-e", "local", str(source)]
        deploying = subprocess.Popen(
            command, cwd=platform.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        eventually(lambda: json.loads(inbox.read_text())["commands"])
        platform.kill("controller")
        said, told = deploying.communicate(timeout=600)
        assert deploying.returncode == 0, told
        assert said.strip() == release(platform) != before
        assert json.loads(inbox.read_text())["commands"] == []
    eventually(lambda: platform.row("controller")["restarts"] >= 3)


def test_of_two_deployers_one_wins_and_the_other_is_told(platform: Running, tmp_path: Path) -> None:
    sources = [tmp_path / name for name in ("x", "y")]
    for which, source in zip("ef", sources, strict=True):
        source.mkdir()
        write(source, which, "one")
    ended: list[subprocess.CompletedProcess[str]] = []

    def deploy(source: Path) -> None:
        ended.append(platform.tradewind("dags", "deploy", "-e", "local", str(source), check=False))

    threads = [threading.Thread(target=deploy, args=(source,)) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [done for done in ended if done.returncode == 0]
    lost = [done for done in ended if done.returncode]
    # If one has ended before the other begins, both succeed.
    assert won
    assert all("another change of local is under way: dags.deploy by" in done.stderr for done in lost)
    assert release(platform) in {done.stdout.strip() for done in won}
