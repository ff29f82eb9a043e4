"""Checks an image from the inside before it is shipped, with the restrictions under which it will run."""

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
    """An image and its checks: maps the name of each check to its problem, or to an empty text."""

    component: str
    checks: Mapping[str, str]

    @property
    def passed(self) -> bool:
        """Whether no check has found a problem."""
        return not any(self.checks.values())

    def as_dict(self) -> dict[str, object]:
        """The public ``--json`` format; see docs/reference/json.md."""
        return {"component": self.component, "passed": self.passed, "checks": dict(self.checks)}


def check(component: str, image: str, builder: Builder) -> Checked:
    """Run ``container_checks`` in a container of a local image. TradewindError if it does not run."""
    script = importlib.resources.files("tradewind.images").joinpath("container_checks.py").read_text()
    return Checked(component, json.loads(builder.run(image, [*_LOCKED, *_FOLDERS], script)))
