"""Runs the repository's own tests with pytest, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from tradewind.dags.gate.import_client import environment
from tradewind.dags.gate.rules import Finding

_SHOWN = 20
_PYTEST = "import sys, pytest; sys.path.append(sys.argv[1]); sys.exit(pytest.main(sys.argv[2:]))"
"""The folder of the DAGs is last in ``sys.path``, as in Airflow; pytest alone would put it first."""
_FAILED, _NO_TESTS = 1, 5
"""Exit codes of pytest: tests failed; no tests were found."""


@dataclass(frozen=True)
class Suite:
    """The result. ``report``: pytest's JUnit XML; empty if it wrote none."""

    tests: int
    findings: tuple[Finding, ...]
    report: bytes = b""


def run(tests: Path, root: Path, dags: Path, patience_s: float, variables: Mapping[str, str]) -> Suite:
    """Run the tests of a repository in place, for at most ``patience_s`` seconds. Their output goes to stderr.

    ``tests`` and ``dags`` are folders of the repository. Modules are found below ``dags``, as in Airflow.
    """
    place = os.path.relpath(tests, root)
    if find_spec("pytest") is None:
        return Suite(0, (Finding(True, "tests", place, "pytest is not installed here: pip install pytest"),))
    with tempfile.TemporaryDirectory(prefix="tradewind-suite-") as name:
        home = Path(name)
        report = home / "report.xml"
        # The other JUnit family does not name the file of a test.
        report_of = ["-o", "junit_family=xunit1", f"--junit-xml={report}"]
        options = ["--quiet", "-p", "no:cacheprovider", *report_of, place]
        command = [sys.executable, "-c", _PYTEST, str(dags), *options]
        allowed = environment(home, dags) | dict(variables)
        program = subprocess.Popen(  # noqa: S603
            command, cwd=root, env=allowed, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(), start_new_session=True
        )
        try:
            code: int | None = program.wait(patience_s)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)  # also the processes that its tests have started
            program.wait()
        if code is None:
            return Suite(0, (Finding(True, "tests", place, f"the tests did not end within {patience_s:g} s"),))
        text = report.read_bytes() if report.exists() else b""
    count, found = _read(text, place)
    if code not in {0, _NO_TESTS} and not found:
        found = (Finding(True, "tests", place, f"pytest ended with exit code {code}"),)
    return Suite(count, found, text)


def _read(report: bytes, place: str) -> tuple[int, tuple[Finding, ...]]:
    if not report:
        return 0, ()
    cases = ElementTree.fromstring(report).findall(".//testcase")  # noqa: S314 (pytest wrote it)
    found = []
    for case in cases:
        for kind in ("failure", "error"):
            problem = case.find(kind)
            if problem is not None:
                file = case.get("file") or place
                message = (problem.get("message") or "").strip().splitlines() or [kind]
                line = int(case.get("line") or -1) + 1  # pytest counts from 0
                name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
                found.append(Finding(True, "tests", file, f"{name}: {message[0]}", line))
    more = [Finding(True, "tests", place, f"and {len(found) - _SHOWN} more fail")] if len(found) > _SHOWN else []
    return len(cases), (*found[:_SHOWN], *more)
