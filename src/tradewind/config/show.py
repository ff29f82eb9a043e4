"""Turn a configuration back into plain data, with every derived value filled in."""

from __future__ import annotations

from typing import Any

from tradewind.config.environment import FILLED, Environment
from tradewind.config.merge import without_nulls
from tradewind.config.tenant import Tradewind


def whole(config: Tradewind) -> dict[str, Any]:
    """Every effective value. Written as YAML, it is a configuration with the same meaning and no ``defaults``."""
    data = config.model_dump(mode="json", exclude={"defaults", "environments"})
    data["environments"] = {
        name: {key: value for key, value in one_environment(environment).items() if key not in FILLED}
        for name, environment in config.environments.items()
    }
    data["local"]["environment"] = config.local_environment.name
    result: dict[str, Any] = without_nulls(data)
    return result


def one_environment(environment: Environment) -> dict[str, Any]:
    """Every effective value of one environment, with its name, its account id and whether it is production."""
    derived: dict[str, dict[str, Any]] = {
        "network": {} if environment.network.vpc else {"nat_gateways": _nat(environment)},
        "database": {
            "multi_az": environment.multi_az,
            "deletion_protection": environment.deletion_protection,
        },
        "broker": {"replicas": environment.broker_replicas},
        "execution_api": {"separate": environment.separate_execution_api},
        "workers": {
            name: {"queues": list(environment.queues_of(name)), "desired": worker.desired_count}
            for name, worker in environment.workers.items()
        },
    }
    for service, scaling in environment.scaling_services.items():
        derived.setdefault(service, {})["desired"] = scaling.desired_count
    result: dict[str, Any] = without_nulls(_filled(environment.model_dump(mode="json"), derived))
    return result


def _filled(data: dict[str, Any], derived: dict[str, Any]) -> dict[str, Any]:
    """The data with derived values in their places, in the order of the models."""
    return {
        key: _filled(value, derived[key]) if isinstance(derived.get(key), dict) else derived.get(key, value)
        for key, value in data.items()
    }


def _nat(environment: Environment) -> str:
    return "per-zone" if environment.nat_per_zone else "one"
