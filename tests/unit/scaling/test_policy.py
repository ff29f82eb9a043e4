"""The wanted number of workers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.blueprint import services
from tradewind.config import Environment
from tradewind.scaling.policy import Bounds, Demand, Scheduled, Signals, WorkerPool, bounds_at, classes, tasks_of


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("tasks", "wanted"), [(0, 1), (1, 1), (16, 1), (17, 2), (48, 3), (49, 4), (64, 4), (65, 4), (10_000, 4)]
)
def test_as_many_as_the_tasks_fill_within_the_bounds(tasks: int, wanted: int) -> None:
    assert Demand(16, 300).wanted(Signals(tasks, workers=0), Bounds(1, 4), 0.0) == wanted


def test_it_grows_at_once_and_shrinks_to_the_most_of_the_last_minutes() -> None:
    policy = Demand(slots=1, scale_in_stabilization_s=300)
    load = [(0.0, 0), (10.0, 5), (100.0, 3), (309.0, 0), (311.0, 0), (401.0, 0), (410.0, 7)]
    assert [policy.wanted(Signals(tasks, 0), Bounds(0, 9), now) for now, tasks in load] == [0, 5, 5, 5, 3, 0, 7]


def test_whoever_begins_to_look_takes_nobody_away_at_once() -> None:
    policy = Demand(slots=1, scale_in_stabilization_s=300)
    wanted = [policy.wanted(Signals(0, workers=4), Bounds(1, 9), now) for now in (0.0, 299.0, 301.0)]
    assert wanted == [4, 4, 1]


@given(
    st.lists(st.tuples(st.floats(0, 1000), st.integers(0, 500)), min_size=1),
    st.integers(0, 5),
    st.integers(5, 50),
    st.integers(1, 64),
)
def test_never_beyond_the_bounds_and_never_too_few_for_the_tasks(
    load: list[tuple[float, int]], low: int, high: int, slots: int
) -> None:
    policy, now, bounds = Demand(slots, 300), 0.0, Bounds(low, high)
    for seconds, tasks in load:
        now += seconds
        wanted = policy.wanted(Signals(tasks, 0), bounds, now)
        assert low <= wanted <= high
        assert wanted == high or wanted * slots >= tasks


def test_the_last_entry_of_the_schedule_holds() -> None:
    workers = WorkerPool(
        "worker",
        ("default",),
        16,
        Bounds(1, 2),
        schedule=(
            Scheduled("0 6 * * mon-fri", Bounds(10, 40)),
            Scheduled("0 20 * * mon-fri", Bounds(2, 10)),
            Scheduled("0 0 * * sat", Bounds(0, 4)),
        ),
    )
    assert bounds_at(workers, at("2026-11-23T05:59")) == Bounds(0, 4)  # a Monday
    assert bounds_at(workers, at("2026-11-23T06:00")) == Bounds(10, 40)
    assert bounds_at(workers, at("2026-11-23T19:59")) == Bounds(10, 40)
    assert bounds_at(workers, at("2026-11-23T20:00")) == Bounds(2, 10)
    assert bounds_at(workers, at("2026-11-28T12:00")) == Bounds(0, 4)


def test_what_the_controller_is_told_of_an_environment() -> None:
    environment = Environment.model_validate(
        {
            "name": "dev",
            "account": "main",
            "workers": {
                "default": {"slots": 8, "min": 2, "max": 6},
                "heavy": {
                    "queues": ["heavy", "gpu"],
                    "max": 3,
                    "min": 0,
                    "scale_in_stabilization_s": 60,
                    "max_task_hours": 720,
                    "schedule": [{"name": "night", "cron": "0 1 * * *", "min": 1, "max": 9}],
                },
            },
        }
    )
    (controller,) = (service for service in services(environment) if service.name == "controller")
    found = classes(json.loads(controller.environment["TRADEWIND_WORKERS"]))
    assert found == (
        # Fargate says 7 days before that it stops them; a task may take a day, and others need some hours to start.
        WorkerPool("worker", ("default",), 8, Bounds(2, 6), replace_after_s=(6 * 24 - 4) * 3600),
        WorkerPool(
            "worker-heavy", ("heavy", "gpu"), 16, Bounds(0, 3), 60, 86_400, (Scheduled("0 1 * * *", Bounds(1, 9)),)
        ),
    )
    assert tasks_of(found[1], {"gpu": 2, "heavy": 3, "default": 7}) == 5
