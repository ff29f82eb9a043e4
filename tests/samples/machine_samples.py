"""Processes that exist only in the state machine, a manual clock, and the actions of the machine as text."""

import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tradewind.blueprint import Condition
from tradewind.local.probes import WELL, CommandProbe, Verdict
from tradewind.local.process import ProcessSpec
from tradewind.local.state_machine import Action, Event, Exited, Machine, Probed, Process, Restart, Send, Spawn, Stop

HEALTHY, COMPLETED, STARTED = Condition.HEALTHY, Condition.COMPLETED, Condition.STARTED
PROBE = CommandProbe(("true",))
ILL = Verdict(False, "no answer")
UNKNOWN = Verdict(None, "web does not answer")


def process(name: str, requires: dict[str, Condition] | Iterable[str] = (), **change: Any) -> ProcessSpec:
    """A service with a probe. ``requires``: conditions by name, or a list of services that must be healthy."""
    needed = requires if isinstance(requires, dict) else dict.fromkeys(requires, HEALTHY)
    values: dict[str, Any] = {"probe": PROBE, "stop_grace_s": 30.0, **change}
    return ProcessSpec(name, name, ("true",), {}, Path("/nowhere"), requires=needed, **values)


def one_shot(name: str, requires: dict[str, Condition] | Iterable[str] = (), **change: Any) -> ProcessSpec:
    return process(name, requires, probe=None, one_shot=True, **change)


class Replay:
    """Feeds a machine with events at the times of a clock. Every call returns the machine's actions as text."""

    def __init__(self, *specs: ProcessSpec) -> None:
        self.machine = Machine()
        self.now = 1000.0
        self.first = self._texts(self.machine.add(specs, self.now))

    def __getitem__(self, name: str) -> Process:
        return self.machine.processes[name]

    @property
    def states(self) -> dict[str, str]:
        return {name: found.state.value for name, found in self.machine.processes.items()}

    @property
    def due_in(self) -> float | None:
        """Seconds until the machine's next tick is due."""
        due = self.machine.next_due(self.now)
        return None if due is None else due - self.now

    def add(self, *specs: ProcessSpec) -> list[str]:
        return self._texts(self.machine.add(specs, self.now))

    def after(self, seconds: float) -> list[str]:
        """Advance the clock, and tick."""
        self.now += seconds
        return self._texts(self.machine.tick(self.now))

    def tell(self, event: Event) -> list[str]:
        return self._texts(self.machine.handle(event, self.now))

    def well(self, *names: str) -> list[str]:
        return [text for name in names for text in self.tell(Probed(name, WELL))]

    def ill(self, name: str, verdict: Verdict = ILL) -> list[str]:
        return self.tell(Probed(name, verdict))

    def exit(self, name: str, code: int = 0, why: str = "") -> list[str]:
        return self.tell(Exited(name, code, why))

    def restart(self, name: str) -> list[str]:
        return self.tell(Restart(name))

    def stop(self, *names: str, now: bool = False) -> list[str]:
        return self.tell(Stop(frozenset(names) if names else None, now))

    def _texts(self, actions: list[Action]) -> list[str]:
        return [text(action) for action in actions]


def text(action: Action) -> str:
    """``start web``, ``SIGTERM web``, ``SIGKILL web and all its own``."""
    match action:
        case Spawn(name):
            return f"start {name}"
        case Send(name, number, everything):
            return f"{number.name} {name}" + (" and all its own" if everything else "")


def platform() -> Replay:
    """A platform with the dependencies of the real one."""
    return Replay(
        process("database", stop_signal=signal.SIGINT),
        process("broker"),
        one_shot("init-db-users", ["database"]),
        one_shot("migrate-db", {"database": HEALTHY, "init-db-users": COMPLETED}),
        process("web", {"database": HEALTHY, "migrate-db": COMPLETED}),
        process("worker-1", {"broker": HEALTHY, "init-db-users": COMPLETED, "web": STARTED}, stop_grace_s=120),
        process("worker-2", {"broker": HEALTHY, "init-db-users": COMPLETED, "web": STARTED}, stop_grace_s=120),
    )


def started() -> Replay:
    replay = platform()
    replay.well("database", "broker")
    replay.exit("init-db-users")
    replay.exit("migrate-db")
    replay.well("web", "worker-1", "worker-2")
    assert replay.machine.all_well
    return replay
