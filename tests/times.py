"""The durations of the tests: each section, each file and the slowest tests, compared with the previous run.

``python -m tests`` gives pytest the name of a file in TRADEWIND_TIMES; the hooks here write into it how long each test
took, fixtures included, and ``report`` prints what all sections of a run took.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

VARIABLE = "TRADEWIND_TIMES"
SLOWEST = 40
WORTH_S = 0.05
"""Tests that take less count only as part of their file, so that the record stays small."""


@dataclass
class Times:
    """Seconds by section, by file and by test. Sections are wall-clock time, the others are sums over processes."""

    sections: dict[str, float] = field(default_factory=dict)
    files: Counter[str] = field(default_factory=Counter)
    tests: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read the record of a run; an empty one if the file is missing or invalid."""
        try:
            kept = json.loads(file.read_text())
            return cls(kept["sections"], Counter(kept["files"]), Counter(kept["tests"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def write(self, file: Path) -> None:
        """Write the record."""
        file.parent.mkdir(parents=True, exist_ok=True)
        tests = {name: round(seconds, 2) for name, seconds in self.tests.items() if seconds >= WORTH_S}
        files = {name: round(seconds, 2) for name, seconds in self.files.items()}
        sections = {name: round(seconds, 1) for name, seconds in self.sections.items()}
        file.write_text(json.dumps({"sections": sections, "files": files, "tests": tests}, indent=0))

    def add(self, test: str, seconds: float) -> None:
        """Count ``seconds`` for a test and for its file."""
        self.files[test.split("::")[0]] += seconds
        self.tests[test] += seconds

    def include(self, other: Times) -> None:
        """Add the record of another run."""
        self.sections.update(other.sections)
        self.files.update(other.files)
        self.tests.update(other.tests)


def report(now: Times, before: Times) -> Iterator[str]:
    """Lines with the durations, and the differences to the previous run."""
    yield from _table("section", now.sections, before.sections, now.sections)
    yield from _table("file", now.files, before.files, [name for name, _ in now.files.most_common()])
    slowest = [name for name, _ in now.tests.most_common(SLOWEST)]
    yield from _table(f"the slowest {len(slowest)} tests", now.tests, before.tests, slowest)


def _table(
    title: str, now: Mapping[str, float], before: Mapping[str, float], names: Iterator[str] | Any
) -> Iterator[str]:
    yield f"\n{'seconds':>8} {'before':>8}  {title}"
    for name in names:
        change = f"{now[name] - before[name]:+8.1f}" if name in before else f"{'new':>8}"
        yield f"{now[name]:8.1f} {change}  {name}"


class Recorder:
    """A plugin of pytest; with pytest-xdist, it runs in the process that distributes the tests."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.times = Times.read(file)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Add the duration of one stage of a test: set-up, call or tear-down."""
        self.times.add(report.nodeid.split("@")[0], report.duration)

    def pytest_sessionfinish(self) -> None:
        self.times.write(self.file)


def recorder(config: Any) -> Recorder | None:
    """The plugin, if TRADEWIND_TIMES names a record and this process distributes the tests; else None."""
    is_worker = hasattr(config, "workerinput")
    return Recorder(Path(os.environ[VARIABLE])) if os.environ.get(VARIABLE) and not is_worker else None
