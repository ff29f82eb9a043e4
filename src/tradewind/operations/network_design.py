"""The network paths that an environment must have. Pure, and written independently of the Terraform code.

``audit`` must find exactly these paths in a plan (docs/decisions/0014-audit-by-references.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tradewind.blueprint import Access, Endpoint, Exposure, Secret, Service, Tier, on_aws, services
from tradewind.blueprint.services import execution_api_host
from tradewind.config import Environment
from tradewind.operations.network_paths import INTERNET, S3, Path

_NEEDED = {"s3", "ecr", "logs", "secretsmanager", "ssm"}
"""With endpoints for these, ECS can start a task, and the task can work, without a route to the internet."""

_INTERFACES = {
    "s3": (),
    "ecr": ("ecr.api", "ecr.dkr"),
    "logs": ("logs",),
    "secretsmanager": ("secretsmanager",),
    "ssm": ("ssm", "ssmmessages"),
    "ecs": ("ecs",),
}
"""Maps the endpoints of the configuration to the names of AWS's interface endpoints."""


def designed_paths(environment: Environment) -> frozenset[Path]:
    """Every path that must be open in a network that Terraform makes; no other path may be open."""
    wanted = services(environment)
    ports = {str(service.port.number) for service in wanted if service.port}
    found = {*_people(environment), *_tiers(ports), *_endpoints(environment)}
    for service in wanted:
        found.update(_of_service(environment, on_aws(service)))
    return frozenset(found)


def _people(environment: Environment) -> Iterator[Path]:
    secure = environment.access.domain is not None
    for cidr in environment.access.allowed_cidrs:
        for port in ("443", "80") if secure else ("80",):
            yield Path(cidr, "public_load_balancer", port, Tier.PUBLIC.value)


def _tiers(ports: Iterable[str]) -> Iterator[Path]:
    """The paths that network ACLs open between tiers, each with its responses, because ACLs are stateless."""
    public, private, data = (tier.value for tier in (Tier.PUBLIC, Tier.PRIVATE, Tier.DATA))
    for port in ports:
        yield Path(f"tier {public}", f"tier {private}", port, private)
    for port in ("2049", "3306", "6379"):
        yield Path(f"tier {private}", f"tier {data}", port, data)


def _endpoints(environment: Environment) -> Iterator[Path]:
    for endpoint in environment.network.endpoints:
        for service in _INTERFACES[endpoint]:
            yield Path("endpoints", f"aws {service}", "443", Tier.PRIVATE.value)


def _of_service(environment: Environment, service: Service) -> Iterator[Path]:
    name, private, data = service.name, Tier.PRIVATE.value, Tier.DATA.value
    secrets, endpoints = set(service.secrets.values()), set(service.endpoints.values())
    if secrets & {Secret.DATABASE_URL, Secret.DATABASE_ADMIN}:
        yield Path(name, "database", "3306", data)
    if Secret.BROKER_URL in secrets:
        yield Path(name, "broker", "6379", data)
    if service.dags is not Access.NONE:
        yield Path(name, "dag_storage", "2049", data)
    if Endpoint.EXECUTION_API in endpoints:
        yield Path(name, "internal_load_balancer", _execution_api_port(environment), private)
    if service.port and service.exposure is Exposure.PUBLIC:
        yield Path("public_load_balancer", name, str(service.port.number), private)
    if service.port and name == execution_api_host(environment):
        yield Path("internal_load_balancer", name, str(service.port.number), private)
    if service.log_port:
        yield Path("web", name, str(service.log_port), private)
    yield from _to_aws(environment, service)


def _to_aws(environment: Environment, service: Service) -> Iterator[Path]:
    endpoints = set(environment.network.endpoints)
    if "s3" in endpoints:
        yield Path(service.name, S3, "443", S3)
    if endpoints - {"s3"}:
        yield Path(service.name, "endpoints", "443", Tier.PRIVATE.value)
    if service.internet or not endpoints >= _NEEDED:
        yield Path(service.name, INTERNET, "443", INTERNET)


def _execution_api_port(environment: Environment) -> str:
    """443 if the execution API has a certificate: with a public zone, in which ACM can prove its name."""
    domain = environment.access.domain
    return "443" if domain and domain.hosted_zone_id and not domain.certificate_arn else "80"
