"""The phases of a rollout: which services change together, in which order, and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tradewind.blueprint import Component
from tradewind.releases.record import Release
from tradewind.releases.target import DeployableService, Progress, Target, Until

CONTROLLER = "controller"
"""The service that moves workers to another revision."""
DAGS = "dags"


@dataclass(frozen=True)
class PhaseInput:
    """The input of a phase: the release to deploy and, in a rollback, the release that ``failed``. ``began`` is the
    Unix time at which the phase began."""

    release: Release
    failed: Release | None
    began: float


Gate = Callable[[Target, PhaseInput], Progress]
"""Takes one step towards a condition for the next phase, or checks it once. Safe to repeat."""


@dataclass(frozen=True)
class Phase:
    """One phase: its name, its description for the operator, and the services that change together, or its ``gate``.

    ``until`` is how far workers go. If ``settled`` is True, a failure in the phase does not roll the release back.
    """

    name: str
    does: str
    services: tuple[DeployableService, ...] = ()
    until: Until = Until.GONE
    settled: bool = False
    gate: Gate | None = None


def _snapshot(target: Target, coming: PhaseInput) -> Progress:
    return target.snapshot({Component(name): image for name, image in coming.release.images.items()})


def _dags(target: Target, coming: PhaseInput) -> Progress:
    return target.dags(coming.release.dags, coming.failed.dags if coming.failed else None)


def _confirm(target: Target, coming: PhaseInput) -> Progress:
    return target.confirm(coming.began)


def forward(services: Iterable[DeployableService]) -> tuple[Phase, ...]:
    """Return the phases of a rollout. ``services`` have their dependencies before them.

    No new service meets an older API, and the controller of the release moves the workers. Until everything is
    confirmed, the old workers stay for a rollback. After that the controller ends them, however long they take.
    """
    once, api, controller, rest, workers = _kinds(services)
    *users, schema = once or ((),)
    found = (
        *(Phase(service.name, "run this one-shot task", (service,)) for service in users),
        Phase("snapshot", "take a snapshot of the database, if the scheduler image changes", gate=_snapshot),
        Phase("migrate", "migrate the schema of the database", (schema,) if schema else ()),
        Phase("api", "replace the API servers and the controller", (*api, *controller)),
        Phase("services", "replace all other services; start new workers", (*rest, *workers), Until.STARTED),
        Phase("cordon", "cordon the old workers; the new ones take all new tasks", workers, Until.CORDONED),
        Phase(DAGS, "deploy the DAG files of the release", gate=_dags),
        Phase("confirm", "check that Airflow is healthy and runs the canary DAG", gate=_confirm),
        Phase("drain", "drain the old workers", workers, Until.LEFT, settled=True),
    )
    return tuple(phase for phase in found if phase.services or phase.gate)


def back(services: Iterable[DeployableService], *, same_api: bool) -> tuple[Phase, ...]:
    """Return the phases of a rollback. One-shot tasks do not run in a rollback.

    The controller comes first: it may be broken, and workers need one. Then come the services that call the API, so
    that none of them meets an older API. If the API changes, too (not ``same_api``), the last worker has ended before.
    """
    _, api, controller, rest, workers = _kinds(services)
    found = (
        Phase("controller", "roll back the controller, which moves the workers", controller),
        Phase(DAGS, "roll back the DAG files", gate=_dags),
        Phase(
            "services", "roll back all that calls the API; old workers take tasks again", rest + workers, Until.CORDONED
        ),
        Phase("drain", "drain the other workers", workers, Until.LEFT if same_api else Until.GONE),
        Phase("api", "roll back the API servers", api),
    )
    return tuple(phase for phase in found if phase.services or phase.gate)


def _kinds(services: Iterable[DeployableService]) -> tuple[tuple[DeployableService, ...], ...]:
    """Return one-shot tasks, API servers, the controller, the others, and workers, in the order of ``services``."""
    kinds: tuple[list[DeployableService], ...] = ([], [], [], [], [])
    for service in services:
        kinds[_kind(service)].append(service)
    return tuple(map(tuple, kinds))


def _kind(service: DeployableService) -> int:
    if service.one_shot:
        return 0
    if service.name == CONTROLLER:
        return 2
    return {Component.WEBSERVER: 1, Component.WORKER: 4}.get(service.component, 3)
