"""Scale-in protection: confirmed before the first task, renewed in time, released when the worker has drained."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tradewind.runtime.tasks import protection
from tradewind.runtime.tasks.protection import MARGIN_S, MINUTES, RENEW_BEFORE_S, Agent, EcsAgent, Guard, RefusedError


@dataclass
class FakeAgent:
    """An agent that refuses if the test says so, and records its calls."""

    refuses: str = ""
    calls: list[str] = field(default_factory=list)

    def protect(self, minutes: int) -> None:
        self.calls.append(f"protect {minutes}")
        if self.refuses:
            raise RefusedError(self.refuses)

    def release(self) -> None:
        self.calls.append("release")
        if self.refuses:
            raise RefusedError(self.refuses)


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def agent() -> FakeAgent:
    return FakeAgent()


@pytest.fixture
def guard(agent: FakeAgent, clock: Clock) -> Guard:
    return Guard(agent, clock)


def step(guard: Guard, *, cordoned: bool = False, tasks: int = 0, held: bool = False) -> bool:
    return guard.step(cordoned=cordoned, tasks=tasks, held=held)


def test_no_task_before_the_protection_is_confirmed(guard: Guard, agent: FakeAgent) -> None:
    agent.refuses = "DEPLOYMENT_BLOCKED: "
    assert not step(guard)
    assert guard.problem == "DEPLOYMENT_BLOCKED: "

    agent.refuses = ""
    assert step(guard)
    assert guard.problem == ""


def test_it_is_renewed_long_before_it_ends(guard: Guard, agent: FakeAgent, clock: Clock) -> None:
    for _ in range(3 * MINUTES * 60 // 10):
        assert step(guard, tasks=3)
        clock.now += 10

    assert agent.calls == [f"protect {MINUTES}"] * round(3 * MINUTES * 60 / RENEW_BEFORE_S)


def test_while_it_cannot_be_renewed_tasks_are_taken_until_shortly_before_its_end(
    guard: Guard, agent: FakeAgent, clock: Clock
) -> None:
    step(guard, tasks=1)
    agent.refuses = "the agent does not answer"

    clock.now += MINUTES * 60 - MARGIN_S - 1
    assert step(guard, tasks=1)
    clock.now += 2
    assert not step(guard, tasks=1)


def test_a_cordoned_worker_keeps_it_until_its_last_task_has_ended(guard: Guard, agent: FakeAgent, clock: Clock) -> None:
    step(guard, tasks=2)
    clock.now += MINUTES * 60 - 1
    step(guard, cordoned=True, tasks=1)
    assert agent.calls == [f"protect {MINUTES}"] * 2

    assert not step(guard, cordoned=True)
    step(guard, cordoned=True, held=True)
    step(guard, cordoned=True, held=True)
    assert agent.calls[2:] == ["release"]


def test_it_is_given_back_only_by_a_worker_that_is_held(guard: Guard, agent: FakeAgent) -> None:
    step(guard)
    assert not step(guard, cordoned=True, held=False)
    assert step(guard, cordoned=False, held=True)  # the cordon was removed again
    assert agent.calls == [f"protect {MINUTES}"]


def test_uncordoned_it_is_protected_again(guard: Guard, agent: FakeAgent) -> None:
    step(guard, cordoned=True)
    assert agent.calls == []

    assert step(guard)


def test_a_release_that_is_refused_is_tried_again(guard: Guard, agent: FakeAgent) -> None:
    step(guard)
    agent.refuses = "throttled"
    step(guard, cordoned=True, held=True)
    agent.refuses = ""
    step(guard, cordoned=True, held=True)
    step(guard, cordoned=True, held=True)

    assert agent.calls[1:] == ["release", "release"]


def test_the_worker_is_told_until_it_does_what_the_answer_says(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = FakeAgent(refuses="no")
    told: list[bool] = []
    held, changed = threading.Event(), threading.Event()
    monkeypatch.setattr(protection, "POLL_S", 0.01)

    def may_take(answer: bool) -> None:
        told.append(answer)
        if len(told) != 1:  # the first message is lost
            (held.clear if answer else held.set)()
            changed.set()

    protection.watch(Guard(agent), lambda: (False, 0, held.is_set()), may_take)
    assert changed.wait(60)
    changed.clear()
    agent.refuses = ""
    assert changed.wait(60)

    assert told == [False, False, True]


# -- the agent, as documented -----------------------------------------------------------------------------------------


class Endpoint:
    """The endpoint of the ECS agent on the loopback interface. ``answer``: its next response."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.answer: tuple[int, Any] = (200, {})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                assert self.path == "/api/task/task-protection/v1/state"
                outer.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(outer.answer[0])
                self.end_headers()
                self.wfile.write(json.dumps(outer.answer[1]).encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_port}/api/task"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_the_agent_protects_and_releases(endpoint: Endpoint) -> None:
    agent: Agent = EcsAgent(endpoint.uri)
    endpoint.answer = (200, {"protection": {"ProtectionEnabled": True, "ExpirationDate": "2026-11-23T05:00:00Z"}})
    agent.protect(120)
    endpoint.answer = (200, {"protection": {"ProtectionEnabled": False}})
    agent.release()

    assert endpoint.asked == [{"ProtectionEnabled": True, "ExpiresInMinutes": 120}, {"ProtectionEnabled": False}]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {"failure": {"Reason": "DEPLOYMENT_BLOCKED", "Detail": "x"}}), "DEPLOYMENT_BLOCKED: x"),
        ((400, {"error": {"Code": "AccessDeniedException", "Message": "no"}}), "400 .*AccessDeniedException"),
        ((200, {"error": {"Code": "ServerException"}}), "ServerException"),
        ((200, {}), "ECS gave no reason"),
        ((200, {"protection": {"ProtectionEnabled": False}}), "ECS gave no reason"),
    ],
)
def test_what_the_agent_refuses(endpoint: Endpoint, answer: tuple[int, Any], said: str) -> None:
    endpoint.answer = answer

    with pytest.raises(RefusedError, match=said):
        EcsAgent(endpoint.uri).protect(120)


def test_an_agent_that_does_not_answer() -> None:
    with pytest.raises(RefusedError):
        EcsAgent("http://127.0.0.1:1/api").protect(120)
