"""Why an attempt of a task failed, according to its log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tradewind.errors import printable

_SHOWN_LINES = 3
_SHOWN_WIDTH = 300
_FAILED = "Task failed with exception"
_IN_RELEASE = re.compile(r"/d-[0-9a-f]{16}/(?P<path>.+)$")
_ADVICE = re.compile(r"\.? (For more information, )?[Ss]ee https?:.*$")


def shortened(line: str) -> str:
    """Cut a line to a readable length."""
    return line if len(line) <= _SHOWN_WIDTH else line[:_SHOWN_WIDTH] + "…"


@dataclass(frozen=True)
class Reason:
    """The reason of a failure. ``text`` may have several lines. ``place`` is the line of a DAG file. ``kind`` is equal
    for similar failures."""

    text: str
    kind: str
    place: str = ""

    @property
    def lines(self) -> list[str]:
        """The text that is shown: a few lines at most, with the place in the first."""
        lines = [shortened(line) for line in printable(self.text).splitlines()]
        if len(lines) > _SHOWN_LINES:
            lines[_SHOWN_LINES:] = ["…"]
        return [f"{lines[0]} ({self.place})" if self.place else lines[0], *lines[1:]]


def reason(records: Iterable[Mapping[str, Any]]) -> Reason | None:
    """Return the exception that ended the task, or the last error in its log; None if there is neither."""
    failed: Mapping[str, Any] | None = None
    raised: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    for record in records:
        if record.get("error_detail"):
            raised = record
            failed = record if record.get("event") == _FAILED else failed
        elif record.get("level") in {"error", "critical"}:
            error = record
    if found := failed or raised:
        return _of_exception(found["error_detail"])
    return _of_error(error) if error else None


def _of_exception(chain: Sequence[Mapping[str, Any]]) -> Reason:
    # The first exception was raised last; its causes follow.
    first = chain[0]
    name = str(first.get("exc_type") or "an exception")
    value = str(first.get("exc_value") or "").strip()
    inner = [_of_exception(group) for group in first.get("exceptions") or () if group]
    text = "\n".join([f"{name}: {value}" if value else name, *(line for found in inner for line in found.lines)])
    place = ""
    for frame in first.get("frames") or ():
        if found := _IN_RELEASE.search(str(frame.get("filename"))):
            place = f"{found['path']}:{frame.get('lineno')}"
    return Reason(text, f"{name} {place}", place)


def _of_error(record: Mapping[str, Any]) -> Reason:
    text = _ADVICE.sub("", str(record.get("event") or "").strip()) or "an error without a message"
    more = [f"exit code {record['exit_code']}"] if "exit_code" in record else []
    more += [str(record["signal_name"])] if record.get("signal_name") else []
    return Reason(f"{text} ({', '.join(more)})" if more else text, text)
