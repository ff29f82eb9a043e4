"""The work and the report of ``tradewind dags test``. A module of its own: it loads while the importer starts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tradewind import junit
from tradewind.cli import explained, options, terminal
from tradewind.cli.progress import bar
from tradewind.config import NoConfigurationError
from tradewind.config.gate_settings import Gate
from tradewind.dags.gate import gate as gates
from tradewind.dags.gate.gate import Tested
from tradewind.dags.gate.import_client import Importer
from tradewind.dags.gate.rules import EnvironmentFacts, EnvironmentQuery, Finding
from tradewind.dags.gate.suite import Suite
from tradewind.dags.gate.suite import run as run_suite
from tradewind.dags.source import repository_of, source_of
from tradewind.dags.tree import collect
from tradewind.environments import LOCAL
from tradewind.environments.interface import Environment
from tradewind.errors import ExitCode, TradewindError, printable
from tradewind.protocol.controller_requests import FindDependencies

_AT_IMPORT = {
    "core.executor": "AIRFLOW__CORE__EXECUTOR",
    "operators.default_queue": "AIRFLOW__OPERATORS__DEFAULT_QUEUE",
}
"""Settings of Airflow that decide in which queue tasks wait, and the variables that set them."""


@dataclass(frozen=True)
class Rules:
    """The rules for a folder. ``queues``: the queues that the workers serve; empty without an environment."""

    gate: Gate
    folder: Path
    queues: frozenset[str] = frozenset()


def rules(environment: Environment | None, folder: Path | None) -> Rules:
    """The rules of the environment for the folder. Without an environment: Tradewind's defaults for a given folder."""
    if environment is None:
        assert folder is not None
        return Rules(Gate(), folder)
    chosen = environment.described
    own = {
        variable: str(chosen.airflow.settings[key])
        for key, variable in _AT_IMPORT.items()
        if key in chosen.airflow.settings
    }
    gate = chosen.dags.gate.model_copy(update={"variables": {**own, **chosen.dags.gate.variables}})
    return Rules(gate, folder or environment.dag_folder, frozenset(chosen.pool_of_queue))


def environment_of(name: str, folder: Path | None, file: Path | None) -> Environment | None:
    """The environment whose rules apply. None if a folder is tested without a configuration."""
    try:
        return options.environment(file, name)
    except NoConfigurationError:
        if folder is None or name != LOCAL:
            raise
        return None


def examine(rules: Rules, importer: Importer, cache: bool, known: EnvironmentQuery | None) -> Tested:
    """Test the files of the folder, and show progress. ``cache``: import only changed files."""
    remembered = _memory(rules.folder) if cache else None
    with bar("DAG files") as tell:
        files = collect(source_of(rules.folder))
        tested = gates.examine(files, rules.gate, importer, remembered, known, tell, rules.queues)
    if not tested.files:
        raise TradewindError(
            f"there is no DAG file in {rules.folder}",
            "a DAG file is a Python file that contains the words `airflow` and `dag`",
            "tradewind dags test PATH",
            code=ExitCode.USAGE,
        )
    return tested


def say(tested: Tested, own: Suite | None, folder: Path, report: Path | None, as_json: bool) -> bool:
    """Print the findings. Return whether the gate passed. ``own``: the result of the repository's own tests."""
    findings = (*tested.findings, *(own.findings if own else ()))
    passed = not any(finding.error for finding in findings)
    if report:
        try:
            junit.write(report, {"dags": tested.cases()}, [own.report] if own else [])
        except OSError as error:
            raise TradewindError(f"{report} cannot be written", str(error.strerror)) from error
    if as_json:
        terminal.data_json(
            {
                "version": 1,
                "passed": passed,
                "findings": [finding.as_dict() for finding in findings],
                "files": [
                    {"file": found.path, "dags": [dag.id for dag in found.dags], "seconds": found.seconds}
                    for found in tested.files
                ],
                "reused": tested.reused,
                "tests": own.tests if own else None,
                "seconds": tested.seconds,
            }
        )
    else:
        for finding in findings:
            terminal.data(_line(finding, folder))
        _say_tested(tested, own, findings)
    return passed


def _memory(folder: Path) -> Path | None:
    """The folder that keeps results between calls; None if the user has no home folder."""
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # the user has no home folder
        return None
    return caches / "tradewind" / "gate" / hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]


@dataclass(frozen=True)
class _Asked:
    """An EnvironmentQuery that queries the controller of an environment."""

    environment: Environment

    def has(self, connections: frozenset[str], variables: frozenset[str]) -> EnvironmentFacts:
        with explained(f"query the controller of {self.environment.name}"):
            asked = FindDependencies(tuple(sorted(connections)), tuple(sorted(variables)))
            found = self.environment.controller().ask(asked)
        return EnvironmentFacts(
            connections=frozenset(found["connections"]),
            variables=frozenset(found["variables"]),
            pools=frozenset(found["pools"]),
            unfinished={dag: frozenset(tasks) for dag, tasks in found["unfinished"].items()},
        )


def known(environment: Environment | None) -> EnvironmentQuery | None:
    """The query for the facts of the environment; None if its controller is not reachable."""
    return _Asked(environment) if environment and environment.controller_is_reachable() else None


def suite(rules: Rules) -> Suite | None:
    """Run the repository's own tests. None if it has none."""
    folder, gate = rules.folder, rules.gate
    root = repository_of(folder) or folder.resolve().parent
    tests = root / gate.tests if gate.tests else _beside(folder.resolve(), root)
    if gate.tests and not tests.is_dir():
        raise TradewindError(f"there is no folder {tests}", "dags.gate.tests names it", code=ExitCode.USAGE)
    return run_suite(tests, root, folder.resolve(), gate.tests_timeout_s, gate.variables) if tests.is_dir() else None


def _beside(folder: Path, root: Path) -> Path:
    return (folder if folder == root else folder.parent) / "tests"


def _line(finding: Finding, folder: Path) -> str:
    """One finding, in the form that editors and CI link to. Findings of the repository's tests have their own paths."""
    path = finding.file if finding.rule == "tests" else str(folder / finding.file)
    place = ":".join([path, *([str(finding.line)] if finding.line else [])])
    kind = "error" if finding.error else "warning"
    rule = "" if finding.rule == "tests" else f"{finding.rule}: "  # the place says so
    first, *others = printable(finding.text).splitlines() or [""]
    return "\n".join([f"{place}: {kind}: {rule}{first}", *(f"    {line}" for line in others)])


def _say_tested(tested: Tested, own: Suite | None, findings: Sequence[Finding]) -> None:
    dags = sum(len(file.dags) for file in tested.files)
    errors = sum(1 for finding in findings if finding.error)
    again = f" ({tested.reused:,} from the cache)" if tested.reused else ""
    tests = f"; {_count(own.tests, 'test')}" if own else ""
    terminal.say(f"{_count(len(tested.files), 'file')}{again}, {_count(dags, 'DAG')} in {tested.seconds:.1f} s{tests}")
    said = f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}"
    terminal.say(said, "red" if errors else "green")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
