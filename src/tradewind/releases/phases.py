"""The phases of a release: what changes together, in which order, and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tradewind.blueprint import Component
from tradewind.releases.record import Release
from tradewind.releases.target import Progress, Rolled, Target, Until

CONTROLLER = "controller"
"""The service that brings workers to another revision."""
DAGS = "dags"


@dataclass(frozen=True)
class Coming:
    """What a phase is about: the release that comes; on the way back also the one that ``failed``. ``began``: Unix time
    when the phase did."""

    release: Release
    failed: Release | None
    began: float


Gate = Callable[[Target, Coming], Progress]
"""One look at something that must be done, or be so, before the next phase. Safe to be repeated."""


@dataclass(frozen=True)
class Phase:
    """One phase: its name, what it does (for people), and the services that change together in it, or its ``gate``.

    ``until`` says how far workers go. ``settled``: what happens in it is no reason to take the release back.
    """

    name: str
    does: str
    services: tuple[Rolled, ...] = ()
    until: Until = Until.GONE
    settled: bool = False
    gate: Gate | None = None


def _snapshot(target: Target, coming: Coming) -> Progress:
    return target.snapshot({Component(name): image for name, image in coming.release.images.items()})


def _dags(target: Target, coming: Coming) -> Progress:
    return target.dags(coming.release.dags, coming.failed.dags if coming.failed else None)


def _confirm(target: Target, coming: Coming) -> Progress:
    return target.confirm(coming.began)


def forward(services: Iterable[Rolled]) -> tuple[Phase, ...]:
    """The way of a release into an environment. ``services`` have their dependencies before them.

    Nothing new meets an older API, and the controller that brings the workers is the release's own. Until all is
    confirmed, there are the old workers to go back to; after that the controller ends them, however long they take.
    """
    once, api, controller, rest, workers = _kinds(services)
    *users, schema = once or ((),)
    found = (
        *(Phase(service.name, "runs once", (service,)) for service in users),
        Phase("snapshot", "a copy of the database, where another Airflow will migrate it", gate=_snapshot),
        Phase("migrate", "the schema of the database; runs once", (schema,) if schema else ()),
        Phase("api", "what answers workers and people, and the controller", (*api, *controller)),
        Phase("rest", "all else; new workers start beside the old ones", (*rest, *workers), Until.STARTED),
        Phase("cordon", "new workers take all new tasks; the old ones stay", workers, Until.TURNED),
        Phase(DAGS, "the DAG files of the release", gate=_dags),
        Phase("confirm", "every part of Airflow is well, and a DAG runs", gate=_confirm),
        Phase("drain", "old workers finish their tasks, and end", workers, Until.LEFT, settled=True),
    )
    return tuple(phase for phase in found if phase.services or phase.gate)


def back(services: Iterable[Rolled], *, same_api: bool) -> tuple[Phase, ...]:
    """The way back. What runs once does not run back.

    The controller comes first: it may be what is broken, and workers need one. Then come those that ask the API, so
    that none of them meets an older one: before that changes (not ``same_api``), the last worker has ended.
    """
    _, api, controller, rest, workers = _kinds(services)
    found = (
        Phase("controller", "it brings the workers back", controller),
        Phase(DAGS, "the DAG files that were", gate=_dags),
        Phase("rest", "all that asks the API; workers that stayed take tasks again", rest + workers, Until.TURNED),
        Phase("drain", "the others finish their tasks, and end", workers, Until.LEFT if same_api else Until.GONE),
        Phase("api", "what answers workers and people", api),
    )
    return tuple(phase for phase in found if phase.services or phase.gate)


def _kinds(services: Iterable[Rolled]) -> tuple[tuple[Rolled, ...], ...]:
    """One-offs, what answers, the controller, all else, and workers; in the order of ``services``."""
    kinds: tuple[list[Rolled], ...] = ([], [], [], [], [])
    for service in services:
        kinds[_kind(service)].append(service)
    return tuple(map(tuple, kinds))


def _kind(service: Rolled) -> int:
    if service.one_off:
        return 0
    if service.name == CONTROLLER:
        return 2
    return {Component.WEBSERVER: 1, Component.WORKER: 4}.get(service.component, 3)
