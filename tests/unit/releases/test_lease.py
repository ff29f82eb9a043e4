"""One process at a time changes an environment, and the lease of a killed process expires."""

from __future__ import annotations

from typing import Any

import pytest
from fleet_of_fakes import (
    NEW,
    OLD,
    OTHER,
    Clock,
    FakeTarget,
    Listen,
    fake,
    ignore,
    release,
    runs_only,
)

from tradewind.errors import TradewindError
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.rollout import Limits, Rollout
from tradewind.releases.target import Progress
from tradewind.storage import lease
from tradewind.storage.records import FolderRecords


def test_one_at_a_time(rollout: Rollout, records: FolderRecords, clock: Clock) -> None:
    other = Rollout(ReleaseRepository("dev", records), FakeTarget(OLD), Limits(), clock, clock.sleep)
    refusals: list[str] = []

    def meanwhile(name: str, progress: Progress) -> None:
        with pytest.raises(TradewindError) as caught:
            other.deploy(release(OTHER), ignore)
        refusals.append(str(caught.value))

    rollout.deploy(release(NEW), Listen(meanwhile))

    assert set(refusals) == {refusals[0]}
    assert f"deploys {release(NEW).id}" in refusals[0]
    assert runs_only(rollout, NEW)


def test_the_lock_of_another_machine_runs_out(rollout: Rollout, records: FolderRecords, clock: Clock) -> None:
    right = lease.of_environment("dev")
    lease.Lease.take(records, right, "deploys", clock)
    found = records.read(right.record)
    assert found
    # This machine cannot know whether a process of another one is alive.
    records.write(right.record, {**found[0], "process": ["elsewhere", 1, 0.0]}, found[1])

    with pytest.raises(TradewindError, match="dev is locked"):
        rollout.deploy(release(NEW), ignore)
    clock.now += lease.LEASE_S
    rollout.deploy(release(NEW), ignore)


def test_a_locked_environment_refuses(rollout: Rollout, records: FolderRecords, clock: Clock) -> None:
    lease.lock(records, lease.of_environment("dev"), "month end", clock)
    clock.now += 1e6

    with pytest.raises(TradewindError, match="month end") as caught:
        rollout.deploy(release(NEW), ignore)

    assert caught.value.hint == "wait, or: tradewind release unlock -e dev"
    assert lease.unlock(records, lease.of_environment("dev"))
    assert not lease.unlock(records, lease.of_environment("dev"))
    rollout.deploy(release(NEW), ignore)


def test_whoever_lost_the_lock_changes_nothing_more(rollout: Rollout, records: FolderRecords, clock: Clock) -> None:
    def take_away(name: str, progress: Progress) -> None:
        if name == "scheduler":
            lease.unlock(records, lease.of_environment("dev"))
            clock.now += lease.LEASE_S
        assert name not in {"flower", "worker"}

    with pytest.raises(TradewindError, match="dev was lost"):
        rollout.deploy(release(NEW), Listen(take_away))


def test_a_deployment_longer_than_a_lease_keeps_it(rollout: Rollout, clock: Clock) -> None:
    began = clock.now
    fake(rollout).steps = 500

    rollout.deploy(release(NEW), ignore)

    assert clock.now - began > 10 * lease.LEASE_S
    assert runs_only(rollout, NEW)


def test_a_write_whose_answer_got_lost_is_no_other_holder(
    records: FolderRecords, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client repeats the write, and finds its own record."""
    write = records.write

    def twice(name: str, document: Any, version: str | None) -> str:
        write(name, document, version)
        return write(name, document, version)

    monkeypatch.setattr(records, "write", twice)
    held = lease.Lease.take(records, lease.of_environment("dev"), "deploys", clock)
    for _ in range(3):
        clock.now += lease.RENEW_S + 1
        held.renew()
    held.release()

    assert records.read(lease.of_environment("dev").record) is None


def test_a_container_whose_user_no_file_names_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUILD_TAG", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 1_234_567)
    assert lease.me().startswith("1234567@")
