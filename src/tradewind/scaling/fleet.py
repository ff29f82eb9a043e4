"""Brings a fleet to a number of workers, so that no task is lost. Decisions are pure; ``Fleet`` sees and does.

To grow, workers that were told to take no tasks take some again, which is instant; then new ones start. To shrink, as
many as are too many are told to take no tasks; those that have finished their last one and may be stopped are taken
away. Whoever chooses among them (ECS does) must not be able to choose another: so the number is lowered only while all
others are protected.

Workers that have run for long are replaced in the same way, before their home does it without regard to their tasks:
first new ones start, then as many old ones are told to take no tasks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol


@dataclass(frozen=True)
class Worker:
    """One worker. None: nobody has asked it, or it has not answered.

    ``safe``: it is not chosen when the number is lowered. ``tasks``: those it has taken and not finished. ``age_s``:
    for how long it has run.
    """

    name: str
    cordoned: bool | None = None
    tasks: int | None = None
    safe: bool = False
    age_s: float = 0.0

    @property
    def drained(self) -> bool:
        """Whether it can go: it takes no tasks, has none, and nothing protects it any more."""
        return bool(self.cordoned) and self.tasks == 0 and not self.safe


@dataclass(frozen=True)
class View:
    """A class of workers as it is. ``desired`` is how many the home keeps running.

    ``workers`` are those that have started; none where nobody looked closely. While a release replaces them, it decides
    how many there are: ``turning``, and ``desired`` is that of the larger set, since one takes the other's place. Once
    the old ones take no tasks any more, which may have some for hours, the class is ``relieved``: this is what there is
    of the new ones, and there may be more of them.
    """

    desired: int
    workers: tuple[Worker, ...] = ()
    turning: bool = False
    relieved: bool = False

    @property
    def working(self) -> int:
        """How many take tasks, or will when they have started."""
        return self.desired - min(self.desired, sum(1 for worker in self.workers if worker.cordoned))


@dataclass(frozen=True)
class Steps:
    """What to do now, in this order: let these take tasks again, keep so many more, let these take no more, take these
    away. ``waits`` says what cannot be done yet."""

    uncordon: tuple[str, ...] = ()
    launch: int = 0
    cordon: tuple[str, ...] = ()
    retire: tuple[str, ...] = ()
    waits: str = ""


class Fleet(Protocol):
    """The workers of an environment, by class. All methods raise TradewindError where that cannot be done now."""

    def look(self, service: str, *, closely: bool) -> View:
        """See a class; ``closely``: ask each worker what it does. Otherwise only ``desired`` and ``turning`` count."""

    def silent(self, service: str) -> Collection[str]:
        """Those of a class that run, and do not answer over the broker. Safe to be called from another thread."""

    def uncordon(self, service: str, names: Collection[str]) -> None:
        """Let these take tasks again."""

    def cordon(self, service: str, names: Collection[str]) -> None:
        """Let these take no more tasks. Those that do not answer are tried again at the next look."""

    def keep(self, service: str, count: int, leaving: Collection[str]) -> None:
        """Keep so many running from now on; where that is fewer, ``leaving`` are those that go."""


AT_ONCE = 0.1
"""The part of a class that is being replaced for its age, and never less than one."""
IN_TIME_S = 2 * 3600.0
"""Old workers may finish their tasks for so long before others are replaced beside them: their home does not wait."""
STARTS_S = 600.0
"""A worker that has not answered for so long since it was made does not start."""


def decide(view: View, wanted: int, replace_after_s: float = inf) -> Steps:
    """What brings a class nearer to ``wanted`` workers, of which none has run for longer than ``replace_after_s``.

    ``view`` is a close one.
    """
    if view.turning:
        return Steps(waits="a release replaces these workers")
    if view.relieved:
        return Steps(launch=max(0, wanted - view.desired), waits="those that a release has replaced finish their tasks")
    cordoned = [worker for worker in view.workers if worker.cordoned]
    drained = [worker for worker in cordoned if worker.drained]
    # What is beyond the number that is kept is going already, and it is of these.
    going = max(0, len(view.workers) - view.desired)
    staying = view.desired - max(0, len(cordoned) - going)
    old = {worker.name for worker in view.workers if worker.age_s > replace_after_s}
    answering = sorted(
        (worker for worker in view.workers if worker.cordoned is False and worker.tasks is not None),
        key=lambda worker: (worker.name not in old, worker.tasks or 0, worker.name),
    )
    if wanted > staying:
        # A worker that still has tasks is surely not one of those that go; one that is old does not come back.
        back = sorted((w for w in cordoned if w.name not in old), key=lambda worker: (worker.drained, worker.name))
        chosen = tuple(worker.name for worker in back[: max(0, len(back) - going)][: wanted - staying])
        return Steps(uncordon=chosen, launch=wanted - staying - len(chosen))
    replaced = _replaced(view, answering, old, wanted, replace_after_s)
    why = f"{', '.join(sorted(replaced))} have run for long, and are replaced" if replaced else ""
    # Those that do not answer may be cordoned already: as many as are wanted stay of those that surely work.
    too_many = max(0, min(staying - wanted - len(replaced), len(answering) - wanted))
    cordon = tuple(worker.name for worker in answering[:too_many])
    leaving = tuple(worker.name for worker in drained[: max(0, len(drained) - going)])
    exposed = [worker.name for worker in view.workers if not worker.safe and worker not in drained]
    if leaving and (exposed or len(view.workers) < view.desired):
        who = ", ".join(exposed) or "those that start"
        return Steps(cordon=cordon, waits=f"{len(leaving)} workers can go once {who} cannot be taken for them")
    if cordon or leaving or not replaced:
        return Steps(cordon=cordon, retire=leaving, waits=why)
    if len(answering) >= wanted + len(replaced):
        return Steps(cordon=tuple(replaced), waits=why)
    silent = sum(1 for worker in view.workers if worker.cordoned is None and worker.age_s > STARTS_S)
    return Steps(launch=max(0, wanted + len(replaced) - (staying - silent)), waits=why)


def _replaced(
    view: View, answering: Collection[Worker], old: Collection[str], wanted: int, replace_after_s: float
) -> list[str]:
    """Those whose turn it is to be replaced for their age, while others that were have tasks."""
    late = any(worker.age_s > replace_after_s + IN_TIME_S for worker in view.workers)
    finishing = 0 if late else sum(1 for worker in view.workers if worker.cordoned and worker.name in old)
    room = max(1, int(wanted * AT_ONCE)) - finishing
    return [worker.name for worker in answering if worker.name in old][: max(0, room)]


def taking_tasks(groups: Mapping[str, Collection[str]], duties: Mapping[str, Any]) -> str | None:
    """The one of these groups of workers that takes tasks, where no other does; None otherwise.

    ``duties`` are those of the workers that answered, by name. Who is silent may be one that hangs, and counts for
    none.
    """
    answers = {group: [duties[name]["cordoned"] for name in names if name in duties] for group, names in groups.items()}
    if not all(answers.values()):
        return None
    taking = [group for group, cordoned in answers.items() if not all(cordoned)]
    return taking[0] if len(taking) == 1 else None
