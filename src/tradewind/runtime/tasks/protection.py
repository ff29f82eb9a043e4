"""Keeps ECS from stopping a worker that has tasks when it scales in or deploys.

Not when it retires a host, or when the worker's check fails: protection holds neither off. So workers are replaced
before their host is retired (``workers.pool``), and the check fails only where a worker does not work (``alive``).

A worker takes tasks only while its protection is confirmed, and renews it long before it ends. A cordoned worker
without tasks gives its protection back and waits to be stopped. The endpoint and its limits:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
"""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

MINUTES = 120
"""How long a protection holds without being renewed (ECS: 1 to 2,880). A worker that hangs is free after that."""

RENEW_BEFORE_S = MINUTES * 60 / 2
MARGIN_S = 60.0
POLL_S = 2.0
TIMEOUT_S = 5.0

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """ECS does not protect this task now. The message is its reason, such as ``DEPLOYMENT_BLOCKED``."""


class Agent(Protocol):
    """Who protects."""

    def protect(self, minutes: int) -> None:
        """Protect this task for so long. RefusedError where that is not possible now."""

    def release(self) -> None:
        """Protect it no longer. RefusedError where that is not possible now."""


class EcsAgent:
    """The ECS agent, at the address that it gives each container in ``ECS_AGENT_URI``."""

    def __init__(self, uri: str) -> None:
        self._url = f"{uri}/task-protection/v1/state"

    def protect(self, minutes: int) -> None:
        """See Agent."""
        if not self._put({"ProtectionEnabled": True, "ExpiresInMinutes": minutes}):
            raise RefusedError("the task is not protected, without a reason")

    def release(self) -> None:
        """See Agent."""
        if self._put({"ProtectionEnabled": False}):
            raise RefusedError("the task is still protected, without a reason")

    def _put(self, wanted: dict[str, Any]) -> bool:
        request = urllib.request.Request(self._url, json.dumps(wanted).encode(), method="PUT")  # noqa: S310 (the agent)
        request.add_header("Content-Type", "application/json")
        try:
            # The agent is on a link of its own: never through a proxy.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(request, timeout=TIMEOUT_S) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise RefusedError(f"{error.code} {error.read(300).decode(errors='replace')}") from None
        except (OSError, ValueError) as error:
            raise RefusedError(str(error)) from None
        if failure := answer.get("failure") or answer.get("error"):
            raise RefusedError(f"{failure.get('Reason') or failure.get('Code')}: {failure.get('Detail', '')}")
        return bool(answer.get("protection", {}).get("ProtectionEnabled"))


@dataclass
class Guard:
    """What one worker knows of its protection. ``clock`` is a monotonic one, in seconds."""

    agent: Agent
    clock: Callable[[], float] = time.monotonic
    until: float = 0.0
    problem: str = ""

    @property
    def confirmed(self) -> bool:
        """Whether this worker is protected for some time to come."""
        return self.until - self.clock() > MARGIN_S

    def step(self, *, cordoned: bool, tasks: int, held: bool) -> bool:
        """Do what is due; whether the worker may take tasks, as far as protection goes.

        ``held``: it takes none now, for want of protection.
        """
        now = self.clock()
        idle = cordoned and not tasks
        try:
            if idle:
                # First it is held, so that whoever uncordons it meanwhile does not have it take tasks unprotected.
                if self.until and held:
                    self.agent.release()
                    self.until = 0.0
            elif self.until - now < RENEW_BEFORE_S:
                self.agent.protect(MINUTES)
                self.until = now + MINUTES * 60  # from before the call: never longer than ECS thinks
            self._say("")
        except RefusedError as error:
            self._say(str(error))
        return self.confirmed and not idle

    def _say(self, problem: str) -> None:
        if problem and problem != self.problem:
            log.warning("not protected by ECS: %s", problem)
        self.problem = problem


def watch(
    guard: Guard, duty: Callable[[], tuple[bool, int, bool]], may_take: Callable[[bool], None]
) -> threading.Thread:
    """Step every POLL_S seconds, in a thread of its own, for as long as the process lives.

    ``duty`` says whether the worker is cordoned, how many tasks it has, and whether it is held; ``may_take`` is told
    the answer until that is so.
    """

    def run() -> None:
        while True:
            cordoned, tasks, held = duty()
            now = guard.step(cordoned=cordoned, tasks=tasks, held=held)
            if now is held:
                may_take(now)
            time.sleep(POLL_S)

    thread = threading.Thread(target=run, name="protection", daemon=True)
    thread.start()
    return thread
