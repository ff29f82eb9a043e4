"""The few calls of Airflow's public API that starting and showing a DAG run takes."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from tradewind.errors import TradewindError

POLL_S = 0.5
PATIENCE_S = 60.0
_PAGE = 100
ENDED = {"success", "failed"}


class NoAnswerError(TradewindError):
    """Nobody answered: web is starting, restarting or gone."""


class Airflow:
    """Airflow's public API, as one user."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._user, self._password = user, password
        self._token = ""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call; the decoded answer, or None where it is empty. A GET waits while web restarts.

        Raises:
            LookupError: there is no such thing (404).
            TradewindError: any other refusal, or no answer.
        """
        if not self._token:
            login = {"username": self._user, "password": self._password}
            self._token = self._send("POST", "/auth/token", login)["access_token"]
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._send(method, f"/api/v2{path}", body)
            except NoAnswerError:
                # Only a read can be repeated: a trigger whose answer was lost may have been carried out.
                if method != "GET" or time.monotonic() > deadline:
                    raise
                time.sleep(POLL_S)

    def pages(self, path: str, name: str, query: Mapping[str, Any] = MappingProxyType({})) -> Iterator[dict[str, Any]]:
        """All of a list that comes in pages, some rows more than once; ``name`` is that of the rows in an answer."""
        offset = 0
        while True:
            asked = urlencode({**query, "limit": _PAGE, "offset": offset}, doseq=True)
            rows = self.call("GET", f"{path}?{asked}")[name]
            yield from rows
            if len(rows) < _PAGE:
                return
            offset += _PAGE // 2  # pages overlap: what ends meanwhile moves the rest to the front

    def trigger(self, dag: str) -> str:
        """Start a run of ``dag``, un-pausing it first; waits until the DAG has been parsed. Returns the run's id."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                if self.call("GET", f"/dags/{quote(dag)}")["is_paused"]:
                    self.call("PATCH", f"/dags/{quote(dag)}", {"is_paused": False})
                answer = self.call("POST", f"/dags/{quote(dag)}/dagRuns", {"logical_date": None})
            except LookupError:
                if time.monotonic() > deadline:
                    raise self._unknown(dag) from None
                time.sleep(POLL_S)
            else:
                return str(answer["dag_run_id"])

    def follow(self, dag: str, run_id: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield the run's state and its task instances until it has ended; the last state is final."""
        path = f"/dags/{quote(dag)}/dagRuns/{quote(run_id)}"
        while True:
            state = str(self.call("GET", path)["state"])
            yield state, self.call("GET", f"{path}/taskInstances?limit=100&order_by=id")["task_instances"]
            if state in ENDED:
                return
            time.sleep(POLL_S)

    def _unknown(self, dag: str) -> TradewindError:
        errors = self.call("GET", "/importErrors")["import_errors"]
        known = [row["dag_id"] for row in self.call("GET", "/dags?limit=100")["dags"]]
        broken = [f"{e['filename']}: {str(e['stack_trace']).strip().splitlines()[-1]}" for e in errors]
        why = "files that cannot be imported: " + "; ".join(broken) if broken else ""
        return TradewindError(f"there is no DAG {dag!r}", why, f"DAGs: {', '.join(known) or 'none'}")

    def _send(self, method: str, path: str, body: Any) -> Any:
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310 (http, on this machine)
        request.add_header("Content-Type", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=30) as response:  # noqa: S310
                text = response.read()
        except urllib.error.HTTPError as error:
            with error:  # it holds the connection
                detail = error.read().decode(errors="replace")[:300]
            if error.code == 404:
                raise LookupError(path) from None
            raise TradewindError(f"Airflow refused {method} {path}", f"{error.code} {detail}") from error
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError("Airflow does not answer", str(error), "tradewind status") from error
        return json.loads(text) if text else None
