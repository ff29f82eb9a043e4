"""Small configurations for the tests: one that is valid, and a way to change it."""

import copy
import json
from typing import Any

from tradewind.config import ConfigError, Tradewind, parse

VALID: dict[str, Any] = {
    "tenant": "acme",
    "region": "eu-west-1",
    "accounts": {"main": {"id": "111111111111"}, "live": {"id": "222222222222", "production": True}},
    "promotion": {"dev": "prod"},
    "environments": {
        "dev": {"account": "main", "network": {"cidr": "10.0.0.0/16"}},
        "prod": {"account": "live", "network": {"cidr": "10.1.0.0/16"}},
    },
}


def changed(**paths: Any) -> dict[str, Any]:
    """The valid configuration with values set; ``environments__dev__web={...}`` names a path."""
    data = copy.deepcopy(VALID)
    for path, value in paths.items():
        *above, last = path.split("__")
        group = data
        for key in above:
            group = group.setdefault(key.replace("pre_prod", "pre-prod"), {})
        group[last] = value
    return data


def text(data: dict[str, Any]) -> str:
    """The configuration as YAML; JSON is YAML."""
    return json.dumps(data, indent=1)


def parsed(**paths: Any) -> Tradewind:
    return parse(text(changed(**paths)))


def problems(**paths: Any) -> dict[str, str]:
    """From the path of each problem to its message; empty for a valid configuration."""
    return problems_in(text(changed(**paths)))


def problems_in(yaml: str) -> dict[str, str]:
    try:
        parse(yaml)
    except ConfigError as error:
        return {problem.path: problem.message for problem in error.problems}
    return {}
