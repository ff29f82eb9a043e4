"""The deploying process is killed at each of its calls, and another one finishes with one consistent release."""

from __future__ import annotations

from contextlib import nullcontext, suppress

import pytest
from fleet_of_fakes import (
    NEW,
    OLD,
    OTHER,
    Clock,
    KilledError,
    events,
    fake,
    ignore,
    killed_at,
    release,
    run_on,
    runs_only,
)

from tradewind.errors import TradewindError
from tradewind.releases.rollout import Rollout
from tradewind.storage import lease
from tradewind.storage.records import FolderRecords

CALLS = 22
"""The number of calls to the target in one deployment of the fakes. The test below checks it."""


def test_the_number_of_moments(rollout: Rollout) -> None:
    count = [0]
    fake(rollout).on_call = lambda: count.__setitem__(0, count[0] + 1)

    rollout.deploy(release(NEW), ignore)

    assert count[0] + 5 >= CALLS >= count[0]


@pytest.mark.parametrize("moment", range(1, CALLS))
@pytest.mark.parametrize("broken", [False, True])
def test_killed_at_any_moment_it_goes_on_to_one_release(
    rollout: Rollout, records: FolderRecords, clock: Clock, moment: int, broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A killed process releases no lock.
    monkeypatch.setattr(lease.Lease, "release", lambda self: None)
    fake(rollout).on_call = killed_at(moment)
    fake(rollout).ill = {NEW} if broken else set()
    try:
        rollout.deploy(release(NEW), ignore)
        killed = False
    except KilledError:
        killed = True
    except TradewindError:
        killed = False
    monkeypatch.undo()

    later = run_on(rollout, records, clock)
    with nullcontext() if not broken else suppress(TradewindError):
        later.resume(ignore)
    assert runs_only(later, OLD if broken else NEW)
    assert later.status()["consistent"]
    assert later.resume(ignore) is None
    assert killed or moment > 5


def test_after_a_kill_another_release_may_be_deployed(
    rollout: Rollout, records: FolderRecords, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease.Lease, "release", lambda self: None)
    fake(rollout).on_call = killed_at(8)
    with pytest.raises(KilledError):
        rollout.deploy(release(NEW), ignore)
    assert not rollout.status()["consistent"]
    monkeypatch.undo()

    later = run_on(rollout, records, clock)
    later.deploy(release(OTHER), ignore)

    assert runs_only(later, OTHER)
    assert ("interrupted", release(NEW).id) in events(later)
    fake(later).broken = {NEW}
    with pytest.raises(TradewindError):
        later.deploy(release(NEW), ignore)
    assert runs_only(later, OTHER)
