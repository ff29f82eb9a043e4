"""The reason why a run failed, from logs and API responses in the format of Airflow 3.3."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tradewind.local.airflow import Airflow, NoAnswerError
from tradewind.local.dag_run import Look
from tradewind.local.failure import Failure, explain
from tradewind.local.task_log import reason

RELEASE = "/versions/d-0123456789abcdef"
RUN = {
    "dag_run_id": "run",
    "state": "failed",
    "start_date": "2026-01-31T00:00:00Z",
    "end_date": "2026-01-31T00:01:00.5Z",
}


def detail(name: str, value: str, *frames: tuple[str, int], **more: Any) -> dict[str, Any]:
    return {"exc_type": name, "exc_value": value, "frames": [{"filename": f, "lineno": n} for f, n in frames], **more}


def raised(*chain: dict[str, Any], event: str = "Task failed with exception") -> dict[str, Any]:
    return {"event": event, "level": "error", "error_detail": list(chain)}


def lines(*records: Mapping[str, Any]) -> list[str]:
    found = reason(records)
    return found.lines if found else []


def test_the_exception_that_ended_it_with_the_last_line_of_a_dag_file() -> None:
    mine = (f"/x{RELEASE}/team/etl.py", 12), (f"/x{RELEASE}/team/lib.py", 30), ("/usr/lib/python/json.py", 4)

    assert lines(
        {"event": "connecting", "level": "error"},
        raised(detail("KeyError", "'x'"), event="it did not work, once more"),
        raised(detail("ValueError", "no column", *mine), detail("KeyError", "'column'", is_cause=True)),
        {"event": "a callback failed", "level": "error"},
        raised(detail("OSError", "of a callback"), event="Failed to run a callback"),
    ) == ["ValueError: no column (team/lib.py:30)"]


def test_an_exception_that_was_logged_where_none_ended_it() -> None:
    assert lines(raised(detail("OSError", ""), event="I give up"), {"event": "bye", "level": "error"}) == ["OSError"]


def test_a_long_exception_is_cut() -> None:
    assert lines(raised(detail("E", "\n".join(["1" * 400, "2", "3", "4", "5"])))) == [
        "E: " + "1" * 297 + "…", "2", "3", "…",
    ]  # fmt: skip


def test_a_group_of_exceptions_has_those_in_it() -> None:
    inner = [[detail("ValueError", "a")], [detail("KeyError", "'b'")]]

    assert lines(raised(detail("ExceptionGroup", "2 problems", is_group=True, exceptions=inner))) == [
        "ExceptionGroup: 2 problems", "ValueError: a", "KeyError: 'b'",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"event": "Task exited", "level": "error", "exit_code": 7}, "Task exited (exit code 7)"),
        (
            {
                "event": "Process terminated by signal. Likely out of memory error (OOM). For more information, "
                "see https://airflow.apache.org/docs/x.html.",
                "level": "critical",
                "signal": -9,
                "signal_name": "SIGKILL",
            },
            "Process terminated by signal. Likely out of memory error (OOM) (SIGKILL)",
        ),
        ({"event": "", "level": "error"}, "an error without a message"),
    ],
    ids=["exit", "signal", "nothing"],
)
def test_an_end_without_an_exception(record: dict[str, Any], said: str) -> None:
    assert lines({"event": "first", "level": "error"}, {"event": "x", "level": "info"}, record) == [said]


def test_a_log_without_errors_says_nothing() -> None:
    assert reason([]) is None
    assert reason([{"event": "plain text"}, {"event": "x", "level": "warning"}]) is None


class Api(Airflow):
    """The other responses of the API: logs by instance and try, and the audit log."""

    def __init__(self) -> None:
        super().__init__("http://airflow", "", "")
        self.logs: dict[tuple[str, str, str], list[dict[str, Any]] | Exception] = {}
        self.audit: list[dict[str, Any]] = []
        self.timeout: str | None = None
        self.read = 0

    def call(self, method: str, path: str, body: Any = None) -> Any:
        url = urlsplit(path)
        if url.path.endswith("/details"):
            return {"dag_run_timeout": self.timeout}
        assert url.path == "/eventLogs", path
        query = parse_qs(url.query)
        wanted = {name: query[name][0] for name in ("event", "task_id", "map_index") if name in query}
        found = [entry for entry in self.audit if {k: str(entry.get(k)) for k in wanted} == wanted]
        return {"event_logs": [entry for entry in found if entry["event"] not in query.get("excluded_events", [])]}

    def lines(self, path: str) -> Iterator[dict[str, Any]]:
        self.read += 1
        url = urlsplit(path)
        *_, task, _, attempt = url.path.split("/")
        found = self.logs.get((task, parse_qs(url.query)["map_index"][0], attempt), [])
        if isinstance(found, Exception):
            raise found
        yield from found

    def explain(self, *tasks: dict[str, Any]) -> Failure:
        return explain(self, "etl", Look(RUN, tasks))


def task(name: str, state: str | None, index: int = -1, attempt: int = 1) -> dict[str, Any]:
    return {"task_id": name, "map_index": index, "state": state, "try_number": attempt}


def failing(count: int) -> list[dict[str, Any]]:
    return [task("work", "failed", index) for index in range(count)]


def test_instances_are_grouped_by_exception_and_place() -> None:
    api = Api()
    for index in range(6):
        kind = ("A", "B", "C", "D", "A", "B")[index]
        api.logs["work", str(index), "1"] = [raised(detail(kind, f"{index % 4}"))]
    api.logs["work", "0", "1"] = [raised(detail("A", "same", ("/x" + RELEASE + "/f.py", 1)))]
    api.logs["work", "4", "1"] = [raised(detail("A", "same", ("/x" + RELEASE + "/f.py", 1)))]

    found = api.explain(*failing(6), task("work", "success", 6))

    assert found.lines == [
        "  work, 6 of 7 failed:",
        "    2 x A: same (f.py:1), e.g. work[0], try 1",
        "    2 x B: 1, e.g. work[1], try 1",
        "    1 x C: 2, e.g. work[2], try 1",
        "    1 for other reasons",
    ]
    assert found.summary == "work failed"


def test_of_many_instances_some_logs_are_read() -> None:
    api = Api()

    found = api.explain(*failing(300))

    assert found.lines == [
        "  work, 300 of 300 failed; the logs of 20 show:",
        "    20 x its log names no error, e.g. work[0], try 1",
    ]
    assert api.read == 20


def test_of_many_tasks_some_are_told_of_and_the_others_counted() -> None:
    api = Api()

    found = api.explain(*(task(name, "failed") for name in "abcdefghi"), task("z", "upstream_failed"))

    assert [line.partition(",")[0].strip() for line in found.lines[:5]] == list("abcde")
    assert found.lines[5:] == [
        "  4 other tasks (f, g, h, …) failed, too",
        "  z did not run: an upstream task failed",
    ]
    assert found.summary == "9 tasks (a, b, c, …) failed"
    assert api.read == 5


def test_a_task_that_left_no_word_is_looked_for_in_the_audit_log() -> None:
    api = Api()
    silence = "Task did not emit heartbeat within time limit"
    api.audit = [
        {"event": "failed", "task_id": "a", "map_index": -1, "extra": "{}", "owner": "airflow"},
        {"event": "heartbeat timeout", "task_id": "a", "map_index": -1, "extra": silence, "owner": "airflow"},
        {"event": "patch_task_instance", "task_id": "b", "map_index": 3, "owner": "ada"}
        | {"extra": json.dumps({"new_state": "failed"})},
    ]
    api.logs["c", "-1", "1"] = NoAnswerError("Airflow does not answer", "timed out")

    assert api.explain(task("a", "failed"), task("b", "failed", 3), task("c", "failed")).lines == [
        f"  a, try 1: heartbeat timeout: {silence}",
        "  b, 1 of 1 failed:",
        "    1 x ada set it to failed, e.g. b[3], try 1",
        "  c, try 1: its log cannot be read: Airflow does not answer: timed out",
    ]


@pytest.mark.parametrize(
    ("timeout", "summary"),
    [
        ("PT1M", "it ran longer than its dagrun_timeout of 60 s"),
        ("PT59.5S", "it ran longer than its dagrun_timeout of 59.5 s"),
        ("PT1H", "none of its tasks failed"),
        ("P1DT1S", "none of its tasks failed"),
        (None, "none of its tasks failed"),
    ],
)
def test_a_run_that_took_too_long(timeout: str | None, summary: str) -> None:
    api = Api()
    api.timeout = timeout

    assert api.explain(task("a", "success"), task("b", "skipped")) == Failure(summary, [])


def test_a_run_in_which_no_task_could_run_any_more() -> None:
    found = Api().explain(task("a", "success"), task("b", None), task("b", "scheduled"), task("c", None))

    assert found == Failure("no task could run any more (a deadlock): b and c had not run", [])


def test_a_run_that_a_person_ended() -> None:
    api = Api()
    api.audit = [
        {"event": "patch_dag_run", "owner": "ada", "extra": json.dumps({"note": "hello"})},
        {"event": "patch_dag_run", "owner": "bob", "extra": json.dumps({"state": "failed"})},
    ]

    assert api.explain(task("a", "failed"), task("b", "skipped")).summary == "bob set it to failed; a failed"
