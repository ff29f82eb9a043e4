"""Rules: configurations that AWS, or the provider, would refuse.

A rule is a function that gets one resource and yields its problems. Its docstring names the page of AWS with the rule.
Values may be unknown. A rule checks only known values. It runs again when more values are known: while validating,
while planning, and when applying in memory.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from standin.planning import Settings
from standin.values import UNKNOWN, Value, at, known
from standin.world import World

Stage = Literal["validate", "plan", "apply"]


@dataclass(frozen=True)
class Problem:
    """The reason to refuse a resource: the problem, its argument, and the page of AWS."""

    text: str
    path: str = ""
    detail: str = ""


@dataclass
class Context:
    """The inputs of a rule besides the resource. Settings are None while validating.

    `facts` come from `facts.collect`, which reads them from botocore and parliament.
    """

    stage: Stage
    settings: Settings | None
    world: World
    facts: dict[str, Any]


class Resource:
    """One resource: its arguments as configured, with the provider's defaults, and the state that is planned.

    Rules check arguments only: made-up values of the state are no mistakes.
    """

    def __init__(self, kind: str, config: dict[str, Value], state: dict[str, Value]) -> None:
        self.kind = kind
        self.config = config
        self.state = state

    def __getitem__(self, name: str) -> Value:
        """The value of an argument; None for null, UNKNOWN if it is not known yet."""
        return self.config.get(name)

    def values(self, path: str) -> list[Value]:
        """The known values at a path such as "rule.transition.days"."""
        head, _, rest = path.partition(".")
        found = at({head: self[head]}, path) if rest or isinstance(self[head], list) else iter([self[head]])
        return [value for value in found if value is not None and value is not UNKNOWN]

    def text(self, name: str) -> str | None:
        """The argument if it is a known string."""
        value = self[name]
        return value if isinstance(value, str) else None

    def number(self, name: str) -> float | None:
        """The argument if it is a known number. The provider has some numbers as strings."""
        value = self[name]
        try:
            return None if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            return None

    def blocks(self, path: str) -> list[dict[str, Value]]:
        """The known blocks at a path."""
        return [block for block in self.values(path) if isinstance(block, dict)]

    def document(self, name: str) -> Any:
        """The JSON in an argument, or None if it is unknown or is not JSON."""
        text = self.text(name)
        try:
            return json.loads(text) if text else None
        except json.JSONDecodeError:
            return None


Rule = Callable[[Resource, Context], Iterator[Problem]]
_rules: dict[str, list[Rule]] = {}


def rule(*kinds: str) -> Callable[[Rule], Rule]:
    """Registers a rule for these types of resources."""

    def register(function: Rule) -> Rule:
        if not function.__doc__:
            raise TypeError(f"the rule {function.__name__} does not say where AWS says so")
        for kind in kinds:
            _rules.setdefault(kind, []).append(function)
        return function

    return register


def check(kind: str, config: dict[str, Value], state: dict[str, Value], context: Context) -> list[Problem]:
    """All problems of a resource, as far as its values are known."""
    resource = Resource(kind, config, state)
    problems = []
    for function in [*_rules.get("*", []), *_rules.get(kind, [])]:
        source = (function.__doc__ or "").strip().split()[-1]
        for problem in function(resource, context):
            problems.append(Problem(problem.text, problem.path, problem.detail or f"See {source}"))
    return problems


def destroy(kind: str, prior: dict[str, Value]) -> list[Problem]:
    """The reasons why a resource cannot be deleted."""
    if kind == "aws_db_instance" and prior.get("deletion_protection"):
        return [Problem("Cannot delete protected DB Instance, please disable deletion protection and try again.")]
    if kind == "aws_lb" and prior.get("enable_deletion_protection"):
        return [Problem("Load balancer cannot be deleted because deletion protection is enabled")]
    return []


def load() -> None:
    """Imports the modules of this package, which register their rules."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


__all__ = ["Context", "Problem", "Resource", "Rule", "Stage", "check", "destroy", "known", "load", "rule"]
