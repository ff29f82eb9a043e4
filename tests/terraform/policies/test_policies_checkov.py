"""checkov checks the code, and the plans of the large example."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from deployed import everything
from harness import PROJECT
from policies.findings import (
    TERRAFORM,
    Finding,
    explanations,
    place,
    place_in_file,
    unexplained,
    useless,
    without_comments,
)

CHECKOV = PROJECT / ".venv-checks/bin/checkov"

SKIPPED = not CHECKOV.exists() and not os.environ.get("TRADEWIND_SKIP_NOTHING")
pytestmark = pytest.mark.skipif(SKIPPED, reason="checkov is not installed: make .venv-checks/.installed")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[Finding]]:
    """The number of passed checks, and the findings, without any explanations."""
    folder = tmp_path_factory.mktemp("checkov")
    code = folder / "code"
    shutil.copytree(TERRAFORM, code, ignore=shutil.ignore_patterns(".terraform*", "tests"))
    for path in code.rglob("*.tf"):
        path.write_text(without_comments(path.read_text()))
    plans = folder / "plans"
    plans.mkdir()
    for each in everything()[0]:
        (plans / f"{each.name}.json").write_text(each.settled)
    read = _run("terraform", code)
    made = _run("terraform_plan", plans)
    found = [
        Finding("checkov", each["check_id"], place_in_file(each["file_path"], each["resource"]))
        for each in read["results"]["failed_checks"]
    ]
    parsed = {each.name: json.loads(each.settled) for each in everything()[0]}
    for each in made["results"]["failed_checks"]:
        name = Path(each["file_path"]).stem
        found.append(Finding("checkov", each["check_id"], place(name.split("-")[0], each["resource"], parsed[name])))
    assert not read["summary"]["parsing_errors"]
    assert not made["summary"]["parsing_errors"]
    return read["summary"]["passed"] + made["summary"]["passed"], found


def test_every_finding_is_explained(report: tuple[int, list[Finding]], capsys: pytest.CaptureFixture[str]) -> None:
    passed, found = report
    reasons = explanations("checkov")
    left = unexplained(found, reasons)
    with capsys.disabled():
        print(
            f"\ncheckov: {passed + len(found)} checks, {len(found)} failed at {len(set(found))} places, "
            f"{len(set(found)) - len(left)} explained"
        )
    assert passed > 3000
    assert not left, "\n".join(map(str, left))
    assert not (unused := useless(reasons)), "\n".join(unused)


def _run(framework: str, folder: Path) -> dict[str, Any]:
    arguments = ["--directory", str(folder), "--framework", framework, "--quiet", "--compact", "--output", "json"]
    run = subprocess.run(
        [CHECKOV, *arguments, "--skip-download", "--soft-fail"], capture_output=True, text=True, check=True
    )
    report: dict[str, Any] = json.loads(run.stdout)
    return report
