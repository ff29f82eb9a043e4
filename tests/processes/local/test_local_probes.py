"""Each probe, with a small real server, a file or a program."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tradewind.local.probes import WELL, CommandProbe, FileProbe, HttpProbe, JobProbe, TcpProbe, Verdict


@dataclass
class Web:
    """The response of the server. ``asked``: the requested paths."""

    port: int = 0
    status: int = 200
    body: bytes = b""
    asked: list[str] = field(default_factory=list)

    def report(self, **change: Any) -> None:
        """Answer with Airflow's health report."""
        job = {"status": "healthy", "latest_dag_processor_heartbeat": "2026-11-22T12:00:00.500000+00:00", **change}
        self.body = json.dumps({"metadatabase": {"status": "healthy"}, "dag_processor": job}).encode()


@pytest.fixture
def web() -> Iterator[Web]:
    answers = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers.asked.append(self.path)
            self.send_response(answers.status)
            self.send_header("Content-Length", str(len(answers.body)))
            self.end_headers()
            self.wfile.write(answers.body)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 (the parent's name)
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        answers.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield answers
        server.shutdown()
        thread.join()


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port that is in use and has no listening server."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def answering(answer: bytes) -> tuple[int, threading.Thread, list[bytes]]:
    """A server for one connection. It reads the request and sends ``answer``."""
    heard: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with server, server.accept()[0] as connection:
            heard.append(connection.recv(64))
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return server.getsockname()[1], thread, heard


def test_http(web: Web, nobody: int) -> None:
    assert HttpProbe(web.port, "/health").look(0) is WELL
    assert web.asked == ["/health"]
    web.status = 503
    assert HttpProbe(web.port, "/health").look(0) == Verdict(False, "HTTP 503")
    assert HttpProbe(nobody, "/health").look(0) == Verdict(False, f"no response on port {nobody}")


def test_http_that_is_no_http() -> None:
    port, thread, _ = answering(b"SSH-2.0-OpenSSH\r\n")

    assert HttpProbe(port, "/").look(0) == Verdict(False, f"no response on port {port}")
    thread.join()


BEFORE, AFTER = 1795348800.0, 1795348801.0
"""Half a second before and after the heartbeat of the report."""


def test_job(web: Web) -> None:
    web.report()

    assert JobProbe(web.port, "dag_processor").look(BEFORE) is WELL
    assert web.asked == ["/api/v2/monitor/health"]


def test_a_heartbeat_of_an_earlier_process_does_not_count(web: Web) -> None:
    web.report()

    assert JobProbe(web.port, "dag_processor").look(AFTER) == Verdict(False, "no heartbeat yet")


@pytest.mark.parametrize("never", [None, ""])
def test_no_heartbeat_ever(web: Web, never: str | None) -> None:
    web.report(latest_dag_processor_heartbeat=never)

    assert JobProbe(web.port, "dag_processor").look(BEFORE) == Verdict(False, "no heartbeat yet")


def test_a_heartbeat_that_airflow_calls_old(web: Web) -> None:
    web.report(status="unhealthy")

    verdict = JobProbe(web.port, "dag_processor").look(BEFORE)

    assert verdict == Verdict(False, "last heartbeat at 2026-11-22T12:00:00.500000+00:00")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"metadatabase": {"status": "healthy"}}',
        b'{"metadatabase": {"status": "healthy"}, "dag_processor": null}',
        (
            b'{"metadatabase": {"status": "unhealthy"}, "dag_processor": '
            b'{"status": null, "latest_dag_processor_heartbeat": null}}'
        ),
    ],
)
def test_a_report_that_says_nothing_about_it(web: Web, body: bytes) -> None:
    web.body = body

    assert JobProbe(web.port, "dag_processor").look(BEFORE).well is None


def test_a_web_that_does_not_answer_says_nothing_about_the_others(web: Web, nobody: int) -> None:
    web.report()
    web.status = 500

    assert JobProbe(web.port, "dag_processor").look(BEFORE).well is None
    assert JobProbe(nobody, "dag_processor").look(BEFORE).well is None


def test_file(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    probe = FileProbe(file, 60)
    now = float(int(time.time()))  # whole seconds: the file returns the written value exactly

    assert probe.look(now) == Verdict(False, "no heartbeat yet")
    file.touch()
    os.utime(file, (now, now))
    assert probe.look(now) is WELL
    # The file of an earlier process.
    assert probe.look(now + 1) == Verdict(False, "no heartbeat yet")
    os.utime(file, (now - 3600, now - 3600))
    verdict = probe.look(now - 7200)
    assert verdict.well is False
    assert verdict.problem.startswith("no heartbeat for 36")


def test_tcp() -> None:
    port, thread, heard = answering(b"-NOAUTH Authentication required.\r\n")

    assert TcpProbe(port, b"PING\r\n", (b"-NOAUTH", b"+PONG")).look(0) is WELL
    thread.join()
    assert heard == [b"PING\r\n"]


def test_tcp_that_is_not_ready(nobody: int) -> None:
    port, thread, _ = answering(b"-LOADING Valkey is loading the dataset in memory\r\n")

    verdict = TcpProbe(port, b"PING\r\n", (b"-NOAUTH", b"+PONG")).look(0)

    thread.join()
    assert verdict == Verdict(False, "not ready: -LOADING Valkey is loading the dataset in memory")
    assert TcpProbe(nobody, b"PING\r\n", (b"+PONG",)).look(0) == Verdict(False, f"no response on port {nobody}")


def test_command() -> None:
    assert CommandProbe(("sh", "-c", "exit 0")).look(0) is WELL
    assert CommandProbe(("sh", "-c", "echo rejecting connections; exit 1")).look(0) == Verdict(
        False, "rejecting connections"
    )
    assert CommandProbe(("sh", "-c", "exit 2")).look(0) == Verdict(False, "not ready")
    assert CommandProbe(("/nowhere/pg_isready",)).look(0).well is False
