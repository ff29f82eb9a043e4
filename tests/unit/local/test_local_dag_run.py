"""Following a run through an API that returns pages, with a fake clock."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tradewind.errors import TradewindError
from tradewind.local.airflow import Airflow
from tradewind.local.dag_run import OVERLAP_S, follow

PAGE = 100


class Run(Airflow):
    """A run whose instances ``moments`` change, one at each pause. A call takes ``slow`` seconds."""

    def __init__(self, *moments: dict[tuple[str, int], str | None], slow: float = 0.0) -> None:
        super().__init__("http://airflow", "", "")
        self.there: dict[tuple[str, int], dict[str, Any]] = {}
        self.now = 1000.0
        self.pauses: list[float] = []
        self.read = 0
        self._slow = slow
        self._moments = list(moments)
        self._change()

    def _change(self) -> None:
        for (name, index), state in self._moments.pop(0).items():
            # As in Airflow, a retried instance comes last.
            self.there.pop((name, index), None)
            if state != "removed":
                self.there[name, index] = {"task_id": name, "map_index": index, "state": state, "updated": self.now}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        self.now += self._slow
        url = urlsplit(path)
        if not url.path.endswith("/taskInstances"):
            return {"state": "running" if self._moments else "success"}
        query = parse_qs(url.query, keep_blank_values=True)
        since = self.now - OVERLAP_S - 1 if "updated_at_gte" in query else 0.0
        rows = [row for row in self.there.values() if row["updated"] >= since]
        begin = int(query["cursor"][0] or 0)
        self.read += len(rows[begin : begin + PAGE])
        more = begin + PAGE < len(rows)
        return {"task_instances": rows[begin : begin + PAGE], "next_cursor": str(begin + PAGE) if more else None}

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        self._change()

    def looks(self) -> list[dict[str, str | None]]:
        """The instances of each look, such as ``work[3]``."""
        return [
            {
                f"{t['task_id']}[{t['map_index']}]" if t["map_index"] >= 0 else t["task_id"]: t["state"]
                for t in look.tasks
            }
            for look in follow(self, "etl", "run", lambda: self.now, self.sleep)
        ]


def test_each_look_has_all_instances_whatever_has_changed() -> None:
    run = Run(
        {("a", -1): "running", ("work", -1): None},
        {("a", -1): "success", ("work", -1): "removed", ("work", 0): None, ("work", 1): None},
        {("work", 0): "up_for_retry"},
        {("work", 0): "success", ("work", 1): "success"},
    )

    assert run.looks() == [
        {"a": "running", "work": None},
        {"a": "success", "work[0]": None, "work[1]": None},
        {"a": "success", "work[0]": "up_for_retry", "work[1]": None},
        {"a": "success", "work[0]": "success", "work[1]": "success"},
    ]


def test_instances_keep_their_places() -> None:
    run = Run({("a", -1): "running", ("b", -1): None}, {("a", -1): "up_for_retry"}, {("b", -1): "success"})

    assert [list(look) for look in run.looks()] == [["a", "b"]] * 3


def test_the_last_look_has_what_is_there_and_nothing_else() -> None:
    run = Run({("a", -1): "running", ("b", -1): None}, {}, {("b", -1): "removed"})

    assert run.looks()[-1] == {"a": "running"}


def test_what_has_not_changed_is_not_read_again() -> None:
    many = {("work", index): None for index in range(1000)}
    quiet: list[dict[tuple[str, int], str | None]] = [{}] * 40
    run = Run(many, *quiet, {("work", 7): "success"}, {})

    looks = run.looks()

    assert len(looks[-1]) == 1000
    assert looks[-2]["work[7]"] == "success"
    # All instances at first, while they count as new, and at the end.
    assert run.read < 1000 * (2 + 2 * (OVERLAP_S + 2)) + 100


def test_looking_takes_half_of_the_time_at_most() -> None:
    assert Run({}, {}, {}, slow=0.01).looks()
    run = Run({}, {}, {}, slow=3.0)
    run.looks()

    assert run.pauses == [6.0, 6.0]


def test_a_run_that_is_deleted_is_gone() -> None:
    class Gone(Run):
        def call(self, method: str, path: str, body: Any = None) -> Any:
            raise LookupError(path)

    with pytest.raises(TradewindError, match="the run run of etl no longer exists: it was deleted in Airflow"):
        Gone({}).looks()
