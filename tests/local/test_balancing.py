"""Copies of web end during requests: real HAProxy, with real servers behind it."""

from __future__ import annotations

import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from running import Meanwhile, eventually

from tradewind.blueprint import services
from tradewind.config import load
from tradewind.local import balancer, ports

pytestmark = [pytest.mark.local, pytest.mark.skipif(balancer.program() is None, reason="there is no haproxy")]

ROOT = Path(__file__).parents[2]


class Copy:
    """A copy of web on a port. It ends like a process: its port refuses connections at once."""

    def __init__(self, port: int) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                time.sleep(0.01)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def end(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@contextmanager
def running(tmp_path: Path) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Run HAProxy. Yields its port, and the ports of its places."""
    web = next(s for s in services(load(ROOT / "tradewind.yaml").environment("dev")) if s.name == "web")
    front, *places = (ports.another() for _ in range(1 + balancer.PLACES))
    file = tmp_path / "haproxy.cfg"
    file.write_text(balancer.configuration((balancer.Balanced(web, front, tuple(places)),)))
    process = subprocess.Popen([str(balancer.program()), "-db", "-f", str(file)], stderr=subprocess.DEVNULL)
    try:
        yield front, tuple(places)
    finally:
        process.terminate()
        process.wait()


class Visitor(Meanwhile):
    """Two clients that send requests without a pause. ``outcome``: whether each request succeeded."""

    threads = 2

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port
        self.outcome: list[bool] = []

    def step(self) -> float:
        self.outcome.append(answers(self.port))
        return 0.0


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/version", timeout=30) as answer:
            return bool(answer.read() == b"ok")
    except OSError:
        return False


def test_nobody_notices_that_two_of_four_copies_go(tmp_path: Path) -> None:
    """In every release, the old copies end at the same moment."""
    with running(tmp_path) as (front, places):
        copies = [Copy(port) for port in places]
        eventually(lambda: all(answers(front) for _ in range(8)))
        with Visitor(front) as visitor:
            outcome = visitor.outcome
            eventually(lambda: len(outcome) > 50)
            for copy in copies[:2]:
                copy.end()
            seen = len(outcome)
            eventually(lambda: len(outcome) > seen + 400)
        for copy in copies[2:]:
            copy.end()

    assert outcome.count(False) == 0, f"{outcome.count(False)} of {len(outcome)} requests failed"
