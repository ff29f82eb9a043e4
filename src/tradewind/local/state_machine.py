"""Decides the supervisor's actions: a pure state machine that takes events and the time, and returns actions."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tradewind.blueprint import Condition
from tradewind.local.probes import Verdict
from tradewind.local.process import ProcessSpec, stop_waves

BACK_OFF_FIRST_S = 0.25
BACK_OFF_MAX_S = 30.0
STEADY_AFTER_S = 60.0  # healthy for this long: earlier failures no longer count
CRASH_LOOP_AFTER = 5  # failures in a row
PATIENCE_S = 120.0  # running but not healthy for this long: restarted, as ECS would


class State(StrEnum):
    """The state of a process."""

    WAITING = "waiting"  # for its dependencies
    STARTING = "starting"  # runs, not healthy yet
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"  # runs, was healthy, and is not now
    BACK_OFF = "back-off"  # ended unexpectedly; starts again soon
    CRASH_LOOP = "crash-loop"  # ended unexpectedly several times in a row; starts again
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"  # a one-shot task that succeeded
    FAILED = "failed"  # a one-shot task that failed

    @property
    def is_running(self) -> bool:
        """Whether there is an operating-system process."""
        return self in {State.STARTING, State.HEALTHY, State.UNHEALTHY, State.STOPPING}


@dataclass(frozen=True)
class Spawned:
    """The process was started."""

    name: str


@dataclass(frozen=True)
class Exited:
    """The process ended. ``code`` is negative for a signal, as in subprocess; ``why`` replaces it, if given."""

    name: str
    code: int
    why: str = ""


@dataclass(frozen=True)
class Probed:
    """A probe has a result."""

    name: str
    verdict: Verdict


@dataclass(frozen=True)
class Restart:
    """A request to restart a process, optionally with another ``spec``, which must have the same name."""

    name: str
    spec: ProcessSpec | None = None


@dataclass(frozen=True)
class Stop:
    """A request to stop the processes in ``names``, or all if it is None. ``now`` skips the stop grace period."""

    names: frozenset[str] | None = None
    now: bool = False


Event = Spawned | Exited | Probed | Restart | Stop


@dataclass(frozen=True)
class Spawn:
    """Start the process."""

    name: str


@dataclass(frozen=True)
class Send:
    """Send a signal to a process; with ``everything``, also to all processes that it has started."""

    name: str
    number: signal.Signals
    everything: bool = False


Action = Spawn | Send


@dataclass
class Process:
    """The machine's record of one process. Times are in seconds of the clock that comes with the events."""

    spec: ProcessSpec
    state: State = State.WAITING
    since: float = 0.0
    problem: str = ""
    failures: int = 0  # in a row
    restarts: int = 0
    last_exit: str = ""
    wanted: bool = True
    retry_at: float = 0.0
    kill_at: float = 0.0
    healthy_since: float | None = None
    restart_asked: bool = False  # it stops for a requested restart, not because it is unhealthy
    successor: ProcessSpec | None = None  # its spec from its next start on
    forget: bool = False
    completed: bool = False  # a one-shot task that has succeeded, even if its last run did not


@dataclass
class Machine:
    """All processes of one platform."""

    processes: dict[str, Process] = field(default_factory=dict)
    stopping: bool = False  # all processes stop, and none starts any more
    hurry: bool = False  # stop without the grace period

    def add(self, specs: Iterable[ProcessSpec], now: float) -> list[Action]:
        """Add processes, and start those whose dependencies are met. Adds none while the platform stops."""
        for spec in () if self.stopping else specs:
            state = State.DONE if spec.is_done else State.WAITING
            before = self.processes.get(spec.name)
            completed = spec.is_done or (before is not None and before.completed)
            self.processes[spec.name] = Process(spec, state, now, completed=completed)
        stop_waves(self._requires())  # raises ValueError for a cycle
        return self.tick(now)

    def handle(self, event: Event, now: float) -> list[Action]:
        """Process one event and return the actions. Events of unknown processes are ignored."""
        if isinstance(event, Stop):
            return self._stop(event, now)
        process = self.processes.get(event.name)
        if process is None:
            return []
        actions: list[Action] = []
        match event:
            case Spawned():
                pass
            case Exited():
                self._exited(process, event, now)
            case Probed():
                self._probed(process, event.verdict, now)
            case Restart():
                process.successor = event.spec or process.successor
                actions = self._restart(process, now)
        return [*actions, *self.tick(now)]

    def tick(self, now: float) -> list[Action]:
        """Return the actions due at ``now``: starts, kills, restarts of unhealthy processes, a stop's next wave."""
        actions: list[Action] = []
        for process in self.processes.values():
            if process.state is State.STOPPING and now >= process.kill_at:
                process.kill_at = now + BACK_OFF_MAX_S  # a process that waits in the kernel may take a while
                actions.append(Send(process.spec.name, signal.SIGKILL, everything=True))
            elif self._is_due_to_start(process, now):
                actions += self._start(process, now)
            elif self._out_of_patience(process, now):
                actions.append(self._terminate(process, now))
        return [*actions, *self._stop_unneeded(now)]

    def next_due(self, now: float) -> float | None:
        """Return the time of the next action of ``tick``, if no event comes before; None for never."""
        due = []
        for process in self.processes.values():
            if process.state is State.STOPPING:
                due.append(process.kill_at)
            elif process.wanted and process.state in {State.BACK_OFF, State.CRASH_LOOP}:
                due.append(process.retry_at)
            elif self._is_judged(process):
                due.append(process.since + PATIENCE_S)
        return max(now, min(due)) if due else None

    @property
    def all_stopped(self) -> bool:
        """Whether no process is wanted and none runs."""
        return all(not p.wanted and not p.state.is_running for p in self.processes.values())

    @property
    def all_well(self) -> bool:
        """Whether all wanted processes are healthy or done. False while the platform stops."""
        return not self.stopping and all(
            p.state in {State.HEALTHY, State.DONE} for p in self.processes.values() if p.wanted
        )

    def _requires(self) -> Mapping[str, Iterable[str]]:
        return {process.spec.service: process.spec.requires for process in self.processes.values()}

    def _of(self, service: str) -> list[Process]:
        return [process for process in self.processes.values() if process.spec.service == service]

    def _is_due_to_start(self, process: Process, now: float) -> bool:
        if not process.wanted:
            return False
        if process.state in {State.BACK_OFF, State.CRASH_LOOP}:
            return now >= process.retry_at
        return process.state is State.WAITING and self._dependencies_met(process)

    def _dependencies_met(self, process: Process) -> bool:
        met: dict[Condition, Callable[[Process], bool]] = {
            Condition.HEALTHY: lambda other: other.state is State.HEALTHY,
            # A later migration may be running, or have failed: a service that ran on the schema may still start.
            Condition.COMPLETED: lambda other: other.completed,
            Condition.STARTED: lambda other: True,
        }
        return all(
            any(met[condition](other) for other in self._of(service))
            for service, condition in process.spec.requires.items()
        )

    def _start(self, process: Process, now: float) -> list[Action]:
        if process.state in {State.BACK_OFF, State.CRASH_LOOP}:
            process.restarts += 1
        process.spec, process.successor = process.successor or process.spec, None
        # A service without a probe is healthy as soon as it runs; a one-shot task is judged by its exit code.
        without_probe = process.spec.probe is None and not process.spec.one_shot
        self._enter(process, State.HEALTHY if without_probe else State.STARTING, now)
        return [Spawn(process.spec.name)]

    def _enter(self, process: Process, state: State, now: float) -> None:
        if process.state is not state:
            process.since = now
        process.state = state
        if state is not State.HEALTHY:
            process.healthy_since = None
        elif process.healthy_since is None:
            process.healthy_since = now
        if state in {State.HEALTHY, State.STOPPED, State.DONE}:
            process.problem = ""

    def _probed(self, process: Process, verdict: Verdict, now: float) -> None:
        if process.state not in {State.STARTING, State.HEALTHY, State.UNHEALTHY}:
            return
        if verdict.well:
            self._enter(process, State.HEALTHY, now)
            return
        if verdict.well is None:
            process.since = now  # the time limit does not count while the probe cannot tell
        elif process.state is State.HEALTHY:
            self._enter(process, State.UNHEALTHY, now)
        process.problem = verdict.problem

    def _is_judged(self, process: Process) -> bool:
        ill = process.state in {State.STARTING, State.UNHEALTHY}
        return process.wanted and process.spec.probe is not None and ill

    def _out_of_patience(self, process: Process, now: float) -> bool:
        return self._is_judged(process) and now >= process.since + PATIENCE_S

    def _exited(self, process: Process, event: Exited, now: float) -> None:
        spec = process.spec
        process.last_exit = event.why or describe_exit(event.code)
        if not process.wanted:
            self._stopped(process, now)
            return
        if spec.one_shot and event.code == 0 and not event.why:
            spec.mark_done()
            process.completed = True
            self._enter(process, State.DONE, now)
            return
        if process.restart_asked:
            process.restart_asked = False
            process.restarts += 1
            self._enter(process, State.WAITING, now)
            return
        process.problem = process.last_exit
        if spec.one_shot:
            self._enter(process, State.FAILED, now)
            return
        steady = process.healthy_since is not None and now - process.healthy_since >= STEADY_AFTER_S
        process.failures = 1 if steady else process.failures + 1
        process.retry_at = now + pause_s(process.failures)
        looping = process.failures >= CRASH_LOOP_AFTER
        self._enter(process, State.CRASH_LOOP if looping else State.BACK_OFF, now)

    def _restart(self, process: Process, now: float) -> list[Action]:
        if not process.wanted:
            return []
        process.failures = 0
        process.problem = ""
        if process.state in {State.STARTING, State.HEALTHY, State.UNHEALTHY}:
            process.restart_asked = True
            return [self._terminate(process, now)]
        if process.state is not State.STOPPING:
            self._enter(process, State.WAITING, now)
        return []

    def _terminate(self, process: Process, now: float, grace_s: float | None = None) -> Send:
        grace = process.spec.stop_grace_s if grace_s is None else grace_s
        self._enter(process, State.STOPPING, now)
        process.kill_at = now + grace
        return Send(process.spec.name, process.spec.stop_signal)

    def _stop(self, event: Stop, now: float) -> list[Action]:
        self.stopping = self.stopping or event.names is None
        for name, process in list(self.processes.items()):
            if event.names is not None and name not in event.names:
                continue
            process.wanted = False
            process.forget = event.names is not None
            if process.state is State.STOPPING and event.now:
                process.kill_at = now
            if not process.state.is_running:
                self._stopped(process, now)
        self.hurry = self.hurry or event.now
        return self.tick(now)

    def _stopped(self, process: Process, now: float) -> None:
        self._enter(process, State.STOPPED, now)
        if process.forget:
            del self.processes[process.spec.name]

    def _needed_by(self, users: Iterable[Process]) -> set[str]:
        """Return the names of all services that ``users`` depend on, directly or indirectly."""
        needed: set[str] = set()
        left = [service for user in users for service in user.spec.requires]
        while left:
            service = left.pop()
            if service not in needed:
                needed.add(service)
                left += [name for process in self._of(service) for name in process.spec.requires]
        return needed

    def _replaced(self, process: Process) -> bool:
        """Whether a healthy process of the same service does its work."""
        return any(other.wanted and other.state is State.HEALTHY for other in self._of(process.spec.service))

    def _stop_unneeded(self, now: float) -> list[Action]:
        """Signal the unwanted processes that no running process depends on. The others follow when these end."""
        running = [process for process in self.processes.values() if process.state.is_running]
        needed = self._needed_by(running)
        grace = 0.0 if self.hurry else None
        return [
            self._terminate(process, now, grace)
            for process in running
            if not process.wanted
            and process.state is not State.STOPPING
            and (process.spec.service not in needed or self._replaced(process))
        ]


def pause_s(failures: int) -> float:
    """Return the seconds until the next start after failures in a row: doubled each time, up to BACK_OFF_MAX_S."""
    return min(BACK_OFF_MAX_S, BACK_OFF_FIRST_S * 2.0 ** min(failures - 1, 32))


def describe_exit(code: int) -> str:
    """Describe an exit: ``exit code 3``, or ``killed by SIGKILL``."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
