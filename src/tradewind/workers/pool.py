"""Decide how a worker pool reaches a number of workers of a revision without losing a task.

Decisions are pure; a ``Backend`` reads the pool and changes it.

To grow, the pool first uncordons workers, which is instant, and then starts new ones. To shrink, it cordons the surplus
workers, and removes them when they are drained and not protected. ECS itself chooses which of the unprotected workers
it stops. So the desired number is lowered only while all other workers are protected.

Workers that have run for long are replaced in the same way, before the runtime replaces them regardless of their tasks.
First new workers start, then as many old ones are cordoned.

For another revision, new workers start in a group beside the old one. When enough of them are healthy and take tasks,
the old workers are cordoned, finish their tasks, and are removed. While the rollout may still roll back, they stay. A
rollback is the same, with the groups exchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

from tradewind.protocol.workers import Order, Stage, Until


@dataclass(frozen=True)
class Worker:
    """One worker. None in a field: the worker was not queried, or has not answered.

    ``tasks``: the number of tasks that it has taken and not finished. ``protected``: whether the runtime spares it if
    the desired number is lowered; None if the runtime stops only the workers that are named to it. ``age_s``: for how
    long it has run. ``healthy``: the runtime reports that it works.
    """

    name: str
    cordoned: bool | None = None
    tasks: int | None = None
    protected: bool | None = False
    age_s: float = 0.0
    healthy: bool = True

    @property
    def safe(self) -> bool:
        """Whether it stays if the number is lowered. Of named workers, only cordoned ones without tasks are stopped."""
        return not (self.cordoned and self.tasks == 0) if self.protected is None else self.protected

    @property
    def drained(self) -> bool:
        """Whether it can be removed: it is cordoned, has no tasks, and is no longer protected."""
        return bool(self.cordoned) and self.tasks == 0 and not self.safe

    @property
    def ready(self) -> bool:
        """Whether it is healthy and has reported that it takes tasks."""
        return self.healthy and self.cordoned is False


@dataclass(frozen=True)
class Group:
    """Workers of one revision. ``desired`` is the number that the runtime keeps running.

    ``workers`` are the started workers; empty if the pool was not inspected closely. ``failed``: why the runtime has
    given up starting more.
    """

    name: str
    revision: str
    desired: int
    workers: tuple[Worker, ...] = ()
    failed: str = ""

    @property
    def working(self) -> int:
        """How many workers take tasks, or will take tasks when they have started."""
        return self.desired - min(self.desired, sum(1 for worker in self.workers if worker.cordoned))

    @property
    def healthy(self) -> int:
        """How many workers are healthy."""
        return sum(worker.healthy for worker in self.workers)

    @property
    def taking(self) -> int:
        """How many workers are healthy, and have not reported that they are cordoned."""
        return sum(worker.healthy and not worker.cordoned for worker in self.workers)

    @property
    def tasks(self) -> int:
        """How many tasks its workers have, as far as they have answered."""
        return sum(worker.tasks or 0 for worker in self.workers)


@dataclass(frozen=True)
class Pool:
    """The state of a pool: its groups that have workers, or will have some.

    ``room``: the group for another revision; None if one of the groups must be emptied first. ``default``: the revision
    that runs if no rollout has ordered one; None if it is unknown.
    """

    groups: tuple[Group, ...] = ()
    room: str | None = None
    default: str | None = None


@dataclass(frozen=True)
class Size:
    """The steps that bring one group to its number of workers, in this order. ``waits``: the steps that must wait.

    ``uncordon``: the workers to uncordon. ``launch``: the number of workers to start. ``cordon``: the workers to
    cordon. ``retire``: the workers to remove.
    """

    uncordon: tuple[str, ...] = ()
    launch: int = 0
    cordon: tuple[str, ...] = ()
    retire: tuple[str, ...] = ()
    waits: str = ""


@dataclass(frozen=True)
class Keep:
    """Keep ``count`` workers of a revision in a group, without ``leaving``. ``again``: retry if the runtime gave up."""

    group: str
    revision: str
    count: int
    leaving: tuple[str, ...] = ()
    again: bool = False


@dataclass(frozen=True)
class Steps:
    """The steps to take now, in this order. ``stage`` and ``waits`` show the progress of the pool."""

    uncordon: tuple[str, ...] = ()
    grow: tuple[Keep, ...] = ()
    cordon: tuple[str, ...] = ()
    shrink: tuple[Keep, ...] = ()
    waits: str = ""
    stage: Stage = Stage.STEADY


Tell = Callable[[str, list[str]], Mapping[str, Any]]
"""Sends workers a command over the broker: ``cordon``, ``uncordon`` or ``duty``. Returns the duties of the workers that
answered, by name (``runtime.tasks.cordon``). Raises if the broker is unavailable."""


class Backend(Protocol):
    """The runtime of workers. All methods raise TradewindError if the call fails."""

    def look(self, pool: str, *, with_workers: bool) -> Pool:
        """Inspect a pool. ``with_workers``: with each worker; otherwise, groups have no workers.

        The backend knows the cordon and the tasks only of workers that have ended. The others must be queried.
        """

    def registered(self, pool: str, revision: str) -> bool:
        """Whether a rollout has registered this revision for the pool. No other revision is ever started."""

    def running(self, pool: str) -> Collection[str]:
        """The running workers of a pool, which should answer over the broker. Thread-safe."""

    def keep(self, pool: str, wanted: Keep) -> None:
        """Apply this from now on."""


AT_ONCE = 0.1
"""The part of a pool that is replaced for its age at the same time; at least one worker."""
IN_TIME_S = 2 * 3600.0
"""How long old workers may finish their tasks before more are replaced at the same time: the runtime does not wait."""
STARTS_S = 600.0
"""A worker that has not answered within this time after its creation counts as not starting."""
FRESH_S = 3600.0
"""A younger worker without protection was never protected, because a protection lasts longer
(``runtime.tasks.protection``). So it has no tasks, even if it does not answer."""


def decide(
    pool: Pool, order: Order | None, wanted: int, replace_after_s: float = inf, *, least: int = 1, tried: bool = True
) -> Steps:
    """The next steps towards ``wanted`` workers of the order's revision, or of the default one if there is no order.

    ``pool`` was inspected closely. No worker may run for longer than ``replace_after_s``. ``least``: how many workers
    must be healthy before a first revision counts as started. ``tried``: the runtime had given up, and a retry was
    already made.
    """
    revision = order.revision if order else pool.default
    if revision is None:
        return Steps(waits="no release has set the revision of the workers")
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
    # As many as take tasks now. The runtime may have no capacity for more, even if more were wanted.
    replaced = max((group.taking for group in old), default=least)
    enough = min(max(wanted, new.desired), max(1, replaced))
    turned = bool(old) and _turned(new, old, wanted)
    if not turned and new.healthy < enough:
        return _start(new, old, wanted, tried=tried)
    if new.failed and new.healthy < new.desired and not tried:
        # The group works with too few workers. The runtime starts no more until the next retry.
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
        return Steps(uncordon=held, stage=Stage.CORDONING, waits="not every new worker has answered yet")
    return _relieve(new, old, wanted, replace_after_s, until)


def grown(pool: Pool, wanted: int) -> Steps:
    """The next steps for a pool of one group that was not inspected closely, and that must not shrink."""
    (group,) = pool.groups
    grow = (Keep(group.name, group.revision, wanted),) if wanted > group.desired else ()
    return Steps(grow=grow)


def _start(new: Group, old: Collection[Group], wanted: int, *, tried: bool) -> Steps:
    """The wanted revision has too few healthy workers. If they do not start, the old workers do all the work."""
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
    """New workers take tasks. Old workers are cordoned, finish their tasks, and are removed, unless they must stay."""
    taking = tuple(worker.name for group in old for worker in group.workers if _may_take(worker))
    told = [group for group in old if not any(_may_take(worker) for worker in group.workers)]
    shrink = tuple(step for group in told if (step := _emptied(group))) if until is Until.GONE else ()
    size = size_of(new, wanted, replace_after_s) if new else Size()
    if taking:  # a worker that does not answer delays neither the growth of the new group nor the end of other groups
        waits = "not every old worker has answered yet"
        steps = Steps(cordon=taking, shrink=shrink, stage=Stage.CORDONING, waits=waits)
        return _of_group(new, Size(uncordon=size.uncordon, launch=size.launch), steps) if new else steps
    count, tasks = sum(len(group.workers) for group in old), sum(group.tasks for group in old)
    waits = f"{count} old workers finish {tasks} tasks" if old else ""
    steps = Steps(shrink=shrink, waits=waits, stage=Stage.DRAINING if old else Stage.STEADY)
    return _of_group(new, size, steps) if new else steps


def _make_room(groups: Collection[Group], wanted: int, replace_after_s: float) -> Steps:
    """Every group has workers, none of the wanted revision. The group that works stays, and another one is emptied.

    Whether a group works is known only from workers that answer. No group is emptied because it did not answer.
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
    """These steps, together with the steps that bring a group to its size."""
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
    """Whether a worker may take tasks. A worker that is not protected and does not answer takes none."""
    return worker.cordoned is False or (worker.cordoned is None and worker.safe)


def _emptied(group: Group) -> Keep | None:
    """The step that removes the workers of a group that have no tasks; None if there are none, or it must wait."""
    staying = [worker for worker in group.workers if worker.safe]
    leaving = [worker for worker in group.workers if not worker.safe]
    fresh = [worker for worker in leaving if worker.cordoned is None and worker.age_s < FRESH_S]
    if len(staying) >= group.desired or any(not worker.drained and worker not in fresh for worker in leaving):
        return None
    return Keep(group.name, group.revision, len(staying), tuple(worker.name for worker in leaving))


def size_of(group: Group, wanted: int, replace_after_s: float = inf) -> Size:
    """The next steps of one group towards ``wanted`` workers that have not run for longer than ``replace_after_s``."""
    cordoned = [worker for worker in group.workers if worker.cordoned]
    drained = [worker for worker in cordoned if worker.drained]
    # Workers beyond the desired number are already stopping, and they are cordoned.
    going = max(0, len(group.workers) - group.desired)
    staying = group.desired - max(0, len(cordoned) - going)
    old = {worker.name for worker in group.workers if worker.age_s > replace_after_s}
    # Of equal workers the latest one is removed first, as far as the names show the order.
    latest = sorted(group.workers, key=lambda worker: (len(worker.name), worker.name), reverse=True)
    answering = sorted(
        (worker for worker in latest if worker.cordoned is False and worker.tasks is not None),
        key=lambda worker: (worker.name not in old, worker.healthy, worker.tasks or 0),
    )
    if wanted > staying:
        # A worker that still has tasks is certainly not stopping. A worker that is too old is not uncordoned.
        back = sorted((w for w in cordoned if w.name not in old), key=lambda worker: (worker.drained, worker.name))
        chosen = tuple(worker.name for worker in back[: max(0, len(back) - going)][: wanted - staying])
        return Size(uncordon=chosen, launch=wanted - staying - len(chosen))
    replaced = _replaced(group, answering, old, wanted, replace_after_s)
    why = f"replacing workers that have run for long: {', '.join(sorted(replaced))}" if replaced else ""
    # Workers that do not answer may be cordoned already. So ``wanted`` workers stay of those known to take tasks.
    too_many = max(0, min(staying - wanted - len(replaced), len(answering) - wanted))
    cordon = tuple(worker.name for worker in answering[:too_many])
    leaving = tuple(worker.name for worker in drained[: max(0, len(drained) - going)])
    exposed = [worker.name for worker in group.workers if not worker.safe and worker not in drained]
    if leaving and (exposed or len(group.workers) < group.desired):
        who = ", ".join(exposed) or "starting workers"
        return Size(cordon=cordon, waits=f"{len(leaving)} workers can be removed when {who} cannot be stopped instead")
    if cordon or leaving or not replaced:
        return Size(cordon=cordon, retire=leaving, waits=why)
    if len(answering) >= wanted + len(replaced):
        return Size(cordon=tuple(replaced), waits=why)
    silent = sum(1 for worker in group.workers if worker.cordoned is None and worker.age_s > STARTS_S)
    return Size(launch=max(0, wanted + len(replaced) - (staying - silent)), waits=why)


def _replaced(
    group: Group, answering: Collection[Worker], old: Collection[str], wanted: int, replace_after_s: float
) -> list[str]:
    """The workers to replace now for their age. Workers that are being replaced and have tasks reduce their number."""
    late = any(worker.age_s > replace_after_s + IN_TIME_S for worker in group.workers)
    finishing = 0 if late else sum(1 for worker in group.workers if worker.cordoned and worker.name in old)
    room = max(1, int(wanted * AT_ONCE)) - finishing
    return [worker.name for worker in answering if worker.name in old][: max(0, room)]
