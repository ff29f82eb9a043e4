"""``tradewind dags deploy`` and what belongs to it, on a shared folder, as a pipeline uses them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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
    return dict(json.loads(dags(folder, "list", "dev", "--shared", "efs", "--json").stdout))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "efs").mkdir()
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags/a.py").write_text("import helper\n")
    (tmp_path / "dags/helper.py").write_text("X = 1\n")
    return tmp_path


def test_there_and_back_and_what_is_between(folder: Path) -> None:
    one = dags(folder, "deploy", "dev", "--from", "dags", "--shared", "efs")
    assert one.stderr == "2 files of a folder without commits\nin force\n"
    (folder / "dags/helper.py").write_text("X = 2\n")
    (folder / "dags/b.py").write_text("")
    two = dags(folder, "deploy", "dev", "--from", "dags", "--shared", "efs", "--json")
    found = json.loads(two.stdout)
    assert found == {
        "version": 1,
        "release": found["release"],
        "changed": True,
        "before": one.stdout.strip(),
        "served_s": None,
        "confirmed_s": None,
    }
    assert dags(folder, "deploy", "dev", "--from", "dags", "--shared", "efs").stderr.endswith("in force already\n")
    between = dags(folder, "diff", "dev", "--shared", "efs")
    assert between.stdout == "added    b.py\nchanged  helper.py\nimports  a.py\n"
    assert between.stderr == f"{one.stdout.strip()} to {found['release']}: 2 differ, 1 import them\n"
    assert dags(folder, "rollback", "dev", "--shared", "efs").stdout == one.stdout
    assert listed(folder)["in_force"]["release"] == one.stdout.strip()
    backwards = json.loads(dags(folder, "diff", "dev", "--shared", "efs", "--json").stdout)
    assert backwards["files"] == [{"path": "b.py", "change": "deleted"}, {"path": "helper.py", "change": "changed"}]
    assert backwards["importers"] == ["a.py"]


def test_a_repository_is_fetched(folder: Path) -> None:
    shutil.copy(ROOT / "tradewind.yaml", folder)
    git(folder, "init", "--quiet", "--initial-branch", "main", "team")
    (folder / "team/dags").mkdir()
    (folder / "team/dags/a.py").write_text("A = 1\n")
    (folder / "team/README.md").write_text("not for Airflow")
    git(folder / "team", "add", ".")
    git(folder / "team", "commit", "--quiet", "--message", "first")
    url = f"file://{folder}/team"
    ask = ("deploy", "dev", "--shared", "efs", "--repo", url)
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
        (("deploy", "dev", "--from", "dags"), "error: the DAG files of dev are out of reach: they are on its shared"),
        (("deploy", "dev", "--from", "dags", "--shared", "nowhere"), "error: there is no folder nowhere: the shared"),
        (("deploy", "dev", "--from", "nowhere", "--shared", "efs"), "error: there is no folder nowhere"),
        (("rollback", "dev", "--shared", "efs"), "error: there is no earlier DAG release"),
        (("deploy", "local", "--from", "dags"), "error: there is no tradewind.yaml"),
        (
            ("deploy", "dev", "--shared", "efs", "--repo", "ext::sh -c touch% owned"),
            "error: there is no tradewind.yaml",
        ),
    ],
)
def test_what_cannot_be(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    assert dags(folder, *arguments, code=2).stderr.startswith(said)


@pytest.mark.parametrize("url", ["ext::sh -c touch% owned", "--upload-pack=touch owned", "file:///nowhere"])
def test_a_repository_that_is_none(folder: Path, url: str) -> None:
    shutil.copy(ROOT / "tradewind.yaml", folder)
    said = dags(folder, "deploy", "dev", "--shared", "efs", f"--repo={url}", code=2)
    assert said.stderr.startswith("error: git fetch failed")
    assert not list(folder.rglob("owned"))


def test_a_release_that_is_not_there_and_one_that_is_in_the_way(folder: Path) -> None:
    one = dags(folder, "deploy", "dev", "--from", "dags", "--shared", "efs").stdout.strip()
    refused = dags(folder, "rollback", "dev", "--to", "d-0000000000000000", "--shared", "efs", code=1)
    assert "there is no DAG release d-0000000000000000" in refused.stderr
    assert (
        "is no name of a DAG release"
        in dags(folder, "rollback", "dev", "--to", "../x", "--shared", "efs", code=1).stderr
    )
    (folder / f"efs/releases/{one}.zip").write_bytes(b"no archive")
    (folder / "dags/b.py").write_text("")
    dags(folder, "deploy", "dev", "--from", "dags", "--shared", "efs")
    damaged = dags(folder, "rollback", "dev", "--shared", "efs", code=1)
    assert f"the archive efs/releases/{one}.zip is damaged: File is not a zip file" in damaged.stderr
    assert listed(folder)["in_force"]["release"] != one
    (folder / "dags/b.py").unlink()
    again = dags(folder, "deploy", "dev", "--from", "dags", "--shared", "efs").stdout.strip()
    assert again == one, "made again, it is whole"


def test_made_once_and_put_in_force_in_two_places_from_a_store(folder: Path) -> None:
    (folder / "efs2").mkdir()
    release = dags(folder, "build", "dags", "--store", "store").stdout.strip()
    assert sorted(path.name for path in (folder / "store").iterdir()) == [f"{release}.json", f"{release}.zip"]
    shutil.rmtree(folder / "dags")
    for shared in ("efs", "efs2"):
        done = dags(folder, "deploy", "dev", "--release", release, "--store", "store", "--shared", shared)
        assert done.stdout == f"{release}\n"
    assert listed(folder)["in_force"]["release"] == release
    again = dags(folder, "deploy", "dev", "--release", release, "--store", "store", "--shared", "efs")
    assert again.stderr.endswith("in force already\n")


def test_what_the_store_does_not_have(folder: Path) -> None:
    missing = ("deploy", "dev", "--release", "d-0000000000000000", "--shared", "efs")
    assert "is not in the store" in dags(folder, *missing, "--store", "store", code=1).stderr
    assert "--release needs --store" in dags(folder, *missing, code=2).stderr
    both = dags(folder, *missing, "--store", "store", "--from", "dags", code=2)
    assert "nothing to make a release of" in both.stderr
    assert "names no bucket" in dags(folder, "build", "dags", "--store", "s3://", code=2).stderr


def test_a_deployment_keeps_what_it_made(folder: Path) -> None:
    release = dags(folder, "deploy", "dev", "--from", "dags", "--store", "store", "--shared", "efs").stdout.strip()
    assert (folder / "store" / f"{release}.zip").exists()
