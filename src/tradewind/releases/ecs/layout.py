"""The resources that Terraform created for an environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Layout:
    """Names and ARNs of resources, from the outputs of Terraform.

    ``services`` maps each service to its ECS services: one, or several that take turns. One-shot tasks have none.
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
        """Read the `terraform output` of an environment. Raises KeyError if it is of another stack."""
        return cls(
            cluster=outputs["cluster"],
            services={name: tuple(found) for name, found in outputs["services"].items()},
            templates=dict(outputs["task_definitions"]),
            security_groups=dict(outputs["security_groups"]),
            subnets=tuple(outputs["private_subnet_ids"]),
            database=outputs["database"]["identifier"],
        )
