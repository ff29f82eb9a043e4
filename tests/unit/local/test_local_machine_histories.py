"""The invariants of the state machine, for every order of events."""

import signal
from collections.abc import Iterable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from machine_samples import COMPLETED, HEALTHY, ILL, STARTED, UNKNOWN, one_shot, process

from tradewind.local.probes import WELL
from tradewind.local.process import ProcessSpec
from tradewind.local.state_machine import (
    Action,
    Event,
    Exited,
    Machine,
    Probed,
    Restart,
    Send,
    Spawn,
    Spawned,
    State,
    Stop,
)

WORKER = {"broker": HEALTHY, "init-db-users": COMPLETED, "web": STARTED}


def worker(number: int) -> ProcessSpec:
    return process(f"worker-{number}", WORKER, stop_grace_s=120)


SPECS = [
    process("database", stop_signal=signal.SIGINT),
    process("broker"),
    one_shot("init-db-users", ["database"]),
    process("web", {"database": HEALTHY, "init-db-users": COMPLETED}),
    process("flower", ["broker"], probe=None),
    worker(1),
    worker(2),
]
NAMES = [spec.name for spec in SPECS]


class Histories(RuleBasedStateMachine):
    """The operating system: its processes, and the signals that they got."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.machine = Machine()
        self.running: dict[str, list[signal.Signals]] = {}  # with the signals that each was sent
        self.stopping = False

    @initialize()
    def begin(self) -> None:
        self.carry_out(self.machine.add(SPECS, self.now))

    def handle(self, event: Event) -> None:
        self.carry_out(self.machine.handle(event, self.now))

    def carry_out(self, actions: Iterable[Action]) -> None:
        for action in actions:
            found = self.machine.processes[action.name]
            if isinstance(action, Spawn):
                assert action.name not in self.running, "it runs already"
                assert found.wanted
                assert not self.stopping
                self.running[action.name] = []
            else:
                self.told(action)

    def told(self, action: Send) -> None:
        found = self.machine.processes[action.name]
        assert action.name in self.running, "there is no process for a signal"
        assert found.state is State.STOPPING
        if action.number is signal.SIGKILL:
            assert self.running[action.name], "asked before it is killed"
        elif not found.wanted:
            # In waves: every process that needs this one, and stops too, has ended.
            behind = {name for name in self.running if self.needs(name, action.name)}
            assert not {name for name in behind if not self.machine.processes[name].wanted}
        self.running[action.name].append(action.number)

    def needs(self, name: str, other: str) -> bool:
        requires = self.machine.processes[name].spec.requires
        return other in requires or any(self.needs(between, other) for between in requires)

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 29.0, 61.0, 119.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.carry_out(self.machine.tick(self.now))

    @rule()
    def the_next_thing_is_due(self) -> None:
        due = self.machine.next_due(self.now)
        if due is None:
            return
        assert due >= self.now
        self.now = due
        before = self.snapshot()
        self.carry_out(self.machine.tick(self.now))
        after = self.machine.next_due(self.now)
        assert before != self.snapshot() or after is None or after > due, "the loop would turn without an end"

    def snapshot(self) -> dict[str, tuple[State, float]]:
        return {name: (found.state, found.kill_at) for name, found in self.machine.processes.items()}

    @precondition(lambda self: self.running)
    @rule(data=st.data(), code=st.sampled_from([0, 1, -9, -15]))
    def one_ends(self, data: st.DataObject, code: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.running)))
        del self.running[name]
        self.handle(Exited(name, code))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def the_system_says_that_it_runs(self, data: st.DataObject) -> None:
        self.handle(Spawned(data.draw(st.sampled_from(sorted(self.running)))))

    @rule(name=st.sampled_from(NAMES), verdict=st.sampled_from([WELL, WELL, WELL, ILL, UNKNOWN]))
    def a_probe_answers(self, name: str, verdict: object) -> None:
        self.handle(Probed(name, verdict))  # type: ignore[arg-type]

    @rule()
    def all_that_runs_is_well(self) -> None:
        for name in sorted(self.running):
            if self.machine.processes[name].spec.probe:
                self.handle(Probed(name, WELL))

    @rule(name=st.sampled_from(NAMES))
    def somebody_restarts(self, name: str) -> None:
        self.handle(Restart(name))

    @rule(name=st.sampled_from(["worker-1", "worker-2"]))
    def scale_down(self, name: str) -> None:
        self.handle(Stop(frozenset({name})))

    @precondition(lambda self: not self.stopping and len(self.machine.processes) < len(NAMES))
    @rule()
    def scale_up(self) -> None:
        missing = [number for number in (1, 2) if f"worker-{number}" not in self.machine.processes]
        self.carry_out(self.machine.add([worker(number) for number in missing], self.now))

    @rule(now=st.booleans())
    def stop(self, now: bool) -> None:
        self.stopping = True
        self.handle(Stop(now=now))

    @invariant()
    def the_machine_knows_what_runs(self) -> None:
        assert {name for name, found in self.machine.processes.items() if found.state.is_running} == set(self.running)

    @invariant()
    def it_never_waits_for_the_past(self) -> None:
        due = self.machine.next_due(self.now)
        assert due is None or due >= self.now

    def teardown(self) -> None:
        """In the end every process stops, in order, even one that ignores signals."""
        if not self.machine.processes:
            return
        self.stop(now=False)
        for _ in range(20 * len(NAMES)):
            if self.machine.all_stopped:
                break
            killed = [name for name, signals in self.running.items() if signal.SIGKILL in signals]
            for name in killed:
                del self.running[name]
                self.handle(Exited(name, -9))
            if not killed:
                due = self.machine.next_due(self.now)
                assert due is not None, f"waits forever: {self.snapshot()}"
                self.now = due
                self.carry_out(self.machine.tick(self.now))
        assert self.machine.all_stopped
        assert not self.running


Histories.TestCase.settings = settings(max_examples=40, stateful_step_count=40)
TestHistories = Histories.TestCase
