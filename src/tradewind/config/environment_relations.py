"""Rules between the settings of one environment. Pure; all violations are reported."""

from __future__ import annotations

from collections.abc import Iterator

from tradewind.config.environment import Environment
from tradewind.config.fields import FARGATE_MEMORY
from tradewind.config.problems import Finding, KeyPath, nearest
from tradewind.config.service_settings import ScalingService, Schedule, Size, WorkerPool


def environment_findings(name: str, environment: Environment) -> Iterator[Finding]:
    """Every violated rule of one environment; paths start with ``environments.<name>``."""
    at: KeyPath = ("environments", name)
    yield from _network(at, environment)
    yield from _domain(at, environment)
    yield from _identity(at, environment)
    yield from _availability(at, environment)
    for service, size in {**environment.fixed_services, **environment.scaling_services}.items():
        yield from _pair((*at, service), size)
    for service, scaling in environment.scaling_services.items():
        yield from _counts((*at, service), scaling)
    for worker, settings in environment.workers.items():
        yield from _pair((*at, "workers", worker), settings)
        yield from _counts((*at, "workers", worker), settings)
    yield from _queues(at, environment)
    yield from _settings((*at, "airflow", "settings"), environment)


def _network(at: KeyPath, environment: Environment) -> Iterator[Finding]:
    network = environment.network
    cidr, vpc = (*at, "network", "cidr"), (*at, "network", "vpc")
    if network.vpc is None:
        if network.cidr is None:
            yield Finding((cidr, vpc), "is required, unless an existing `vpc` is given")
        return
    if network.cidr is not None:
        yield Finding((cidr, vpc), "must be left out if an existing `vpc` is given")
    for tier in ("public_subnets", "private_subnets", "data_subnets"):
        if len(set(getattr(network.vpc, tier))) < 2:
            yield Finding(((*vpc, tier),), "must list two or more different subnets, in different zones")


def _domain(at: KeyPath, environment: Environment) -> Iterator[Finding]:
    domain = environment.access.domain
    if domain is not None and domain.hosted_zone_id is None and domain.certificate_arn is None:
        path = (*at, "access", "domain")
        yield Finding(
            (path, (*path, "hosted_zone_id"), (*path, "certificate_arn")),
            "needs hosted_zone_id, the zone in which the name and a certificate are made, or certificate_arn",
        )


def _identity(at: KeyPath, environment: Environment) -> Iterator[Finding]:
    identity = environment.identity
    provider = (*at, "identity", "provider")
    for key in ("issuer", "client_id", "client_secret"):
        given = getattr(identity, key) is not None
        if identity.provider == "oidc" and not given:
            yield Finding(((*at, "identity", key), provider), "is required if provider is oidc")
        if identity.provider != "oidc" and given:
            yield Finding(((*at, "identity", key), provider), "is allowed only if provider is oidc")


def _availability(at: KeyPath, environment: Environment) -> Iterator[Finding]:
    if not environment.high:
        return
    for service, key, count in (
        ("scheduler", "count", environment.scheduler.count),
        ("web", "min", environment.web.min),
    ):
        if count < 2:
            yield Finding(
                ((*at, service, key), (*at, "availability")), "must be 2 or more if availability is high", str(count)
            )


def _pair(at: KeyPath, size: Size) -> Iterator[Finding]:
    offered = FARGATE_MEMORY[size.cpu]
    if size.memory_gb not in offered:
        yield Finding(
            ((*at, "memory_gb"), (*at, "cpu")),
            f"Fargate does not offer this with {size.cpu:g} vCPU",
            f"{size.memory_gb:g}",
            tuple(f"{memory:g}" for memory in offered),
        )


def _counts(at: KeyPath, service: ScalingService | WorkerPool) -> Iterator[Finding]:
    low, high = (*at, "min"), (*at, "max")
    if service.min > service.max:
        yield Finding((high, low), f"must not be less than min ({service.min})", str(service.max))
    elif not service.min <= service.desired_count <= service.max:
        yield Finding(
            ((*at, "desired"), low, high),
            f"must be from min ({service.min}) to max ({service.max})",
            str(service.desired),
        )
    yield from _schedules((*at, "schedule"), service.schedule)


def _schedules(at: KeyPath, schedule: tuple[Schedule, ...]) -> Iterator[Finding]:
    names: set[str] = set()
    for index, entry in enumerate(schedule):
        if entry.min > entry.max:
            yield Finding(((*at, index, "max"), at), f"must not be less than min ({entry.min})", str(entry.max))
        if entry.name in names:
            yield Finding(((*at, index, "name"), at), "is the name of an earlier entry", repr(entry.name))
        names.add(entry.name)


def _queues(at: KeyPath, environment: Environment) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for worker in environment.workers:
        path = (*at, "workers", worker, "queues")
        for queue in environment.queues_of(worker):
            if queue in owners:
                other = (*at, "workers", owners[queue], "queues")
                twice = "lists the queue {} twice" if owners[queue] == worker else "the queue {} already belongs to {}"
                yield Finding((path, other), twice.format(queue, owners[queue]))
            owners.setdefault(queue, worker)


def _settings(at: KeyPath, environment: Environment) -> Iterator[Finding]:
    """Airflow settings that would make tasks wait forever."""
    settings, served = environment.airflow.settings, environment.pool_of_queue
    queue = settings.get("operators.default_queue")
    if queue is not None and queue not in served:
        allowed = tuple(sorted(served))
        yield Finding(
            ((*at, "operators.default_queue"), (*at[:-2], "workers")),
            "is a queue that no worker pool serves",
            repr(queue),
            allowed,
            nearest(queue, allowed),
        )
    if str(settings.get("triggerer.queues_enabled", False)).lower() in {"true", "t", "1"}:
        yield Finding(
            ((*at, "triggerer.queues_enabled"),),
            "must be left out: deferred tasks would wait for a triggerer of their queue, but one serves all queues",
        )
