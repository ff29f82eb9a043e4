"""Helpers for tests of the gate."""

from __future__ import annotations

from pathlib import Path

from tradewind.config.gate_settings import Gate
from tradewind.dags.gate import gate as gates
from tradewind.dags.gate.gate import Tell, Tested
from tradewind.dags.gate.import_client import Importer
from tradewind.dags.tree import Tree


def examine(
    tree: Tree,
    gate: Gate | None = None,
    remembered: Path | None = None,
    tell: Tell = lambda _done, _all: None,
    jobs: int | None = None,
) -> Tested:
    """Test these files with real Airflow, as ``tradewind dags test`` does."""
    with Importer(jobs) as importer:
        return gates.examine(tree, gate or Gate(), importer, remembered, tell=tell)


def errors(tested: Tested) -> dict[str, str]:
    """The error of each file: the rule and the text."""
    return {finding.file: f"{finding.rule}: {finding.text}" for finding in tested.findings if finding.error}
