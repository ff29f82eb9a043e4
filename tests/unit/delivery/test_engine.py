"""The engine: forward behind gates, back where one does not open, and on after a kill at any moment."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from fleet_of_fakes import SERVICES, FakeTarget

from tradewind.delivery import lease
from tradewind.delivery.engine import Engine, Limits, keep, known
from tradewind.delivery.records import FolderRecords
from tradewind.delivery.release import Release
from tradewind.delivery.target import Progress
from tradewind.errors import TradewindError
from tradewind.platform import Component

OLD, NEW, OTHER = ("sha256:" + digit * 64 for digit in "123")


class KilledError(BaseException):
    """As if the process had been killed: nothing catches it, and nothing is tidied up."""


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def release(image: str) -> Release:
    return Release({component.value: image for component in Component})


def ignore(name: str, progress: Progress) -> None:
    pass


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def records(tmp_path: Path) -> FolderRecords:
    return FolderRecords(tmp_path)


@pytest.fixture
def engine(records: FolderRecords, clock: Clock) -> Engine:
    """An environment that runs OLD, as its records say."""
    for image in (OLD, NEW, OTHER):
        keep(records, release(image))
    made = Engine("dev", records, FakeTarget(OLD), Limits(), clock, clock.sleep)
    made.deploy(release(OLD), ignore)
    return made


def fake(engine: Engine) -> FakeTarget:
    assert isinstance(engine.target, FakeTarget)
    return engine.target


def runs_only(engine: Engine, image: str) -> bool:
    return all(images == frozenset({image}) for images in engine.target.running().values())


def events(engine: Engine) -> list[tuple[str, str]]:
    return [(entry["event"], entry["release"]) for entry in engine.history()]


def test_a_release_goes_in_service_by_service(engine: Engine) -> None:
    fake(engine).calls.clear()

    engine.deploy(release(NEW), ignore, "because")

    assert runs_only(engine, NEW)
    assert list(dict.fromkeys(name for name, _ in fake(engine).calls)) == [service.name for service in SERVICES]
    assert engine.current_id() == release(NEW).id
    assert fake(engine).adopted == dict.fromkeys(Component, NEW)
    assert engine.history()[-1]["reason"] == "because"
    status = engine.status()
    assert (status["consistent"], status["unfinished"], status["lock"]) == (True, None, None)


def test_a_gate_that_fails_brings_back_what_was(engine: Engine) -> None:
    fake(engine).broken = {NEW}

    with pytest.raises(TradewindError, match="is in force again") as caught:
        engine.deploy(release(NEW), ignore)

    assert "no such file" in caught.value.why
    assert runs_only(engine, OLD)
    assert engine.current_id() == release(OLD).id
    assert events(engine)[-2:] == [("failed", release(NEW).id), ("rolled-back", release(OLD).id)]
    assert engine.status()["consistent"]


def test_the_way_back_is_the_way_there_reversed_without_one_offs(engine: Engine) -> None:
    fake(engine).ill = {NEW}

    with pytest.raises(TradewindError, match="canary failed"):
        engine.deploy(release(NEW), ignore)

    back = [name for name, image in fake(engine).calls if image == OLD]
    after = list(dict.fromkeys(back[len(SERVICES) :]))
    assert after == ["flower", "worker", "scheduler", "web"]


def test_a_gate_that_never_opens_fails_within_its_limit(engine: Engine, clock: Clock) -> None:
    engine.limits = Limits(draining_s=100)
    fake(engine).hang = {"worker"}
    began = clock.now

    def no_longer(name: str, progress: Progress) -> None:
        if name == "flower":  # the first on the way back
            fake(engine).hang.clear()

    with pytest.raises(TradewindError, match=r"worker was still draining after 100 s") as caught:
        engine.deploy(release(NEW), no_longer)

    assert "2 tasks finish" in caught.value.why
    assert clock.now - began < 200
    assert runs_only(engine, OLD)


def test_the_first_release_has_nothing_to_go_back_to(records: FolderRecords, clock: Clock) -> None:
    keep(records, release(NEW))
    engine = Engine("dev", records, FakeTarget(OLD, broken={NEW}), Limits(), clock, clock.sleep)

    with pytest.raises(TradewindError, match="no other release to go back to"):
        engine.deploy(release(NEW), ignore)

    assert engine.current_id() is None
    assert not engine.status()["consistent"]


def test_when_the_way_back_fails_too(engine: Engine) -> None:
    fake(engine).ill = {NEW}

    def break_old(name: str, progress: Progress) -> None:
        if name == "confirm":
            fake(engine).broken.add(OLD)

    with pytest.raises(TradewindError, match="and so did the way back") as caught:
        engine.deploy(release(NEW), break_old)

    assert caught.value.hint == "tradewind release resume dev"
    fake(engine).broken.clear()
    assert engine.resume(ignore) == release(OLD)
    assert runs_only(engine, OLD)
    assert engine.status()["consistent"]


def test_one_at_a_time(engine: Engine, records: FolderRecords, clock: Clock) -> None:
    other = Engine("dev", records, FakeTarget(OLD), Limits(), clock, clock.sleep)
    refusals: list[str] = []

    def meanwhile(name: str, progress: Progress) -> None:
        with pytest.raises(TradewindError) as caught:
            other.deploy(release(OTHER), ignore)
        refusals.append(str(caught.value))

    engine.deploy(release(NEW), meanwhile)

    assert set(refusals) == {refusals[0]}
    assert f"deploys {release(NEW).id}" in refusals[0]
    assert runs_only(engine, NEW)


def test_the_lock_of_a_process_that_ended_is_free_at_once(
    engine: Engine, records: FolderRecords, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = subprocess.Popen(["true"])
    with monkeypatch.context() as as_child:
        as_child.setattr(lease.os, "getpid", lambda: child.pid)
        lease.Lease.take(records, "dev", "deploys", clock)
    child.wait()

    engine.deploy(release(NEW), ignore)

    assert runs_only(engine, NEW)


def test_the_lock_of_another_machine_runs_out(
    engine: Engine, records: FolderRecords, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(lease.socket, "gethostname", lambda: "elsewhere")
        lease.Lease.take(records, "dev", "deploys", clock)

    with pytest.raises(TradewindError, match="dev is locked"):
        engine.deploy(release(NEW), ignore)
    clock.now += lease.LEASE_S
    engine.deploy(release(NEW), ignore)


def test_a_locked_environment_refuses(engine: Engine, records: FolderRecords, clock: Clock) -> None:
    lease.lock(records, "dev", "month end", clock)
    clock.now += 1e6

    with pytest.raises(TradewindError, match="month end") as caught:
        engine.deploy(release(NEW), ignore)

    assert caught.value.hint == "wait, or: tradewind release unlock dev"
    assert lease.unlock(records, "dev")
    assert not lease.unlock(records, "dev")
    engine.deploy(release(NEW), ignore)


def test_whoever_lost_the_lock_changes_nothing_more(engine: Engine, records: FolderRecords, clock: Clock) -> None:
    def take_away(name: str, progress: Progress) -> None:
        if name == "scheduler":
            lease.unlock(records, "dev")
            clock.now += lease.LEASE_S
        assert name != "worker"

    with pytest.raises(TradewindError, match="taken away"):
        engine.deploy(release(NEW), take_away)


def test_a_deployment_longer_than_a_lease_keeps_it(engine: Engine, clock: Clock) -> None:
    began = clock.now
    fake(engine).steps = 500

    engine.deploy(release(NEW), ignore)

    assert clock.now - began > 10 * lease.LEASE_S
    assert runs_only(engine, NEW)


def killed_at(moment: int) -> Callable[[], None]:
    """What kills at the call of that number."""
    left = [moment]

    def on_call() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KilledError

    return on_call


CALLS = 22
"""Of the target, in one deployment of the fakes; see the test below."""


def test_the_number_of_moments(engine: Engine) -> None:
    count = [0]
    fake(engine).on_call = lambda: count.__setitem__(0, count[0] + 1)

    engine.deploy(release(NEW), ignore)

    assert count[0] + 5 >= CALLS >= count[0]


def run_on(engine: Engine, records: FolderRecords, clock: Clock) -> Engine:
    """A new process, after the lease of the killed one has run out."""
    clock.now += lease.LEASE_S + 1
    fake(engine).on_call = lambda: None
    return Engine("dev", records, engine.target, Limits(), clock, clock.sleep)


@pytest.mark.parametrize("moment", range(1, CALLS))
@pytest.mark.parametrize("broken", [False, True])
def test_killed_at_any_moment_it_goes_on_to_one_release(
    engine: Engine, records: FolderRecords, clock: Clock, moment: int, broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A killed process gives nothing back.
    monkeypatch.setattr(lease.Lease, "give_back", lambda self: None)
    fake(engine).on_call = killed_at(moment)
    fake(engine).ill = {NEW} if broken else set()
    try:
        engine.deploy(release(NEW), ignore)
        killed = False
    except KilledError:
        killed = True
    except TradewindError:
        killed = False
    monkeypatch.undo()

    later = run_on(engine, records, clock)
    with nullcontext() if not broken else suppress(TradewindError):
        later.resume(ignore)
    assert runs_only(later, OLD if broken else NEW)
    assert later.status()["consistent"]
    assert later.resume(ignore) is None
    assert killed or moment > 5


def test_after_a_kill_another_release_may_be_deployed(
    engine: Engine, records: FolderRecords, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease.Lease, "give_back", lambda self: None)
    fake(engine).on_call = killed_at(8)
    with pytest.raises(KilledError):
        engine.deploy(release(NEW), ignore)
    assert not engine.status()["consistent"]
    monkeypatch.undo()

    later = run_on(engine, records, clock)
    later.deploy(release(OTHER), ignore)

    assert runs_only(later, OTHER)
    assert ("interrupted", release(NEW).id) in events(later)
    fake(later).broken = {NEW}
    with pytest.raises(TradewindError):
        later.deploy(release(NEW), ignore)
    assert runs_only(later, OTHER)


def test_a_release_that_nobody_made(engine: Engine) -> None:
    with pytest.raises(TradewindError, match="there is no release 'r-nothing'"):
        engine.release("r-nothing")


def test_a_release_without_an_image_that_is_needed(engine: Engine) -> None:
    half = Release({"worker": NEW})
    keep(engine.records, half)

    with pytest.raises(TradewindError, match="has no image for flower, scheduler, webserver"):
        engine.deploy(half, ignore)


def test_records_are_kept_once(records: FolderRecords) -> None:
    first = Release({"worker": OLD}, created="2026-01-01", author="a")
    keep(records, first)
    keep(records, Release({"worker": OLD}, created="2026-01-02", author="b"))
    keep(records, Release({"worker": NEW}, created="2025-01-01"))

    assert [found.created for found in known(records)] == ["2025-01-01", "2026-01-01"]
