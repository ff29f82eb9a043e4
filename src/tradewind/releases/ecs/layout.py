"""What Terraform made of an environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Layout:
    """What Terraform made, as its outputs say: names and ARNs.

    ``services`` maps each service to its ECS services: one, or several that take turns. One-offs have none.
    ``templates`` maps each service to the template revision of its task definition.
    """

    cluster: str
    services: Mapping[str, tuple[str, ...]]
    templates: Mapping[str, str]
    security_groups: Mapping[str, str]
    subnets: tuple[str, ...]
    database: str

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, Any]) -> Layout:
        """From `terraform output` of an environment. KeyError where that is not one."""
        return cls(
            cluster=outputs["cluster"],
            services={name: tuple(found) for name, found in outputs["services"].items()},
            templates=dict(outputs["task_definitions"]),
            security_groups=dict(outputs["security_groups"]),
            subnets=tuple(outputs["private_subnet_ids"]),
            database=outputs["database"]["identifier"],
        )
