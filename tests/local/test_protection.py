"""A real worker with a fake ECS agent: it takes tasks only while it has scale-in protection."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from running import DAGS, Running, eventually

from tradewind.runtime.tasks import control

pytestmark = pytest.mark.local


class Agent:
    """The endpoint of the ECS agent, for all workers of one platform. It refuses while ``refuses`` is set."""

    def __init__(self) -> None:
        self.refuses = True
        self.protected = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["ProtectionEnabled"]
                self.send_response(200)
                self.end_headers()
                if wanted and outer.refuses:
                    answer: dict[str, Any] = {"failure": {"Reason": "DEPLOYMENT_BLOCKED"}}
                else:
                    outer.protected += 1 if wanted else -1
                    answer = {"protection": {"ProtectionEnabled": wanted}}
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self) -> Agent:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def tell(running: Running, command: str) -> dict[str, Any]:
    """Send a command to the worker. Return its response by name."""
    return control.send(command, ["worker-1"], running.environment("worker-1")["AIRFLOW__CELERY__BROKER_URL"], 5.0)


def test_a_worker_takes_tasks_only_while_it_is_protected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = Running.create(tmp_path, DAGS)
    with Agent() as agent:
        monkeypatch.setenv("ECS_AGENT_URI", f"http://127.0.0.1:{agent.server.server_port}/api")
        running.tradewind("up", "--workers", "1")
        try:
            held = eventually(lambda: tell(running, "duty"))
            assert held["worker-1"] == {"cordoned": False, "tasks": 0, "holds": ["ECS may stop this task"]}
            run_id = running.trigger("inflight", tasks=1, seconds=1)
            eventually(lambda: [t for t in running.tasks("inflight", run_id) if t["state"] == "queued"])
            assert tell(running, "duty")["worker-1"]["tasks"] == 0

            agent.refuses = False
            assert (
                eventually(lambda: (s := running.state("inflight", run_id)) in {"success", "failed"} and s) == "success"
            )
            assert agent.protected == 1

            # The broker restarts empty, and the worker reconnects: it still has its task, and takes others.
            long = running.trigger("inflight", tasks=1, seconds=40)
            eventually(
                lambda: "running" in [t["state"] for t in running.tasks("inflight", long) if t["task_id"] == "work"]
            )
            running.kill("broker")
            back = eventually(lambda: tell(running, "duty"))
            assert back["worker-1"]["tasks"] >= 1
            assert back["worker-1"]["holds"] == []
            assert running.state("inflight", long) == "running"
            for run in (running.trigger("inflight", tasks=1, seconds=1), long):
                eventually(lambda r=run: (s := running.state("inflight", r)) in {"success", "failed"} and s)
                assert running.state("inflight", run) == "success"
            assert [t["try_number"] for t in running.tasks("inflight", long) if t["task_id"] == "work"] == [1]
            eventually(lambda: tell(running, "duty")["worker-1"]["tasks"] == 0)

            tell(running, "cordon")
            eventually(lambda: agent.protected == 0)
        finally:
            running.tradewind("down", "--now")
    assert running.left_behind() == []
