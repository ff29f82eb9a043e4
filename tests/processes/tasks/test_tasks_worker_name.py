"""The name of a worker on ECS is the id of its ECS task."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tradewind.runtime.tasks import worker

TASK = "arn:aws:ecs:eu-west-1:111122223333:task/acme-dev/0123456789abcdef0123456789abcdef"


@pytest.fixture
def metadata() -> Iterator[str]:
    """The address of an endpoint with the responses of Fargate."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/v4/1/task" else 404)
            self.end_headers()
            self.wfile.write(json.dumps({"Cluster": "acme-dev", "TaskARN": TASK}).encode())

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v4/1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_is_the_tasks_id(metadata: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECS_CONTAINER_METADATA_URI_V4", metadata)

    assert worker._ecs_task() == "0123456789abcdef0123456789abcdef"


def test_elsewhere_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECS_CONTAINER_METADATA_URI_V4", raising=False)

    assert worker._ecs_task() is None
