"""Cron expressions of five fields: the subset that both Application Auto Scaling and the controller can run."""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# name, lowest value, highest value, names of the values in ascending order
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, WEEKDAYS),
)
_ITEM = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]{1,3}))?")


def cron_fault(text: str) -> str | None:
    """The error in a cron expression (``minute hour day-of-month month weekday``), or None if it is valid.

    AWS cannot combine a day of the month with a weekday, so one of the two must be ``*``.
    """
    fields = text.split()
    if len(fields) != 5:
        return f"must have five fields (minute hour day-of-month month weekday), has {len(fields)}"
    for field, (name, low, high, names) in zip(fields, _FIELDS, strict=True):
        if not all(_valid_item(item, low, high, names) for item in field.split(",")):
            return f"the {name} `{field[:20]}` must consist of values from {low} to {high}"
    if fields[2] != "*" and fields[4] != "*":
        return "must leave the day of month or the weekday at `*`: AWS cannot combine the two"
    return None


def _valid_item(item: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    match = _ITEM.fullmatch(item)
    if not match:
        return False
    first, last, step = match["first"], match["last"], match["step"]
    if step is not None and int(step) == 0:
        return False
    if first is None:
        return True
    start = _number(first, low, names)
    end = _number(last, low, names) if last is not None else start
    return start is not None and end is not None and low <= start <= end <= high


def _number(word: str, low: int, names: tuple[str, ...]) -> int | None:
    if word.lower() in names:
        return names.index(word.lower()) + low
    return int(word) if word.isascii() and word.isdigit() else None
