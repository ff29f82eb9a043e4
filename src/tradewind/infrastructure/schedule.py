"""Schedules in the syntax of AWS."""

from __future__ import annotations

import re

from tradewind.config.cron import WEEKDAYS


def aws_cron(cron: str) -> str:
    """Convert a cron expression of five fields to Application Auto Scaling's ``cron(…)`` of six.

    AWS counts weekdays from 1 (Sunday), adds the year, and requires ``?`` in the day of month or the weekday
    (Application Auto Scaling User Guide, "Schedule recurring scaling actions using cron expressions"). Names become
    numbers, so that ``sat-sun`` and 7 are no special cases.

    Args:
        cron: ``minute hour day-of-month month weekday``, as ``config.cron.cron_fault`` accepts it.
    """
    minute, hour, day, month, weekday = cron.split()
    if weekday == "*":
        return f"cron({minute} {hour} {day} {month.upper()} ? *)"
    return f"cron({minute} {hour} ? {month.upper()} {','.join(_days(weekday))} *)"


def _days(field: str) -> list[str]:
    """The weekdays of a field as AWS's numbers, 1 (Sunday) to 7, sorted and unique."""
    days: set[int] = set()
    for item in field.split(","):
        span, _, step = item.partition("/")
        first, _, last = ("0-6" if span == "*" else span).partition("-")
        end = last or (first if not step else "6")
        days.update(day % 7 for day in range(_number(first), _number(end) + 1, int(step or 1)))
    return [str(day + 1) for day in sorted(days)]


def _number(word: str) -> int:
    return int(word) if re.fullmatch(r"[0-9]+", word) else WEEKDAYS.index(word.lower())
