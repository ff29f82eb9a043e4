from __future__ import annotations

from collections.abc import Iterator

import pytest
from running import DAGS, EXAMPLES, RECOVERIES, Running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the longest recovery of each service: a figure to look at, not a limit."""
    for name in dict.fromkeys(name for name, *_ in RECOVERIES):
        rows = [row for row in RECOVERIES if row[0] == name]
        terminalreporter.write_line(
            f"killed {len(rows)} x {name:<14} healthy again within {max(r[1] for r in rows):5.1f} s, "
            f"its run ended within {max(r[2] for r in rows):5.1f} s, attempts at most {max(r[3] for r in rows)}"
        )


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running platform that the tests of this kind share."""
    running = Running.create(tmp_path_factory.mktemp("platform"), DAGS, EXAMPLES)
    running.tradewind("up")
    yield running
    running.tradewind("down", "--now")
    assert running.left_behind() == []
