"""``tradewind dags build``: its output, and the files that it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

COMMAND = Path(sys.executable).parent / "tradewind"


def build(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(COMMAND), "dags", "build", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def commit(folder: Path) -> str:
    git = ("git", "-C", str(folder), "-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "dags"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "first"], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()


def test_a_release_of_a_commit(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "a.py").write_text("A = 1\n")
    at = commit(tmp_path)

    said = build(tmp_path, "dags")

    release = said.stdout.strip()
    assert (said.returncode, said.stdout) == (0, f"{release}\n")
    assert said.stderr == f"1 file of commit {at[:12]}\nbuild/dags/{release}.zip, build/dags/{release}.json\n"
    assert json.loads(build(tmp_path, "dags", "--json").stdout) == {
        "version": 1,
        "release": release,
        "archive": f"build/dags/{release}.zip",
        "manifest": f"build/dags/{release}.json",
        "files": 1,
        "bytes": 6,
        "commit": at,
        "dirty": False,
    }

    (tmp_path / "dags" / "a.py").write_text("A = 2\n")
    changed = build(tmp_path, "dags")
    assert changed.stderr.startswith(f"1 file of commit {at[:12]}, with uncommitted changes\n")
    assert changed.stdout != said.stdout
    assert build(tmp_path, "dags", "--ref", "HEAD").stdout == said.stdout


def test_what_cannot_be_released(tmp_path: Path) -> None:
    (tmp_path / "a.py").symlink_to("/etc/passwd")
    (tmp_path / "b.py").symlink_to("missing")

    said = build(tmp_path, ".", "--output", "to")

    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == (
        "error: these files cannot be released: 2 problems\n"
        "  a.py: a link that leaves the folder ('/etc/passwd')\n"
        "  b.py: a broken link ('missing')\n"
    )
    assert not (tmp_path / "to").exists()
