"""tf-nag, which has the rules of cdk-nag, checks the plans of the large example."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from deployed import everything
from harness import PROJECT
from policies.findings import Finding, explanations, place, unexplained, useless

TF_NAG = PROJECT / ".venv-checks/bin/tf-nag"

SKIPPED = not TF_NAG.exists() and not os.environ.get("TRADEWIND_SKIP_NOTHING")
pytestmark = pytest.mark.skipif(SKIPPED, reason="tf-nag is not installed: make .venv-checks/.installed")


def test_every_finding_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, resources = [], 0
    for each in everything()[0]:
        path = tmp_path / f"{each.name}.json"
        path.write_text(each.settled)
        run = subprocess.run(
            [TF_NAG, "scan", "--plan-json", path, "--format", "json", "--fail-on", "never", "--unknown-as", "error"],
            capture_output=True,
            text=True,
            check=True,
        )
        resources += len(each.resources)
        plan = json.loads(each.settled)
        found += [
            Finding("tf-nag", entry["rule_id"], place(each.name.split("-")[0], entry["address"], plan))
            for entry in json.loads(run.stdout)
        ]
    reasons = explanations("tf-nag")
    left = unexplained(found, reasons)
    with capsys.disabled():
        print(
            f"\ntf-nag: {resources} resources, {len(found)} findings at {len(set(found))} places, "
            f"{len(set(found)) - len(left)} explained"
        )
    assert resources > 1000
    assert not left, "\n".join(map(str, left))
    assert not (unused := useless(reasons)), "\n".join(unused)
