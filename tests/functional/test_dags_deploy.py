"""``tradewind dags deploy`` and related commands, with a real controller and without Airflow."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewind.dag_releases.shared_folder import SharedFolder
from tradewind.local import supervisor_socket
from tradewind.local.controller_records import records, store
from tradewind.local.paths import StateDirectory
from tradewind.protocol.command_queue import CommandQueue
from tradewind.protocol.controller_requests import DeployDags
from tradewind.runtime.controller.dag_commands import DagCommands
from tradewind.runtime.controller.dag_deployment import Deployment
from tradewind.runtime.controller.dispatcher import Dispatcher

COMMAND = Path(sys.executable).parent / "tradewind"
ROOT = Path(__file__).parents[2]


def dags(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(COMMAND), "dags", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True)


def listed(folder: Path) -> dict[str, Any]:
    return dict(json.loads(dags(folder, "list", "--json").stdout))


class Platform:
    """The parts of this machine's platform that the commands need: a supervisor's socket, and a controller."""

    def __init__(self, state_dir: StateDirectory) -> None:
        state_dir.create()
        self.stopped = threading.Event()
        commands = DagCommands(Deployment(SharedFolder(state_dir.dags), None), store(state_dir), "local")
        self._desk = Dispatcher(CommandQueue(records(state_dir), "local"), commands.handlers(), self.stopped)
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(supervisor_socket.serve(state_dir, self._answer))
        self._threads = [threading.Thread(target=self._loop.run_forever), threading.Thread(target=self._work)]
        for thread in self._threads:
            thread.start()

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"services": [], "containers": False}

    def _work(self) -> None:
        while not self.stopped.wait(0.05):
            self._desk.look()

    def end(self) -> None:
        self.stopped.set()
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        for thread in self._threads:
            thread.join()
        self._loop.close()


@pytest.fixture
def platform(folder: Path) -> Iterator[Platform]:
    made = Platform(StateDirectory.beside(folder / "tradewind.yaml"))
    yield made
    made.end()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "tradewind.yaml", tmp_path)
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags/a.py").write_text("import helper\n")
    (tmp_path / "dags/helper.py").write_text("X = 1\n")
    return tmp_path


def test_there_and_back_and_what_is_between(platform: Platform, folder: Path) -> None:
    one = dags(folder, "deploy", "dags")
    assert one.stderr == "2 files of a folder that is not a git repository\nactive\n"
    (folder / "dags/helper.py").write_text("X = 2\n")
    (folder / "dags/b.py").write_text("")
    two = dags(folder, "deploy", "dags", "--json")
    found = json.loads(two.stdout)
    assert found == {
        "version": 1,
        "release": found["release"],
        "changed": True,
        "before": one.stdout.strip(),
        "served_s": None,
        "confirmed_s": None,
        "environment_release": None,
    }
    assert dags(folder, "deploy", "dags").stderr.endswith("already active\n")
    between = dags(folder, "diff")
    assert between.stdout == "added    b.py\nchanged  helper.py\nimports  a.py\n"
    assert between.stderr == f"{one.stdout.strip()} to {found['release']}: 2 differ, 1 import them\n"
    assert dags(folder, "rollback").stdout == one.stdout
    assert listed(folder)["active"]["release"] == one.stdout.strip()
    backwards = json.loads(dags(folder, "diff", "--json").stdout)
    assert backwards["files"] == [{"path": "b.py", "change": "deleted"}, {"path": "helper.py", "change": "changed"}]
    assert backwards["importers"] == ["a.py"]


def test_hooks_run_around_a_deployment(platform: Platform, folder: Path) -> None:
    for name in ("pre-deploy", "post-deploy"):
        (folder / "hooks").mkdir(exist_ok=True)
        file = folder / "hooks" / name
        script = 'echo "$TRADEWIND_HOOK $TRADEWIND_COMMAND $TRADEWIND_ENV $TRADEWIND_RELEASE" >> called'
        file.write_text(f"#!/bin/sh\n{script}\n[ ! -e refuse ]\n")
        file.chmod(0o755)
    one = dags(folder, "deploy", "dags").stdout.strip()
    assert (folder / "called").read_text().splitlines() == [
        f"pre-deploy dags deploy local {one}",
        f"post-deploy dags deploy local {one}",
    ]

    (folder / "refuse").touch()
    (folder / "dags/helper.py").write_text("X = 2\n")
    refused = dags(folder, "deploy", "dags", code=1)
    assert "hooks/pre-deploy refused the deployment of d-" in refused.stderr
    assert listed(folder)["active"]["release"] == one
    two = dags(folder, "deploy", "dags", "--skip-hooks").stdout.strip()
    assert listed(folder)["active"]["release"] == two != one
    assert len((folder / "called").read_text().splitlines()) == 3


def test_a_repository_is_fetched(platform: Platform, folder: Path) -> None:
    git(folder, "init", "--quiet", "--initial-branch", "main", "team")
    (folder / "team/dags").mkdir()
    (folder / "team/dags/a.py").write_text("A = 1\n")
    (folder / "team/README.md").write_text("not for Airflow")
    git(folder / "team", "add", ".")
    git(folder / "team", "commit", "--quiet", "--message", "first")
    url = f"file://{folder}/team"
    ask = ("deploy", "--repo", url)
    first = dags(folder, *ask, "--ref", "main").stdout.strip()
    (row,) = listed(folder)["releases"]
    assert (row["id"], row["files"], row["dirty"], row["subject"]) == (first, 1, False, "first")
    (folder / "team/dags/a.py").write_text("A = 2\n")
    git(folder / "team", "commit", "--quiet", "--all", "--message", "second")
    assert dags(folder, *ask, "--ref", "main").stdout.strip() != first
    assert dags(folder, *ask, "--ref", row["commit"]).stdout.strip() == first
    refused = dags(folder, *ask, "--ref", "nowhere", code=2)
    assert "there is no commit 'nowhere'" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("deploy", "nowhere"), "error: there is no folder nowhere"),
        (("rollback",), "error: there is no earlier DAG release"),
        (("diff",), "error: no DAG release is active"),
        (("deploy", "dags", "-e", "nowhere"), "error: there is no environment 'nowhere'"),
    ],
)
def test_what_cannot_be(platform: Platform, folder: Path, arguments: tuple[str, ...], said: str) -> None:
    assert dags(folder, *arguments, code=2).stderr.startswith(said)


@pytest.mark.parametrize("command", ["deploy", "rollback", "list", "diff", "prune"])
def test_where_no_platform_runs(folder: Path, command: str) -> None:
    assert "the platform is not running" in dags(folder, command, code=1).stderr
    (folder / "tradewind.yaml").unlink()
    assert "error: there is no tradewind.yaml" in dags(folder, command, code=2).stderr


def test_a_controller_that_is_at_work_is_not_disturbed(platform: Platform, folder: Path) -> None:
    """Of two deployments one wins, and the other gets an error. A deployment that was killed blocks none."""
    platform.stopped.set()
    inbox = CommandQueue(records(StateDirectory.beside(folder / "tradewind.yaml")), "local")
    inbox.send(DeployDags("d-0000000000000000"))
    said = dags(folder, "deploy", "dags", code=1).stderr
    assert "error: another change of local is under way: dags.deploy by " in said


@pytest.mark.parametrize("url", ["ext::sh -c touch% owned", "--upload-pack=touch owned", "file:///nowhere"])
def test_a_repository_that_is_none(platform: Platform, folder: Path, url: str) -> None:
    said = dags(folder, "deploy", f"--repo={url}", code=2)
    assert said.stderr.startswith("error: git fetch failed")
    assert not list(folder.rglob("owned"))


def test_a_release_that_is_not_there_and_one_that_is_in_the_way(platform: Platform, folder: Path) -> None:
    one = dags(folder, "deploy", "dags").stdout.strip()
    refused = dags(folder, "rollback", "d-0000000000000000", code=1)
    assert "there is no DAG release d-0000000000000000" in refused.stderr
    assert "is not the id of a DAG release" in dags(folder, "rollback", "../x", code=2).stderr
    archive = StateDirectory.beside(folder / "tradewind.yaml").dags / f"releases/{one}.zip"
    archive.write_bytes(b"no archive")
    (folder / "dags/b.py").write_text("")
    dags(folder, "deploy", "dags")
    damaged = dags(folder, "rollback", code=1)
    assert f"the archive {archive} is damaged: File is not a zip file" in damaged.stderr
    assert listed(folder)["active"]["release"] != one
    (folder / "dags/b.py").unlink()
    again = dags(folder, "deploy", "dags").stdout.strip()
    assert again == one, "made again, it is whole"


def test_made_once_and_put_in_force_from_a_store(platform: Platform, folder: Path) -> None:
    release = dags(folder, "build", "dags", "--store", "store").stdout.strip()
    assert sorted(path.name for path in (folder / "store").iterdir()) == [f"{release}.json", f"{release}.zip"]
    shutil.rmtree(folder / "dags")
    done = dags(folder, "deploy", "--release", release, "--store", "store")
    assert done.stdout == f"{release}\n"
    assert listed(folder)["active"]["release"] == release
    again = dags(folder, "deploy", "--release", release, "--store", "store")
    assert again.stderr.endswith("already active\n")


def test_what_the_store_does_not_have(platform: Platform, folder: Path) -> None:
    missing = ("deploy", "--release", "d-0000000000000000")
    assert "is not in the store" in dags(folder, *missing, "--store", "store", code=1).stderr
    assert "--release needs --store" in dags(folder, *missing, code=2).stderr
    both = dags(folder, *missing, "--store", "store", "dags", code=2)
    assert "excludes PATH, --ref and --repo" in both.stderr
    assert "does not name a bucket" in dags(folder, "build", "dags", "--store", "s3://", code=2).stderr


def test_a_deployment_keeps_what_it_made(platform: Platform, folder: Path) -> None:
    release = dags(folder, "deploy", "dags", "--store", "store").stdout.strip()
    assert (folder / "store" / f"{release}.zip").exists()
