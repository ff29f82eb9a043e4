"""Scale-in protection: keep ECS from stopping a worker that has tasks when a service scales in or deploys.

Protection does not apply when ECS retires a host, or when the worker's health check fails. So workers are replaced
before their host is retired (``workers.pool``), and the health check fails only if a worker does not work (``alive``).

A worker takes tasks only while its protection is confirmed, and renews it long before it ends. A cordoned worker
without tasks releases its protection and waits to be stopped. The endpoint and its limits:
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
"""How long a protection lasts without a renewal (ECS: 1 to 2,880). After that, ECS can stop a worker that hangs."""

RENEW_BEFORE_S = MINUTES * 60 / 2
MARGIN_S = 60.0
POLL_S = 2.0
TIMEOUT_S = 5.0

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """ECS refused to change the protection of this task. The message is its reason, such as ``DEPLOYMENT_BLOCKED``."""


class Agent(Protocol):
    """The service that protects this task from being stopped."""

    def protect(self, minutes: int) -> None:
        """Protect this task for this many minutes. Raises RefusedError if that is not possible now."""

    def release(self) -> None:
        """End the protection. Raises RefusedError if that is not possible now."""


class EcsAgent:
    """The ECS agent, at the address that it gives each container in ``ECS_AGENT_URI``."""

    def __init__(self, uri: str) -> None:
        self._url = f"{uri}/task-protection/v1/state"

    def protect(self, minutes: int) -> None:
        """See Agent."""
        if not self._put({"ProtectionEnabled": True, "ExpiresInMinutes": minutes}):
            raise RefusedError("the task is not protected: ECS gave no reason")

    def release(self) -> None:
        """See Agent."""
        if self._put({"ProtectionEnabled": False}):
            raise RefusedError("the task is still protected: ECS gave no reason")

    def _put(self, wanted: dict[str, Any]) -> bool:
        request = urllib.request.Request(self._url, json.dumps(wanted).encode(), method="PUT")  # noqa: S310 (the agent)
        request.add_header("Content-Type", "application/json")
        try:
            # The agent has a link-local address: never use a proxy.
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
    """The state of one worker's protection. ``clock`` is monotonic, in seconds."""

    agent: Agent
    clock: Callable[[], float] = time.monotonic
    until: float = 0.0
    problem: str = ""

    @property
    def confirmed(self) -> bool:
        """Whether this worker is protected for at least MARGIN_S more seconds."""
        return self.until - self.clock() > MARGIN_S

    def step(self, *, cordoned: bool, tasks: int, held: bool) -> bool:
        """Renew or release the protection if that is due. Returns whether protection allows the worker to take tasks.

        ``held``: the worker takes no tasks now because it is not protected.
        """
        now = self.clock()
        idle = cordoned and not tasks
        try:
            if idle:
                # The worker is held first: if a command uncordons it meanwhile, it takes no tasks without protection.
                if self.until and held:
                    self.agent.release()
                    self.until = 0.0
            elif self.until - now < RENEW_BEFORE_S:
                self.agent.protect(MINUTES)
                self.until = now + MINUTES * 60  # from before the call: never later than the end in ECS
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
    """Call ``guard.step`` every POLL_S seconds, in a thread of its own, for as long as the process lives.

    ``duty`` returns whether the worker is cordoned, how many tasks it has, and whether it is held. ``may_take`` is
    called with the result of the step until the worker is held, or not held, accordingly.
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
