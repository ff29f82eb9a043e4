"""Where the time of the tests goes: each section, each file and the slowest tests, beside the run before.

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
"""Tests that take less are kept as part of their file only: the record stays small."""


@dataclass
class Times:
    """Seconds by section, by file and by test. Sections are of the wall clock, the others are sums over processes."""

    sections: dict[str, float] = field(default_factory=dict)
    files: Counter[str] = field(default_factory=Counter)
    tests: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, file: Path) -> Self:
        """What a run has left; nothing where there was none."""
        try:
            kept = json.loads(file.read_text())
            return cls(kept["sections"], Counter(kept["files"]), Counter(kept["tests"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def write(self, file: Path) -> None:
        """Keep them."""
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
        """Count what another run has counted, too."""
        self.sections.update(other.sections)
        self.files.update(other.files)
        self.tests.update(other.tests)


def report(now: Times, before: Times) -> Iterator[str]:
    """Lines that say what took how long, and the difference to the run before."""
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
    """A plugin of pytest; with pytest-xdist, of the process that hands out the tests."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.times = Times.read(file)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Set-up, the test itself, and what cleans up after it, one after another."""
        self.times.add(report.nodeid.split("@")[0], report.duration)

    def pytest_sessionfinish(self) -> None:
        self.times.write(self.file)


def recorder(config: Any) -> Recorder | None:
    """The plugin, where TRADEWIND_TIMES says that this run is recorded."""
    is_worker = hasattr(config, "workerinput")
    return Recorder(Path(os.environ[VARIABLE])) if os.environ.get(VARIABLE) and not is_worker else None
