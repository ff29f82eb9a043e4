"""A platform for the command ``tradewind run``: a supervisor's socket, and an Airflow API that plays a run."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from tradewind.dag_releases import pointer
from tradewind.dag_releases.manifest import DagRelease, Entry
from tradewind.local import supervisor_socket
from tradewind.local.paths import StateDirectory
from tradewind.protocol.dag_events import CONFIRMED

RUN_ID = "manual__1"
PAGE = 100
FILES = DagRelease({"etl.py": Entry("", 0), "more.py": Entry("", 0)}, dags={"etl.py": ("etl",)})
"""The files of the DAG folder; Airflow has parsed all of them."""


class Look(NamedTuple):
    """The state of the run in the API at one moment. An empty state: the run was deleted."""

    state: str
    tasks: list[dict[str, Any]]


@dataclass
class Airflow:
    """Plays ``looks``: one for each request about the run, then the last one again. Records all requests."""

    dags: dict[str, dict[str, Any]] = field(default_factory=dict)
    import_errors: dict[str, str] = field(default_factory=dict)
    problem: str = ""  # of the DAG folder
    status: dict[str, Any] = field(default_factory=dict)  # further fields of the supervisor's status
    looks: list[Look] = field(default_factory=list)
    refusal: tuple[int, Any] | None = None  # of the start of a run: HTTP status and detail
    runs: list[dict[str, Any]] = field(default_factory=list)  # that already exist
    logs: dict[tuple[str, int, int], list[dict[str, Any]]] = field(default_factory=dict)  # by task, map index and try
    details: dict[str, Any] = field(default_factory=dict)  # of the DAG
    started: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    _look: int = -1

    def answer(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        """The status and the document of one call."""
        url = urlsplit(target)
        self.asked.append(f"{method} {target}")
        path, query = unquote(url.path).removeprefix("/api/v2"), parse_qs(url.query, keep_blank_values=True)
        for pattern, play in self._routes().items():
            if found := re.fullmatch(pattern, f"{method} {path}"):
                return play(*found.groups(), query=query, body=body)
        return 404, {"detail": f"nothing at {path}"}

    def _routes(self) -> dict[str, Callable[..., tuple[int, Any]]]:
        run = rf"/dags/([^/]+)/dagRuns/{RUN_ID}"
        return {
            "POST /auth/token": lambda **_: (201, {"access_token": "token"}),
            "GET /importErrors": self._errors,
            "GET /eventLogs": self._events,
            "GET /dags": self._all,
            "GET /dags/([^/]+)": self._dag,
            "GET /dags/([^/]+)/details": lambda *_, **__: (200, {"dag_run_timeout": None, **self.details}),
            "PATCH /dags/([^/]+)": self._change,
            "POST /dags/([^/]+)/dagRuns": self._start,
            "GET /dags/([^/]+)/dagRuns": lambda *_, **__: (
                200,
                {"dag_runs": self.runs, "total_entries": len(self.runs)},
            ),
            f"GET {run}": self._run,
            f"GET {run}/taskInstances": self._tasks,
            rf"GET {run}/taskInstances/([^/]+)/logs/(\d+)": self._log,
        }

    def _errors(self, **_: Any) -> tuple[int, Any]:
        found = [{"filename": file, "stack_trace": trace} for file, trace in self.import_errors.items()]
        return 200, {"import_errors": found}

    def _events(self, query: dict[str, list[str]], **_: Any) -> tuple[int, Any]:
        said = [{"extra": json.dumps({"bundle": "dags", "release": FILES.id, "serial": 1})}]
        return 200, {"event_logs": said if query.get("event") == [CONFIRMED] else []}

    def _all(self, **_: Any) -> tuple[int, Any]:
        return 200, {"dags": list(self.dags.values()), "total_entries": len(self.dags)}

    def _dag(self, dag: str, **_: Any) -> tuple[int, Any]:
        return (200, self.dags[dag]) if dag in self.dags else (404, {"detail": "no DAG"})

    def _change(self, dag: str, body: Any, **_: Any) -> tuple[int, Any]:
        self.dags[dag].update(body)
        return 200, self.dags[dag]

    def _start(self, dag: str, body: Any, **_: Any) -> tuple[int, Any]:
        if self.refusal:
            return self.refusal[0], {"detail": self.refusal[1]}
        self.started.append(body)
        return 200, {"dag_run_id": RUN_ID}

    def _run(self, dag: str, **_: Any) -> tuple[int, Any]:
        self._look = min(self._look + 1, len(self.looks) - 1)
        look = self.looks[self._look]
        times = {"logical_date": "2026-01-31T00:00:00Z", "start_date": "2026-01-31T00:00:00Z"}
        about = {"dag_run_id": RUN_ID, "state": look.state, **times, "end_date": "2026-01-31T00:01:00Z"}
        return (200, about) if look.state else (404, {"detail": "no run"})

    def _tasks(self, dag: str, query: dict[str, list[str]], **_: Any) -> tuple[int, Any]:
        rows = self.looks[self._look].tasks
        if "updated_at_gte" in query:  # only instances that have changed since the look before
            rows = [row for row in rows if row not in self.looks[max(self._look - 1, 0)].tasks]
        begin = int(query["cursor"][0] or 0)
        end = begin + min(int(query["limit"][0]), PAGE)
        return 200, {"task_instances": rows[begin:end], "next_cursor": str(end) if end < len(rows) else None}

    def _log(self, dag: str, name: str, attempt: str, query: dict[str, list[str]], **_: Any) -> tuple[int, Any]:
        found = self.logs.get((name, int(query["map_index"][0]), int(attempt)))
        if found is None:
            return 404, {"detail": "no log"}
        return 200, "".join(json.dumps(record) + "\n" for record in found)


def dag(name: str, **changes: Any) -> dict[str, Any]:
    """A DAG of the folder, as the API returns it."""
    state = {"is_paused": False, "is_stale": False, "has_import_errors": False, "timetable_summary": None}
    return {"dag_id": name, "relative_fileloc": "etl.py", "bundle_version": FILES.id, **state, **changes}


def task(name: str, state: str | None, map_index: int = -1, **changes: Any) -> dict[str, Any]:
    """A task instance, as the API returns it."""
    return {"task_id": name, "map_index": map_index, "state": state, "try_number": 1, "duration": 1.0, **changes}


@contextmanager
def running(folder: Path, airflow: Airflow) -> Iterator[str]:
    """Serve a platform in ``folder`` whose web is ``airflow``. Yields the address of web."""

    class Handler(BaseHTTPRequestHandler):
        def _play(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, document = airflow.answer(self.command, self.path, body)
            text = (document if isinstance(document, str) else json.dumps(document)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = _play  # noqa: N815 (the names that it calls)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    state_dir = StateDirectory.beside(folder / "tradewind.yaml")
    state_dir.create()
    (state_dir.dags / "current").unlink(missing_ok=True)
    pointer.write(state_dir.dags / "current", FILES.id, "2026-01-01T00:00:00+00:00")
    (state_dir.dags / "releases" / f"{FILES.id}.json").write_text(json.dumps(FILES.as_dict()))
    with _supervising(state_dir, url, airflow), server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield url
        finally:
            server.shutdown()
            thread.join()
    state_dir.clear_run()


@contextmanager
def _supervising(state_dir: StateDirectory, url: str, airflow: Airflow) -> Iterator[None]:
    async def answer(request: dict[str, Any]) -> supervisor_socket.Answer:
        if request["do"] == "login":
            return {"login": ["admin", "secret"], "flower_login": ["admin", "secret"]}
        if request["do"] == "dags":
            return {"settled": True, "problem": airflow.problem}
        return {
            "healthy": True,
            "stopping": False,
            "urls": {"web": url},
            "processes": [],
            "remarks": [],
        } | airflow.status

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(supervisor_socket.serve(state_dir, answer))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
