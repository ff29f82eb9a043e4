"""Looks at an image before it is shipped, from the inside, as locked up as it will run."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass

from tradewind.images.builder import Builder

_LOCKED = ("--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--network", "none")
_FOLDERS = ("--tmpfs", "/tmp:rw,mode=1777", "--env", "HOME=/tmp", "--env", "AIRFLOW_HOME=/tmp/airflow")  # noqa: S108


@dataclass(frozen=True)
class Checked:
    """An image and its checks: from the name of each to what is wrong, empty where nothing is."""

    component: str
    checks: Mapping[str, str]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.checks.values())

    def as_dict(self) -> dict[str, object]:
        """The public ``--json`` format; see docs/reference/json.md."""
        return {"component": self.component, "passed": self.passed, "checks": dict(self.checks)}


def check(component: str, image: str, builder: Builder) -> Checked:
    """Run ``container_checks`` in a container of an image that is here. TradewindError where it does not run."""
    script = importlib.resources.files("tradewind.images").joinpath("container_checks.py").read_text()
    return Checked(component, json.loads(builder.run(image, [*_LOCKED, *_FOLDERS], script)))
