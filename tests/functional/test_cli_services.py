"""``tradewind services`` prints exactly the texts in ``golden/``.

To write the expected texts again and review the difference: ``TRADEWIND_REWRITE_GOLDEN=1 pytest tests/functional``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tradewind.blueprint import airflow_settings, services
from tradewind.config import load

COMMAND = Path(sys.executable).parent / "tradewind"
ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
FILES = {"small": ROOT / "tradewind.yaml", "large": ROOT / "examples" / "large" / "tradewind.yaml"}
CASES = {
    "services-small-dev.txt": ("small", "-e", "dev"),
    "services-small-dev.json": ("small", "-e", "dev", "--json"),
    "services-small-prod-settings.txt": ("small", "-e", "prod", "--settings"),
    "services-large-prod.txt": ("large", "-e", "prod"),
    "services-large-prod.json": ("large", "-e", "prod", "--json"),
    "services-large-prod-settings.txt": ("large", "-e", "prod", "--settings"),
    "services-large-prod-settings.json": ("large", "-e", "prod", "--settings", "--json"),
}


def run(example: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(COMMAND), "services", *arguments, "--file", str(FILES[example])],
        env={**os.environ, "NO_COLOR": "1", "PYTHONUTF8": "1", **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


@pytest.mark.parametrize("name", CASES)
def test_as_it_stands_beside(name: str) -> None:
    result = run(*CASES[name])

    file = GOLDEN / name
    if os.environ.get("TRADEWIND_REWRITE_GOLDEN"):
        file.write_text(result.stdout, encoding="utf-8")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == file.read_text(encoding="utf-8")


def test_nothing_else_stands_there() -> None:
    assert {path.name for path in GOLDEN.glob("services-*")} == set(CASES)


@pytest.mark.parametrize("example", FILES)
def test_the_table_has_every_service_and_is_never_cut(example: str) -> None:
    narrow = run(example, "-e", "prod", COLUMNS="40").stdout

    names = [service.name for service in services(load(FILES[example]).environment("prod"))]
    assert [line.split()[0] for line in narrow.splitlines()] == ["SERVICE", *names]


def test_the_table_has_every_setting_with_its_section() -> None:
    lines = run("large", "-e", "prod", "--settings").stdout.splitlines()

    settings = airflow_settings(load(FILES["large"]).environment("prod"))
    assert len(lines) == 1 + len(settings)
    for line, setting in zip(lines[1:], settings, strict=True):
        assert line.startswith(f"[{setting.section}] {setting.key} ")
        assert line.endswith(setting.reason)


@pytest.mark.parametrize("example", FILES)
def test_json_is_sorted_and_complete(example: str) -> None:
    out = run(example, "-e", "prod", "--json").stdout
    found = json.loads(out)

    assert out == json.dumps(found, indent=2, sort_keys=True) + "\n"
    assert [row["name"] for row in found] == [
        service.name for service in services(load(FILES[example]).environment("prod"))
    ]


def test_an_environment_that_does_not_exist() -> None:
    result = run("large", "-e", "preprod")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "error: there is no environment 'preprod': did you mean pre-prod?\n"
        "hint: environments: dev, staging, pre-prod, prod\n"
    )


def test_without_an_environment_it_is_the_one_of_this_machine() -> None:
    assert run("large").stdout == run("large", "-e", "dev").stdout
    assert run("large", TRADEWIND_ENV="prod").stdout == run("large", "-e", "prod").stdout
    assert run("large", "-e", "dev", TRADEWIND_ENV="prod").stdout == run("large").stdout
