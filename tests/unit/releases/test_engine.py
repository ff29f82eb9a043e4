"""The rollout: phases behind gates, and a rollback if a gate fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fleet_of_fakes import (
    NEW,
    OLD,
    OTHER,
    Clock,
    FakeTarget,
    KilledError,
    Listen,
    events,
    fake,
    ignore,
    killed_at,
    release,
    run_on,
    runs_only,
)

from tradewind.blueprint import Component, services
from tradewind.config import Environment
from tradewind.errors import TradewindError
from tradewind.releases.phases import Phase, forward
from tradewind.releases.record import Release
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.rollout import Limits, Rollout
from tradewind.releases.target import DeployableService, Progress, Until
from tradewind.storage.records import FolderRecords


def test_a_release_goes_in_phase_by_phase(rollout: Rollout) -> None:
    fake(rollout).calls.clear()
    told = Listen()

    rollout.deploy(release(NEW), told, "because")

    assert runs_only(rollout, NEW)
    assert told.phases == ["snapshot", "migrate", "api", "services", "cordon", "dags", "confirm", "drain"]
    names = [name for name, _ in fake(rollout).calls]
    api, rest = ["web", "controller"], ["scheduler", "flower", "worker"]
    assert names == ["snapshot", *["migrate-db"] * 2, *api * 2, *rest * 2, "worker", "confirm", "worker"]
    assert rollout.releases.current_id() == release(NEW).id
    assert fake(rollout).adopted == dict.fromkeys(Component, NEW)
    assert rollout.releases.history()[-1]["reason"] == "because"
    status = rollout.status()
    assert (status["consistent"], status["unfinished"], status["lock"]) == (True, None, None)


def test_the_phases_of_a_whole_environment() -> None:
    found = forward(
        DeployableService(service.name, service.component, service.one_shot)
        for service in services(Environment(name="dev", account="production", availability="high"))
    )

    assert [(phase.name, sorted(service.name for service in phase.services), phase.until) for phase in found] == [
        ("init-db-users", ["init-db-users"], Until.GONE),
        ("snapshot", [], Until.GONE),
        ("migrate", ["migrate-db"], Until.GONE),
        ("api", ["controller", "execution-api", "web"], Until.GONE),
        ("services", ["dag-processor", "flower", "scheduler", "triggerer", "worker"], Until.STARTED),
        ("cordon", ["worker"], Until.CORDONED),
        ("dags", [], Until.GONE),
        ("confirm", [], Until.GONE),
        ("drain", ["worker"], Until.LEFT),
    ]


def test_what_would_be_done_is_told_and_not_done(rollout: Rollout) -> None:
    fake(rollout).calls.clear()
    fake(rollout).copies["flower"] = [NEW]

    found = {phase["phase"]: phase["changes"] for phase in rollout.plan(release(NEW))}

    assert fake(rollout).calls == []
    assert [change["service"] for change in found["services"]] == ["scheduler", "worker"]
    assert found["migrate"] == [{"service": "migrate-db", "from": [], "to": NEW}]
    assert found["drain"] == [{"service": "worker", "from": [OLD], "to": NEW}]
    assert rollout.releases.unfinished() is None


@pytest.mark.parametrize(("before", "after"), [("d-1", "d-1"), ("", "before")])
def test_dag_files_come_and_go_with_the_release(rollout: Rollout, before: str, after: str) -> None:
    first, second = replace(release(NEW), dags=before), replace(release(OTHER), dags="d-2")
    for each in (first, second):
        rollout.releases.keep(each)
    rollout.deploy(first, ignore)
    assert fake(rollout).dag_release == before
    fake(rollout).ill = {OTHER}

    with pytest.raises(TradewindError, match=f"{first.id} is active again"):
        rollout.deploy(second, ignore)

    assert fake(rollout).dag_release == after
    assert rollout.releases.current_id() == first.id


def test_dag_files_that_cannot_be_imported_take_the_release_back(rollout: Rollout) -> None:
    wanted = rollout.releases.keep(replace(release(NEW), dags="d-2"))
    fake(rollout).broken = {"d-2"}

    with pytest.raises(TradewindError, match="is active again") as caught:
        rollout.deploy(wanted, ignore)

    assert "no module named x" in caught.value.why
    assert runs_only(rollout, OLD)


def test_other_dag_files_make_another_release_and_are_taken_back_alone(rollout: Rollout) -> None:
    made = rollout.releases.change_dags("d-3", "deployed", 1_800_000_000.0, "a commit")
    assert made
    assert (made.dags, made.images, made.parent) == ("d-3", release(OLD).images, release(OLD).id)
    assert rollout.releases.current_id() == made.id
    assert events(rollout)[-1] == ("deployed", made.id)
    assert rollout.releases.previous() == release(OLD)
    assert rollout.status()["consistent"]
    assert rollout.releases.change_dags("d-3", "deployed", 1_800_000_001.0, "the same") == made


@pytest.mark.parametrize("before", ["", "d-1"])
@pytest.mark.parametrize("comes", ["", "d-2"])
@pytest.mark.parametrize(("at", "stays"), [("api", False), ("confirm", True)])
@pytest.mark.parametrize("changed", ["d-4", "d-1"])
def test_the_record_names_the_dag_files_that_were_put_in_force_last(
    rollout: Rollout, before: str, comes: str, at: str, stays: bool, changed: str
) -> None:
    """DAG files are changed during a rollout, before or after the rollout deploys its own."""
    if before:
        rollout.releases.change_dags(before, "deployed", 1_800_000_000.0, "a commit")
    wanted = rollout.releases.keep(replace(release(NEW), dags=comes))

    def change(phase: Phase) -> None:
        if phase.name == at:
            assert rollout.releases.change_dags(changed, "rolled-back", 1_800_000_001.0, "meanwhile") is None

    rollout.deploy(wanted, Listen(on_phase=change))

    now = rollout.releases.current()
    assert now
    assert (now.dags, now.images) == (changed if stays or not comes else comes, release(NEW).images)
    assert rollout.releases.unfinished() is None


def test_a_rollout_that_follows_a_killed_one_knows_nothing_of_its_dag_files(
    rollout: Rollout, records: FolderRecords, clock: Clock
) -> None:
    wanted = rollout.releases.keep(replace(release(NEW), dags="d-2"))

    def die(phase: Phase) -> None:
        if phase.name == "drain":
            raise KilledError

    with pytest.raises(KilledError):
        rollout.deploy(wanted, Listen(on_phase=die))
    later = run_on(rollout, records, clock)
    other = later.releases.keep(replace(release(OTHER), dags="d-3"))
    later.deploy(other, ignore)
    now = later.releases.current()
    assert now
    assert (now.dags, now.images) == ("d-3", other.images)


def test_a_release_whose_dag_files_are_not_there_changes_nothing(rollout: Rollout) -> None:
    rollout.has_dags = lambda dags: False
    fake(rollout).calls.clear()
    wanted = rollout.releases.keep(replace(release(NEW), dags="d-2"))
    with pytest.raises(TradewindError, match="comes with the DAG release d-2, which dev does not have"):
        rollout.deploy(wanted, ignore)
    assert fake(rollout).calls == []
    assert rollout.releases.unfinished() is None


def test_what_became_of_a_release_in_every_environment(rollout: Rollout, records: FolderRecords) -> None:
    rollout.deploy(release(NEW), ignore, "a reason")
    ReleaseRepository("prod", records).note("deployed", release(NEW).id, 1_900_000_000.0)
    found = rollout.releases.evidence(release(NEW).id)
    assert [(entry["environment"], entry["event"]) for entry in found] == [("dev", "deployed"), ("prod", "deployed")]


def test_it_is_over_while_old_workers_finish(rollout: Rollout) -> None:
    fake(rollout).busy = {"worker": 50}
    fake(rollout).calls.clear()

    rollout.deploy(release(NEW), ignore)

    names = [name for name, _ in fake(rollout).calls]
    assert names[names.index("confirm") :] == ["confirm", "worker"]
    status = rollout.status()
    assert (status["consistent"], status["draining"]) == (True, {"worker": "2 tasks finish"})


@pytest.mark.parametrize("looks", [0, 50])
def test_a_canary_that_fails_finds_the_old_workers_there(rollout: Rollout, looks: int) -> None:
    """Also idle old workers."""
    fake(rollout).busy = {"worker": looks}
    fake(rollout).ill = {NEW}
    there: list[list[str]] = []

    def look(name: str, progress: Progress) -> None:
        there.append(list(fake(rollout).copies["worker"]))

    with pytest.raises(TradewindError, match="canary failed"):
        rollout.deploy(release(NEW), Listen(look))

    assert all(OLD in copies for copies in there)
    assert runs_only(rollout, OLD)


def test_what_was_confirmed_is_not_taken_back(rollout: Rollout, records: FolderRecords, clock: Clock) -> None:
    """A lost controller is no reason to stop confirmed workers."""

    def away(phase: Phase) -> None:
        if phase.name == "drain":
            fake(rollout).hang = {"worker"}

    with pytest.raises(TradewindError, match="is active, but old workers still run") as caught:
        rollout.deploy(release(NEW), Listen(on_phase=away))

    assert "worker was still draining after 3600 s" in caught.value.why
    assert caught.value.hint == "tradewind release resume -e dev"
    assert not [image for name, image in fake(rollout).calls[-100:] if image == OLD]
    fake(rollout).hang = set()
    assert run_on(rollout, records, clock).resume(ignore) == release(NEW)
    assert events(rollout)[-1] == ("deployed", release(NEW).id)


def test_a_one_off_that_takes_too_long_is_gone_on_with(rollout: Rollout, records: FolderRecords, clock: Clock) -> None:
    """The old release must not meet a schema that is being changed."""
    fake(rollout).preparing = 100_000

    with pytest.raises(TradewindError, match="migrate-db was still preparing") as caught:
        rollout.deploy(release(NEW), ignore)

    assert caught.value.hint == "tradewind release resume -e dev"
    assert rollout.releases.unfinished() is not None
    fake(rollout).preparing = 0
    assert run_on(rollout, records, clock).resume(ignore) == release(NEW)


def test_where_a_rollback_leads(rollout: Rollout, records: FolderRecords, clock: Clock) -> None:
    rollout.deploy(release(NEW), ignore)
    assert rollout.releases.previous() == release(OLD)
    fake(rollout).on_call = killed_at(8)
    with pytest.raises(KilledError):
        rollout.deploy(release(OTHER), ignore)

    # OTHER was never active: the previous release is NEW, not OLD.
    later = run_on(rollout, records, clock)
    assert later.releases.previous() == release(NEW)


def test_the_first_release_has_no_other(records: FolderRecords, clock: Clock) -> None:
    ReleaseRepository("dev", records).keep(release(NEW))
    rollout = Rollout(ReleaseRepository("dev", records), FakeTarget(OLD), Limits(), clock, clock.sleep)
    rollout.deploy(release(NEW), ignore)

    with pytest.raises(TradewindError, match="there is no previous release"):
        rollout.releases.previous()


def test_a_gate_that_fails_brings_back_what_was(rollout: Rollout) -> None:
    fake(rollout).broken = {NEW}

    with pytest.raises(TradewindError, match="is active again") as caught:
        rollout.deploy(release(NEW), ignore)

    assert "no such file" in caught.value.why
    assert runs_only(rollout, OLD)
    assert rollout.releases.current_id() == release(OLD).id
    assert events(rollout)[-2:] == [("failed", release(NEW).id), ("rolled-back", release(OLD).id)]
    assert rollout.status()["consistent"]


def test_on_the_way_back_the_controller_comes_first_and_the_api_last(rollout: Rollout) -> None:
    fake(rollout).ill = {NEW}
    fake(rollout).calls.clear()
    told = Listen()

    with pytest.raises(TradewindError, match="canary failed"):
        rollout.deploy(release(NEW), told)

    back = dict.fromkeys(name for name, image in fake(rollout).calls if image == OLD)
    assert list(back) == ["controller", "scheduler", "flower", "worker", "web"]
    assert told.phases[-5:] == ["controller", "dags", "services", "drain", "api"]


@pytest.mark.parametrize(("api", "waits"), [(NEW, True), (OLD, False)])
def test_no_worker_meets_an_older_api(rollout: Rollout, api: str, waits: bool) -> None:
    wanted = Release(dict(release(NEW).images) | {"webserver": api})
    ReleaseRepository("dev", rollout.releases.records).keep(wanted)
    fake(rollout).ill = {NEW}
    fake(rollout).busy = {"worker": 5}
    told = Listen()

    with pytest.raises(TradewindError, match="canary failed"):
        rollout.deploy(wanted, told)

    assert ("worker", "2 tasks finish") in told.details if waits else ("worker", "2 tasks finish") not in told.details
    assert fake(rollout).left == (set() if waits else {"worker"})


def test_a_gate_that_never_opens_fails_within_its_limit(rollout: Rollout, clock: Clock) -> None:
    rollout.limits = Limits(draining_s=100)
    fake(rollout).hang = {"worker"}
    fake(rollout).calls.clear()
    began = clock.now

    def no_longer(name: str, progress: Progress) -> None:
        if ("flower", OLD) in fake(rollout).calls:  # during the rollback
            fake(rollout).hang.clear()

    with pytest.raises(TradewindError, match=r"worker was still draining after 100 s") as caught:
        rollout.deploy(release(NEW), Listen(no_longer))

    assert "2 tasks finish" in caught.value.why
    assert clock.now - began < 200
    assert runs_only(rollout, OLD)


def test_the_first_release_has_nothing_to_go_back_to(records: FolderRecords, clock: Clock) -> None:
    ReleaseRepository("dev", records).keep(release(NEW))
    rollout = Rollout(ReleaseRepository("dev", records), FakeTarget(OLD, broken={NEW}), Limits(), clock, clock.sleep)

    with pytest.raises(TradewindError, match="no other release for a rollback"):
        rollout.deploy(release(NEW), ignore)

    assert rollout.releases.current_id() is None
    assert not rollout.status()["consistent"]


def test_when_the_way_back_fails_too(rollout: Rollout) -> None:
    fake(rollout).ill = {NEW}

    def break_old(name: str, progress: Progress) -> None:
        if name == "confirm":
            fake(rollout).broken.add(OLD)

    with pytest.raises(TradewindError, match="and so did the rollback") as caught:
        rollout.deploy(release(NEW), Listen(break_old))

    assert caught.value.hint == "tradewind release resume -e dev"
    fake(rollout).broken.clear()
    assert rollout.resume(ignore) == release(OLD)
    assert runs_only(rollout, OLD)
    assert rollout.status()["consistent"]


def test_a_release_that_nobody_made(rollout: Rollout) -> None:
    with pytest.raises(TradewindError, match="there is no release 'r-nothing'"):
        rollout.releases.release("r-nothing")


def test_a_release_without_an_image_that_is_needed(rollout: Rollout) -> None:
    half = Release({"worker": NEW})
    ReleaseRepository("dev", rollout.releases.records).keep(half)

    with pytest.raises(TradewindError, match="has no image for flower, scheduler, webserver"):
        rollout.deploy(half, ignore)
    assert rollout.releases.unfinished() is None


def test_a_release_that_is_made_again_is_the_newest(records: FolderRecords) -> None:
    """For example, a reverted change: `release deploy` deploys the release that was created last."""
    ReleaseRepository("dev", records).keep(Release({"worker": OLD}, created="2026-01-01", author="a", note="first"))
    ReleaseRepository("dev", records).keep(Release({"worker": NEW}, created="2026-01-02", parent="r-0"))
    ReleaseRepository("dev", records).keep(Release({"worker": OLD}, created="2026-01-03", author="b", parent="r-1"))

    assert ReleaseRepository("dev", records).all() == [
        Release({"worker": NEW}, created="2026-01-02", parent="r-0"),
        Release({"worker": OLD}, created="2026-01-03", author="b", note="first"),
    ]


class Busy(FolderRecords):
    """Another process writes a record right before this one."""

    other: Release | None = None

    def write(self, name: str, document: Mapping[str, Any], version: str | None) -> str:
        if self.other:
            super().write(name, self.other.as_dict(), None)
            self.other = None
        return super().write(name, document, version)


def test_two_make_one_release_at_the_same_time(tmp_path: Path) -> None:
    records = Busy(tmp_path)
    records.other = Release({"worker": OLD}, created="2026-01-01", author="a")
    ReleaseRepository("dev", records).keep(Release({"worker": OLD}, created="2026-01-02", author="b", note="mine"))

    assert ReleaseRepository("dev", records).all() == [
        Release({"worker": OLD}, created="2026-01-02", author="b", note="mine")
    ]
