"""Brings a pool to a number of workers of a revision, so that no task is lost. Decisions are pure; ``Backend`` sees and
does.

To grow, workers that were told to take no tasks take some again, which is instant; then new ones start. To shrink, as
many as are too many are told to take no tasks; those that have finished their last one and may be stopped are taken
away. ECS chooses among the workers that it may stop, and must not be able to choose another: so the number is lowered
only while all others are protected.

Workers that have run for long are replaced in the same way, before their home does it without regard to their tasks:
first new ones start, then as many old ones are told to take no tasks.

To bring another revision, new workers start in a group beside the old one. When as many as are replaced are healthy and
take tasks, the old ones are told to take none, finish those that they have, and go. Where a rollout may want to go
back, they stay until it has said that it does not. The way back is the same, with the groups exchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

from tradewind.protocol.workers import Order, Stage, Until


@dataclass(frozen=True)
class Worker:
    """One worker. None: it was not asked, or has not answered.

    ``tasks``: those it has taken and not finished. ``protected``: whether its home would leave it where the number is
    lowered; None where the home ends only those that it is told to. ``age_s``: for how long it has run. ``healthy``:
    its home says that it works.
    """

    name: str
    cordoned: bool | None = None
    tasks: int | None = None
    protected: bool | None = False
    age_s: float = 0.0
    healthy: bool = True

    @property
    def safe(self) -> bool:
        """Whether it is not chosen when the number is lowered: told to end are only those without tasks."""
        return not (self.cordoned and self.tasks == 0) if self.protected is None else self.protected

    @property
    def drained(self) -> bool:
        """Whether it can go: it takes no tasks, has none, and nothing protects it any more."""
        return bool(self.cordoned) and self.tasks == 0 and not self.safe

    @property
    def ready(self) -> bool:
        """Whether it has said that it takes tasks."""
        return self.healthy and self.cordoned is False


@dataclass(frozen=True)
class Group:
    """Workers of one revision. ``desired`` is how many the home keeps running.

    ``workers`` are those that have started; none where the look was not a close one. ``failed``: why the home has given
    up starting more.
    """

    name: str
    revision: str
    desired: int
    workers: tuple[Worker, ...] = ()
    failed: str = ""

    @property
    def working(self) -> int:
        """How many take tasks, or will when they have started."""
        return self.desired - min(self.desired, sum(1 for worker in self.workers if worker.cordoned))

    @property
    def healthy(self) -> int:
        """How many are healthy."""
        return sum(worker.healthy for worker in self.workers)

    @property
    def taking(self) -> int:
        """How many are healthy, and have not said that they take no tasks."""
        return sum(worker.healthy and not worker.cordoned for worker in self.workers)

    @property
    def tasks(self) -> int:
        """How many tasks its workers have, as far as they have answered."""
        return sum(worker.tasks or 0 for worker in self.workers)


@dataclass(frozen=True)
class Pool:
    """A pool as it is: its groups that have workers, or shall have.

    ``room``: the group that another revision would go to; None where one of the groups must be emptied first.
    ``default``: the revision that runs where no rollout has asked for one; None where that cannot be said.
    """

    groups: tuple[Group, ...] = ()
    room: str | None = None
    default: str | None = None


@dataclass(frozen=True)
class Size:
    """What brings one group to its number of workers, in this order: let these take tasks again, start so many more,
    let these take no more, take these away. ``waits`` says what cannot be done yet."""

    uncordon: tuple[str, ...] = ()
    launch: int = 0
    cordon: tuple[str, ...] = ()
    retire: tuple[str, ...] = ()
    waits: str = ""


@dataclass(frozen=True)
class Keep:
    """Keep ``count`` workers of a revision in a group; ``leaving`` go. ``again``: although the home has given up."""

    group: str
    revision: str
    count: int
    leaving: tuple[str, ...] = ()
    again: bool = False


@dataclass(frozen=True)
class Steps:
    """What to do now, in this order; ``stage`` and ``waits`` say how far the pool is."""

    uncordon: tuple[str, ...] = ()
    grow: tuple[Keep, ...] = ()
    cordon: tuple[str, ...] = ()
    shrink: tuple[Keep, ...] = ()
    waits: str = ""
    stage: Stage = Stage.STEADY


Tell = Callable[[str, list[str]], Mapping[str, Any]]
"""Sends workers a command over the broker, ``cordon``, ``uncordon`` or ``duty``; the duties of those that answered, by
name (``runtime.tasks.cordon``). Raises where the broker is away."""


class Backend(Protocol):
    """Where workers run. All methods raise TradewindError where that cannot be done now."""

    def look(self, pool: str, *, closely: bool) -> Pool:
        """See a pool; ``closely``: and each worker, of which only those that have ended are known to do nothing.

        Otherwise groups have no workers.
        """

    def registered(self, pool: str, revision: str) -> bool:
        """Whether a rollout has registered this revision for the pool. No other is ever started."""

    def running(self, pool: str) -> Collection[str]:
        """Those of a pool that run, and should answer over the broker. Safe to be called from another thread."""

    def keep(self, pool: str, wanted: Keep) -> None:
        """Do so from now on."""


AT_ONCE = 0.1
"""The part of a pool that is being replaced for its age, and never less than one."""
IN_TIME_S = 2 * 3600.0
"""Old workers may finish their tasks for so long before others are replaced beside them: their home does not wait."""
STARTS_S = 600.0
"""A worker that has not answered for so long since it was made does not start."""
FRESH_S = 3600.0
"""A worker that is younger and not protected never was: a protection holds for longer (``runtime.tasks.protection``).
So it has no tasks, also where it does not answer."""


def decide(
    pool: Pool, order: Order | None, wanted: int, replace_after_s: float = inf, *, least: int = 1, tried: bool = True
) -> Steps:
    """What brings a pool nearer to ``wanted`` workers of the order's revision; without an order, of the one there is.

    ``pool`` was seen closely. None shall run for longer than ``replace_after_s``. ``least``: so many must be healthy
    before a first revision counts as started. ``tried``: a group that its home has given up was tried again already.
    """
    revision = order.revision if order else pool.default
    if revision is None:
        return Steps(waits="no release has said which workers there should be")
    new = max((g for g in pool.groups if g.revision == revision), key=lambda group: group.desired, default=None)
    old = tuple(group for group in pool.groups if group is not new)
    if new is None and wanted:
        if pool.room is None:
            return _make_room(old, wanted, replace_after_s)
        return Steps(
            grow=(Keep(pool.room, revision, wanted),), stage=Stage.STARTING, waits=f"{wanted} new workers start"
        )
    until = order.until if order else Until.GONE
    if new is None and old and until is Until.STARTED:
        return Steps(stage=Stage.STARTED, waits="no new workers are needed")
    if new is None:
        return _relieve(None, old, 0, replace_after_s, until)
    # As many as take tasks now; there may be no room for those that were also wanted.
    replaced = max((group.taking for group in old), default=least)
    enough = min(max(wanted, new.desired), max(1, replaced))
    turned = bool(old) and _turned(new, old, wanted)
    if not turned and new.healthy < enough:
        return _start(new, old, wanted, tried=tried)
    if new.failed and new.healthy < new.desired and not tried:
        # It works, with fewer than it should have; nothing more starts until the home is told to try again.
        again = Keep(new.name, new.revision, max(wanted, new.desired), again=True)
        return Steps(grow=(again,), stage=Stage.STEADY if not old else Stage.STARTED, waits=new.failed)
    if not old:
        size = size_of(new, wanted, replace_after_s)
        return _of_group(new, size, Steps(waits=size.waits or (new.failed if new.healthy < new.desired else "")))
    if until is Until.STARTED:
        grow = (Keep(new.name, new.revision, wanted),) if wanted > new.desired else ()
        return Steps(grow=grow, stage=Stage.STARTED, waits=f"{new.healthy} new workers are healthy beside the old ones")
    if not turned and sum(worker.ready for worker in new.workers) < enough:
        held = tuple(worker.name for worker in new.workers if worker.healthy and not worker.ready)
        return Steps(uncordon=held, stage=Stage.TURNING, waits="not every new worker has answered yet")
    return _relieve(new, old, wanted, replace_after_s, until)


def grown(pool: Pool, wanted: int) -> Steps:
    """The same for a pool of one group that was not seen closely, of which no fewer workers are wanted."""
    (group,) = pool.groups
    grow = (Keep(group.name, group.revision, wanted),) if wanted > group.desired else ()
    return Steps(grow=grow)


def _start(new: Group, old: Collection[Group], wanted: int, *, tried: bool) -> Steps:
    """There are too few healthy workers of what is wanted. Where they do not start, the old ones do all the work."""
    if new.failed and tried:
        working = max(old, key=lambda group: group.taking, default=None)
        more = working is not None and wanted > working.desired
        grow = (Keep(working.name, working.revision, wanted),) if working and more else ()
        return Steps(grow=grow, stage=Stage.FAILED, waits=new.failed)
    waits = f"{new.healthy} of {max(wanted, new.desired)} new workers are healthy"
    if new.failed:
        again = Keep(new.name, new.revision, max(wanted, new.desired), again=True)
        return Steps(grow=(again,), stage=Stage.STARTING, waits=waits)
    grow = (Keep(new.name, new.revision, wanted),) if wanted > new.desired else ()
    return Steps(grow=grow, stage=Stage.STARTING, waits=waits)


def _relieve(new: Group | None, old: Collection[Group], wanted: int, replace_after_s: float, until: Until) -> Steps:
    """New workers take tasks: old ones take none, finish those that they have, and go, unless they are kept."""
    taking = tuple(worker.name for group in old for worker in group.workers if _may_take(worker))
    told = [group for group in old if not any(_may_take(worker) for worker in group.workers)]
    shrink = tuple(step for group in told if (step := _emptied(group))) if until is Until.GONE else ()
    size = size_of(new, wanted, replace_after_s) if new else Size()
    if taking:  # one that does not answer keeps neither the new ones from growing nor other groups from going
        waits = "not every old worker has answered yet"
        steps = Steps(cordon=taking, shrink=shrink, stage=Stage.TURNING, waits=waits)
        return _of_group(new, Size(uncordon=size.uncordon, launch=size.launch), steps) if new else steps
    count, tasks = sum(len(group.workers) for group in old), sum(group.tasks for group in old)
    waits = f"{count} old workers finish {tasks} tasks" if old else ""
    steps = Steps(shrink=shrink, waits=waits, stage=Stage.DRAINING if old else Stage.STEADY)
    return _of_group(new, size, steps) if new else steps


def _make_room(groups: Collection[Group], wanted: int, replace_after_s: float) -> Steps:
    """Each place has workers, and none of what is wanted. The group that works stays, and another is emptied.

    Which of them works is only known of those that answer: none is chosen because it did not.
    """
    silent = [group for group in groups if any(w.cordoned is None and w.safe for w in group.workers)]
    going = min(
        (group for group in groups if group not in silent),
        key=lambda group: (any(worker.ready for worker in group.workers), group.tasks, group.name),
        default=None,
    )
    if going is None or (silent and any(_may_take(worker) for worker in going.workers)):
        return Steps(stage=Stage.MAKING_ROOM, waits="not every worker of the earlier releases has answered yet")
    others = [group for group in groups if group is not going]
    staying = max(others, key=lambda group: sum(worker.ready for worker in group.workers))
    waits = f"{len(going.workers)} workers of an earlier release finish {going.tasks} tasks, and make room"
    if not silent and not any(worker.ready for worker in staying.workers):
        held = tuple(worker.name for worker in staying.workers if worker.healthy)
        return Steps(uncordon=held, stage=Stage.MAKING_ROOM, waits=waits)
    taking = tuple(worker.name for worker in going.workers if _may_take(worker))
    step = None if taking else _emptied(going)
    steps = Steps(cordon=taking, shrink=(step,) if step else (), stage=Stage.MAKING_ROOM, waits=waits)
    return steps if silent else _of_group(staying, size_of(staying, max(wanted, 1), replace_after_s), steps)


def _of_group(group: Group, size: Size, others: Steps) -> Steps:
    """These steps, and those that bring a group to its size."""
    grow = (Keep(group.name, group.revision, group.desired + size.launch),) if size.launch else ()
    left = group.desired - len(size.retire)
    shrink = (Keep(group.name, group.revision, left, size.retire),) if size.retire else ()
    return Steps(
        uncordon=(*others.uncordon, *size.uncordon),
        grow=(*others.grow, *grow),
        cordon=(*others.cordon, *size.cordon),
        shrink=(*others.shrink, *shrink),
        waits=others.waits,
        stage=others.stage,
    )


def _turned(new: Group, old: Iterable[Group], wanted: int) -> bool:
    """Whether all new tasks go to workers of the new group, if any are wanted."""
    taking = not wanted or any(worker.ready for worker in new.workers)
    return taking and not any(_may_take(worker) for group in old for worker in group.workers)


def _may_take(worker: Worker) -> bool:
    """Whether a worker takes tasks, as far as is known: one that is not protected and does not answer takes none."""
    return worker.cordoned is False or (worker.cordoned is None and worker.safe)


def _emptied(group: Group) -> Keep | None:
    """The step that leaves those of a group that have tasks; None where there is none, or it must wait."""
    staying = [worker for worker in group.workers if worker.safe]
    leaving = [worker for worker in group.workers if not worker.safe]
    fresh = [worker for worker in leaving if worker.cordoned is None and worker.age_s < FRESH_S]
    if len(staying) >= group.desired or any(not worker.drained and worker not in fresh for worker in leaving):
        return None
    return Keep(group.name, group.revision, len(staying), tuple(worker.name for worker in leaving))


def size_of(group: Group, wanted: int, replace_after_s: float = inf) -> Size:
    """What brings one group nearer to ``wanted`` workers, of which none has run for longer than ``replace_after_s``."""
    cordoned = [worker for worker in group.workers if worker.cordoned]
    drained = [worker for worker in cordoned if worker.drained]
    # What is beyond the number that is kept is going already, and it is of these.
    going = max(0, len(group.workers) - group.desired)
    staying = group.desired - max(0, len(cordoned) - going)
    old = {worker.name for worker in group.workers if worker.age_s > replace_after_s}
    # Of those that are alike the one that came last goes first, as far as names tell.
    latest = sorted(group.workers, key=lambda worker: (len(worker.name), worker.name), reverse=True)
    answering = sorted(
        (worker for worker in latest if worker.cordoned is False and worker.tasks is not None),
        key=lambda worker: (worker.name not in old, worker.healthy, worker.tasks or 0),
    )
    if wanted > staying:
        # A worker that still has tasks is surely not one of those that go; one that is old does not come back.
        back = sorted((w for w in cordoned if w.name not in old), key=lambda worker: (worker.drained, worker.name))
        chosen = tuple(worker.name for worker in back[: max(0, len(back) - going)][: wanted - staying])
        return Size(uncordon=chosen, launch=wanted - staying - len(chosen))
    replaced = _replaced(group, answering, old, wanted, replace_after_s)
    why = f"{', '.join(sorted(replaced))} have run for long, and are replaced" if replaced else ""
    # Those that do not answer may be cordoned already: as many as are wanted stay of those that surely work.
    too_many = max(0, min(staying - wanted - len(replaced), len(answering) - wanted))
    cordon = tuple(worker.name for worker in answering[:too_many])
    leaving = tuple(worker.name for worker in drained[: max(0, len(drained) - going)])
    exposed = [worker.name for worker in group.workers if not worker.safe and worker not in drained]
    if leaving and (exposed or len(group.workers) < group.desired):
        who = ", ".join(exposed) or "those that start"
        return Size(cordon=cordon, waits=f"{len(leaving)} workers can go once {who} cannot be taken for them")
    if cordon or leaving or not replaced:
        return Size(cordon=cordon, retire=leaving, waits=why)
    if len(answering) >= wanted + len(replaced):
        return Size(cordon=tuple(replaced), waits=why)
    silent = sum(1 for worker in group.workers if worker.cordoned is None and worker.age_s > STARTS_S)
    return Size(launch=max(0, wanted + len(replaced) - (staying - silent)), waits=why)


def _replaced(
    group: Group, answering: Collection[Worker], old: Collection[str], wanted: int, replace_after_s: float
) -> list[str]:
    """Those whose turn it is to be replaced for their age, while others that were have tasks."""
    late = any(worker.age_s > replace_after_s + IN_TIME_S for worker in group.workers)
    finishing = 0 if late else sum(1 for worker in group.workers if worker.cordoned and worker.name in old)
    room = max(1, int(wanted * AT_ONCE)) - finishing
    return [worker.name for worker in answering if worker.name in old][: max(0, room)]
