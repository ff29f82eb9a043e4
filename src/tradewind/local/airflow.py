"""Airflow's public API: calls, paged lists, and error messages."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from tradewind.errors import TradewindError

POLL_S = 0.5
PATIENCE_S = 60.0
_PAGE = 100


class NoAnswerError(TradewindError):
    """Airflow did not answer: web is starting, restarting or stopped."""


class RefusedError(TradewindError):
    """Airflow refused a call. ``status`` is the HTTP status. ``detail`` is the reason in the response, if readable."""

    def __init__(self, call: str, status: int, detail: str) -> None:
        super().__init__(f"Airflow refused {call}", f"{status} {detail}")
        self.status = status
        self.detail = detail


class Airflow:
    """Airflow's public API, with the login of one user."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._user, self._password = user, password
        self._token = ""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Make one call and return the decoded response, or None if it is empty. A GET waits while web restarts.

        Raises:
            LookupError: the resource does not exist (404).
            RefusedError: Airflow refused the call for another reason.
            NoAnswerError: Airflow did not answer.
        """
        self._log_in()
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._send(method, f"/api/v2{path}", body)
            except NoAnswerError:
                # Only a read is safe to repeat: Airflow may have started a run although its response was lost.
                if method != "GET" or time.monotonic() > deadline:
                    raise
                time.sleep(POLL_S)

    def pages(
        self, path: str, name: str, query: Mapping[str, Any] = MappingProxyType({}), overlap: int = _PAGE // 2
    ) -> Iterator[dict[str, Any]]:
        """Yield all rows of a paged list; ``name`` is the key of the rows in a response.

        Pages overlap, so some rows come more than once: a row that leaves the list moves the later rows forward.
        """
        offset = 0
        while True:
            asked = urlencode({**query, "limit": _PAGE, "offset": offset}, doseq=True)
            rows = self.call("GET", f"{path}?{asked}")[name]
            yield from rows
            if len(rows) < _PAGE:
                return
            offset += _PAGE - overlap

    def rows(self, path: str, name: str, query: Mapping[str, Any] = MappingProxyType({})) -> Iterator[dict[str, Any]]:
        """Yield all rows of a list with a cursor; ``name`` is the key of the rows in a response.

        No row is missed, even if the list takes long. A row that moves meanwhile may come twice, the newer one later.
        """
        cursor: str | None = ""
        while cursor is not None:
            asked = urlencode({**query, "limit": _PAGE, "cursor": cursor}, doseq=True)
            answer = self.call("GET", f"{path}?{asked}")
            yield from answer[name]
            cursor = answer["next_cursor"]

    def lines(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield a log of any length record by record. Raises the same errors as ``call``."""
        self._log_in()
        with self._open("GET", f"/api/v2{path}", None, "application/x-ndjson") as stream:
            for line in stream:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if isinstance(record, dict):
                    yield record

    def _log_in(self) -> None:
        if not self._token:
            login = {"username": self._user, "password": self._password}
            self._token = self._send("POST", "/auth/token", login)["access_token"]

    def _send(self, method: str, path: str, body: Any) -> Any:
        with self._open(method, path, body, "application/json") as stream:
            text = stream.read()
        return json.loads(text) if text else None

    @contextmanager
    def _open(self, method: str, path: str, body: Any, accepted: str) -> Iterator[Any]:
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310 (http, on this machine)
        request.add_header("Content-Type", "application/json")
        request.add_header("Accept", accepted)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=30) as response:  # noqa: S310
                yield response
        except urllib.error.HTTPError as error:
            with error:  # closes the connection
                said = error.read().decode(errors="replace")
            if error.code == 404:
                raise LookupError(path) from None
            raise RefusedError(f"{method} {path}", error.code, _detail(said)) from error
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError("Airflow does not answer", str(error), "tradewind status") from error


def _detail(said: str) -> str:
    """Return the reason of a refusal: a sentence, or the problem of each wrong field."""
    try:
        detail = json.loads(said)["detail"]
        if isinstance(detail, list):
            return "; ".join(f"{'.'.join(map(str, entry['loc'][1:]))}: {entry['msg']}" for entry in detail)
    except (ValueError, LookupError, TypeError, AttributeError):
        detail = said
    return " ".join(str(detail).split())[:300]
