"""How tasks are counted and shown, with a fake clock and a fake size of the terminal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tradewind.cli.run_progress import EVERY_S, Lines, Tally, table, tally


def task(name: str, state: str | None, map_index: int = -1) -> dict[str, Any]:
    return {"task_id": name, "map_index": map_index, "state": state, "duration": 1.5}


def work(**states: int) -> Tally:
    """A mapped task. ``none``: the number of instances without a state."""
    return Tally("work", {None if state == "none" else state: count for state, count in states.items()}, mapped=True)


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (Tally("load", {None: 1}), ""),
        (Tally("load", {"up_for_retry": 1}), "up_for_retry"),
        (work(none=3), "0 of 3 success"),
        (work(success=12, running=16, none=272), "12 of 300 success, 16 running"),
        (work(success=1000, failed=1, upstream_failed=2), "1,000 of 1,003 success, 1 failed, 2 upstream_failed"),
        (work(skipped=1), "0 of 1 success, 1 skipped"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_said_of_a_task(entry: Tally, text: str) -> None:
    assert entry.text == text


def test_instances_are_counted_by_their_tasks() -> None:
    rows = [task("a", "success"), task("b", "running", 0), task("c", None), task("b", "failed", 1), task("b", None, 2)]

    assert tally(rows) == [
        Tally("a", {"success": 1}, duration=1.5),
        Tally("b", {"running": 1, "failed": 1, None: 1}, mapped=True),
        Tally("c", {None: 1}, duration=1.5),
    ]


def said(*looks: tuple[float, Tally]) -> list[str]:
    """The lines for these looks at a task, each at a second. The last look is final."""
    lines: list[str] = []
    now = 0.0
    show = Lines(lines.append, lambda: now).show
    for number, (second, entry) in enumerate(looks, 1):
        now = second
        show([entry], number == len(looks))
    return [line.split(maxsplit=1)[1] for line in lines]


def test_a_task_is_said_each_time_that_it_changes() -> None:
    states = (None, "queued", "queued", "running", "running", "success")

    assert said(*((0.0, Tally("load", {state: 1})) for state in states)) == ["queued", "running", "success"]


def test_counts_are_said_now_and_then() -> None:
    looks = [(second / 2, work(success=second, none=100 - second)) for second in range(100)]

    lines = said(*looks)

    assert lines[0] == "0 of 100 success"
    assert lines[-1] == "99 of 100 success"
    assert len(lines) == 50 / EVERY_S + 1


def test_the_first_that_goes_wrong_is_said_at_once_and_so_is_the_end() -> None:
    assert said(
        (0, work(none=9)),
        (1, work(none=8, running=1)),
        (2, work(none=7, failed=1, running=1)),
        (3, work(none=6, failed=2, running=1)),
        (4, work(success=6, failed=3)),
        (5, work(success=6, failed=3)),
    ) == ["0 of 9 success", "0 of 9 success, 1 failed, 1 running", "6 of 9 success, 3 failed"]


def test_what_ends_undone_is_said_at_the_end() -> None:
    assert said((0, work(none=9)), (1, work(none=8, success=1))) == ["0 of 9 success", "1 of 9 success"]


def drawn(tallies: list[Tally], height: int) -> list[str]:
    console = Console(width=80, height=100, no_color=True)
    with console.capture() as captured:
        console.print(table(tallies, height))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_all_tasks_where_they_fit() -> None:
    tallies = [Tally("extract", {"success": 1}, duration=1.25), work(success=3, running=1), Tally("load", {None: 1})]

    assert drawn(tallies, 3) == [
        "  extract  success                    1.2 s",
        "  work     3 of 4 success, 1 running",
        "  load     -",
    ]


def test_where_they_do_not_fit_what_goes_wrong_and_what_runs_comes_first() -> None:
    tallies = [
        *(Tally(f"done-{number}", {"success": 1}) for number in range(50)),
        Tally("running", {"running": 1}),
        Tally("failed", {"failed": 1}),
        *(Tally(f"later-{number}", {None: 1}) for number in range(50)),
        work(queued=1, none=2),
    ]

    assert drawn(tallies, 4) == [
        "  running  running",
        "  failed   failed",
        "  later-0  -",
        "  and 100 more: 50 ended, 49 not begun, 1 under way",
    ]


@given(
    st.lists(st.sampled_from(["success", "failed", "running", "skipped", None]), max_size=60),
    st.integers(min_value=-3, max_value=80),
)
def test_the_table_never_grows_out_of_the_terminal(states: list[str | None], height: int) -> None:
    tallies = [Tally(f"t{number}", {state: 1}) for number, state in enumerate(states)]

    assert len(drawn(tallies, height)) <= max(height, 2)
