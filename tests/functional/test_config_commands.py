"""The commands of ``tradewind config``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

COMMAND = Path(sys.executable).parent / "tradewind"
ROOT = Path(__file__).parents[2]
LARGE = ROOT / "examples" / "large" / "tradewind.yaml"


def config(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return tradewind("config", *arguments, cwd=cwd)


def environments(*arguments: str) -> subprocess.CompletedProcess[str]:
    return tradewind("environments", *arguments)


def tradewind(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONUTF8": "1"}
    return subprocess.run(
        [str(COMMAND), *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def test_check_says_which_environments_there_are() -> None:
    assert config("check").stdout == "ok: 2 environments: dev, prod\n"
    assert config("check", "--file", str(LARGE)).stdout == "ok: 4 environments: dev, staging, pre-prod, prod\n"


def test_check_finds_the_file_from_a_folder_below() -> None:
    result = config("check", cwd=ROOT / "examples")

    assert (result.returncode, result.stdout) == (0, "ok: 2 environments: dev, prod\n")


def test_environments_say_where_their_releases_come_from() -> None:
    lines = environments("--file", str(LARGE)).stdout.splitlines()

    assert [line.split() for line in lines[1:]] == [
        ["dev", "non-production", "develop"],
        ["staging", "non-production", "main"],
        ["pre-prod", "non-production", "dev,", "staging"],
        ["prod", "production", "pre-prod"],
    ]
    assert environments("--names", "--branch", "develop", "--file", str(LARGE)).stdout == "dev\n"
    unknown = environments("--names", "--branch", "feature", "--file", str(LARGE))
    assert (unknown.returncode, unknown.stdout) == (0, "")
    (dev,) = json.loads(environments("--json", "--branch", "main").stdout)["environments"]
    assert dev == {
        "name": "dev",
        "account": "non-production",
        "production": False,
        "branch": "main",
        "promoted_from": [],
    }


def test_check_as_json(tmp_path: Path) -> None:
    assert json.loads(config("check", "--json").stdout) == {"ok": True, "problems": []}

    (tmp_path / "tradewind.yaml").write_text("tennant: acme\n", encoding="utf-8")
    result = config("check", "--json", cwd=tmp_path)

    answer = json.loads(result.stdout)
    assert result.returncode == 2
    assert answer["ok"] is False
    unknown = next(problem for problem in answer["problems"] if problem["path"] == "tennant")
    assert unknown | {"allowed": []} == {
        "path": "tennant",
        "message": "unknown key",
        "value": None,
        "allowed": [],
        "nearest": "tenant",
        "line": 1,
        "column": 1,
    }


def test_no_file_anywhere(tmp_path: Path) -> None:
    result = config("check", cwd=tmp_path)

    assert result.returncode == 2
    assert "there is no tradewind.yaml" in result.stderr
    assert "hint: " in result.stderr
    assert "Traceback" not in result.stderr


def test_other_commands_print_every_problem_on_stderr(tmp_path: Path) -> None:
    (tmp_path / "tradewind.yaml").write_text("tennant: acme\n", encoding="utf-8")

    result = config("show", cwd=tmp_path)

    assert (result.returncode, result.stdout) == (2, "")
    lines = result.stderr.splitlines()
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("tradewind.yaml:1:1: ")


@pytest.mark.parametrize("file", [ROOT / "tradewind.yaml", LARGE], ids=["small", "large"])
def test_what_show_prints_is_a_configuration_with_the_same_meaning(file: Path, tmp_path: Path) -> None:
    shown = config("show", "--file", str(file)).stdout
    copy = tmp_path / "tradewind.yaml"
    copy.write_text(shown, encoding="utf-8")

    assert config("show", "--file", str(copy)).stdout == shown
    assert json.loads(config("show", "--json", "--file", str(copy)).stdout) == yaml.safe_load(shown)


def test_show_one_environment() -> None:
    shown = yaml.safe_load(config("show", "-e", "prod", "--file", str(LARGE)).stdout)

    assert shown["name"] == "prod"
    assert shown["account_id"] == "222222222222"
    assert shown["database"]["multi_az"] is True
    assert shown["network"]["nat_gateways"] == "per-zone"
    assert shown["workers"]["default"]["queues"] == ["default"]


def test_show_an_environment_that_does_not_exist() -> None:
    result = config("show", "-e", "prodd")

    assert result.returncode == 2
    assert (
        result.stderr == "error: there is no environment 'prodd': did you mean prod?\nhint: environments: dev, prod\n"
    )


def test_schema_is_json() -> None:
    assert json.loads(config("schema").stdout)["title"] == "tradewind.yaml"


def test_reference_is_markdown() -> None:
    assert config("reference").stdout.startswith("# Configuration\n")
