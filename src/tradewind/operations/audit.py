"""Compares the network of an environment, computed from a plan, with its design. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tradewind.config import Environment
from tradewind.errors import ExitCode, TradewindError
from tradewind.operations.network_design import designed_paths
from tradewind.operations.network_paths import Path, Reach
from tradewind.operations.plan_references import Wiring


@dataclass(frozen=True)
class Audit:
    """The result: paths that are open as designed, open but not designed, and closed but designed."""

    right: tuple[Path, ...]
    open: tuple[Path, ...]
    shut: tuple[Path, ...]

    @property
    def passed(self) -> bool:
        """Whether the network is exactly as designed."""
        return not self.open and not self.shut

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "passed": self.passed,
            "paths": [path.as_dict() for path in self.right],
            "open": [path.as_dict() for path in self.open],
            "shut": [path.as_dict() for path in self.shut],
        }


def audit(environment: Environment, plan: Mapping[str, Any]) -> Audit:
    """Compare the network of a plan with the design.

    TradewindError if the plan does not contain enough, as for an existing VPC.
    """
    if environment.network.vpc is not None:
        raise TradewindError(
            f"the network of {environment.name} cannot be audited",
            f"Terraform does not manage its VPC {environment.network.vpc.id}, so no plan has its routes and ACLs",
            "audit the VPC at its source; terraform/stacks/environment/flows.tf lists the required connections",
            code=ExitCode.USAGE,
        )
    designed = designed_paths(environment)
    wiring = Wiring(plan)
    possible, certain = Reach(wiring).paths(), Reach(wiring, every=True).paths()
    return Audit(
        right=tuple(sorted(designed & certain)),
        open=tuple(sorted(possible - designed)),
        shut=tuple(sorted(designed - certain)),
    )
