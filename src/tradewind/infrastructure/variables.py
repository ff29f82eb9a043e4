"""The Terraform variables of an environment or an account: pure functions of the configuration.

``terraform/stacks/*/variables.tf`` defines and describes each variable. A variable that has a default in Terraform is
left out if the configuration does not set it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradewind.blueprint import KERNEL, Service, granted, health_command, on_aws, services
from tradewind.blueprint.services import execution_api_host
from tradewind.config import Account, Environment, Tradewind
from tradewind.infrastructure.schedule import aws_cron
from tradewind.infrastructure.target_account import state_bucket

Variables = Mapping[str, Any]

CPU_UNITS = 1024
"""ECS counts a vCPU as 1,024 units, and a GB as 1,024 MiB."""


def environment_variables(tradewind: Tradewind, name: str) -> Variables:
    """The variables of ``stacks/environment`` for one environment. TradewindError if there is none of that name."""
    environment = tradewind.environment(name)
    account = tradewind.accounts[environment.account]
    return {
        **_common(tradewind, account),
        "environment": name,
        "state_bucket": state_bucket(tradewind.tenant, account.id, tradewind.region),
        "production": environment.production,
        "tags": {**tradewind.tags, **environment.tags},
        "architecture": environment.architecture,
        "network": _network(environment),
        "access": environment.access.model_dump(exclude_none=True),
        "database": {
            "instance_class": environment.database.instance_class,
            "storage_gb": environment.database.storage_gb,
            "multi_az": environment.multi_az,
            "backup_days": environment.database.backup_days,
            "deletion_protection": environment.deletion_protection,
        },
        "broker": {"node_type": environment.broker.node_type, "replicas": environment.broker_replicas},
        "logs": environment.logs.model_dump(),
        "alert_emails": list(account.alert_emails),
        "execution_api": execution_api_host(environment),
        "kernel": dict(KERNEL),
        "services": {service.name: _service(on_aws(service)) for service in services(environment)},
        "permissions_boundary_arn": account.permissions_boundary
        or f"arn:aws:iam::{account.id}:policy/{tradewind.tenant}-boundary",
    }


def account_variables(tradewind: Tradewind, name: str) -> Variables:
    """The variables of ``stacks/account`` for one account, by its name in ``accounts``."""
    account = tradewind.accounts[name]
    return {
        **_common(tradewind, account),
        "account": name,
        "production": account.production,
        "tags": dict(tradewind.tags),
        "components": sorted({s.component for env in tradewind.environments.values() for s in services(env)}),
        "alert_emails": list(account.alert_emails),
        **({"monthly_budget_usd": account.monthly_budget_usd} if account.monthly_budget_usd else {}),
    }


def bootstrap_variables(tradewind: Tradewind, name: str) -> Variables:
    """The variables of ``stacks/bootstrap`` for one account, by its name in ``accounts``."""
    account = tradewind.accounts[name]
    return {
        **_common(tradewind, account),
        "tags": dict(tradewind.tags),
        "ci_principals": list(account.ci_principals),
        **({"permissions_boundary_arn": account.permissions_boundary} if account.permissions_boundary else {}),
    }


def _common(tradewind: Tradewind, account: Account) -> Variables:
    return {"tenant": tradewind.tenant, "region": tradewind.region, "account_id": account.id}


def _network(environment: Environment) -> Variables:
    network = environment.network
    if network.vpc is not None:
        return {"vpc": network.vpc.model_dump()}
    return {
        "cidr": network.cidr,
        "zones": network.zones,
        "nat_gateways": "per-zone" if environment.nat_per_zone else "one",
        "endpoints": sorted(network.endpoints),
        "flow_logs": network.flow_logs,
    }


def _service(service: Service) -> Variables:
    health = health_command(service)
    return {
        "component": service.component,
        "command": list(service.command),
        "environment": dict(sorted(service.environment.items())),
        "secrets": {name: secret.value for name, secret in sorted(service.secrets.items())},
        "endpoints": {name: endpoint.value for name, endpoint in sorted(service.endpoints.items())},
        "cpu": round(service.cpu * CPU_UNITS),
        "memory": round(service.memory_gb * CPU_UNITS),
        "min": min([service.counts.min, *(entry.min for entry in service.schedule)]),
        "ports": _ports(service),
        "exposure": service.exposure.value,
        "path": service.path,
        "sticky": service.sticky,
        "stop_grace_s": service.stop_grace_s,
        "spot": service.spot,
        "one_shot": service.one_shot,
        "replica_sets": list(service.replica_sets),
        "dags": service.dags.value,
        "grants": [grant.value for grant in granted(service)],
        "internet": service.internet,
        "policy_arns": list(service.task_role_policy_arns),
        **({"log_port": service.log_port} if service.log_port else {}),
        **({"health_command": list(health)} if health else {}),
        **({"health_path": path} if (path := getattr(service.health, "path", None)) else {}),
        **({"scaling": _scaling(service)} if service.scaling and service.scaling.signal == "cpu" else {}),
    }


def _ports(service: Service) -> list[int]:
    return [port for port in (service.port.number if service.port else None, service.log_port) if port]


def _scaling(service: Service) -> Variables:
    return {
        "min": service.counts.min,
        "max": service.counts.max,
        "target_cpu_percent": service.scaling.target if service.scaling else 0,
        "schedule": {
            entry.name: {"cron": aws_cron(entry.cron), "min": entry.min, "max": entry.max} for entry in service.schedule
        },
    }
