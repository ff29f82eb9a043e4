from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.config.cron import cron_fault
from tradewind.infrastructure.schedule import aws_cron


@pytest.mark.parametrize(
    ("cron", "aws"),
    [
        ("45 0 * * *", "cron(45 0 * * ? *)"),
        ("0 6 * * mon-fri", "cron(0 6 ? * 2,3,4,5,6 *)"),
        ("0 6 * * 0", "cron(0 6 ? * 1 *)"),
        ("0 6 * * 7", "cron(0 6 ? * 1 *)"),
        ("0 6 * * 5-7", "cron(0 6 ? * 1,6,7 *)"),
        ("0 6 * * */2", "cron(0 6 ? * 1,3,5,7 *)"),
        ("0 6 * * mon/2", "cron(0 6 ? * 2,4,6 *)"),
        ("*/5 0-3 1,15 jan-mar *", "cron(*/5 0-3 1,15 JAN-MAR ? *)"),
    ],
)
def test_as_aws_writes_it(cron: str, aws: str) -> None:
    assert cron_fault(cron) is None
    assert aws_cron(cron) == aws


WEEKDAY = st.one_of(
    st.just("*"),
    st.integers(0, 7).map(str),
    st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda p: p[0] <= p[1]).map(lambda p: f"{p[0]}-{p[1]}"),
    st.sampled_from(["sun", "MON", "tue", "wed-fri"]),
)


@given(st.integers(0, 59), st.integers(0, 23), st.lists(WEEKDAY, min_size=1, max_size=3))
def test_every_weekday_that_is_valid_here_is_valid_there(minute: int, hour: int, days: list[str]) -> None:
    cron = f"{minute} {hour} * * {','.join(days)}"
    assert cron_fault(cron) is None
    fields = aws_cron(cron).removeprefix("cron(").removesuffix(")").split()
    assert len(fields) == 6
    # Exactly one of the two is a question mark: AWS refuses the rest.
    assert [fields[2], fields[4]].count("?") == 1
    if fields[2] == "?":
        numbers = [int(day) for day in fields[4].split(",")]
        assert numbers == sorted(set(numbers))
        assert set(numbers) <= set(range(1, 8))
