"""Every malformed configuration gives exactly the error text in the file beside it.

To write the expected texts again and review the difference: ``TRADEWIND_REWRITE_GOLDEN=1 pytest tests/functional``.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).parent / "tradewind"
FOLDER = Path(__file__).parent / "malformed"
CASES = sorted(FOLDER.glob("*.yaml"))


def check(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str(COMMAND), "config", "check", *arguments]
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONUTF8": "1"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", timeout=60)


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 25
    assert {case.stem for case in CASES} == {text.stem for text in FOLDER.glob("*.txt")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_malformed(case: Path) -> None:
    result = check("--file", case.name, cwd=FOLDER)

    said = (result.stdout + "--\n" + result.stderr).replace(case.name, "tradewind.yaml")
    expected = case.with_suffix(".txt")
    if os.environ.get("TRADEWIND_REWRITE_GOLDEN"):
        expected.write_text(said, encoding="utf-8")
    assert result.returncode == 2
    assert "Traceback" not in said
    assert said == expected.read_text(encoding="utf-8")


def test_absent_file(tmp_path: Path) -> None:
    result = check("--file", "nowhere.yaml", cwd=tmp_path)

    assert result.returncode == 2
    assert result.stdout == "nowhere.yaml: there is no such file\n"


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    result = check("--file", ".", cwd=tmp_path)

    assert result.returncode == 2
    assert result.stdout == ".: is a folder, not a file; did you mean the tradewind.yaml in it?\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "tradewind.yaml"
    path.touch(mode=0o000)

    result = check(cwd=tmp_path)

    assert result.returncode == 2
    assert result.stdout == "tradewind.yaml: cannot be read: permission denied\n"


def test_enormous_file(tmp_path: Path) -> None:
    (tmp_path / "tradewind.yaml").write_bytes(b"#" * 1_000_001)

    result = check(cwd=tmp_path)

    assert result.returncode == 2
    assert result.stdout == "tradewind.yaml: is larger than 1,000,000 bytes: not a configuration\n"
