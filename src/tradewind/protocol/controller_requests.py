"""What the controller of an environment is asked. Each request is a class; ``do`` is its name in the command queue.

What it answers is said in the request's docstring, as keys of JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

UNKNOWN = "this controller does not know"
"""So begins what a controller answers that has no such command: one from before it."""


class Request:
    """Something that the controller is asked. ``alone``: it changes something, so one such is done at a time."""

    do: ClassVar[str]
    alone: ClassVar[bool] = True


@dataclass(frozen=True)
class DeployDags(Request):
    """Bring a release of DAG files from the store, put it in force, and see it served; with ``whole``: all of it.

    Answers ``release``, ``before``, ``changed``, ``served_s`` and ``confirmed_s``.
    """

    do = "dags.deploy"
    release: str
    whole: bool = True


@dataclass(frozen=True)
class RollBackDags(Request):
    """Put a release in force that is here: ``to``, or the one that was before; with ``only``, instead of that one.

    ``wait``: see it served. Answers as ``DeployDags``.
    """

    do = "dags.rollback"
    to: str | None = None
    only: str | None = None
    wait: bool = True


@dataclass(frozen=True)
class PruneDags(Request):
    """Remove all releases but the newest ``keep`` and those that are used. Answers which were ``removed``."""

    do = "dags.prune"
    keep: int


@dataclass(frozen=True)
class ListDags(Request):
    """Answers the ``releases`` that are here, the newest first, and which is ``in_force``."""

    do, alone = "dags.list", False


@dataclass(frozen=True)
class DiffDags(Request):
    """What differs between ``one`` (or what was in force before) and ``two`` (or what is).

    Answers ``from``, ``to``, ``files``, ``importers`` and how many files are ``behind`` these.
    """

    do, alone = "dags.diff", False
    one: str | None = None
    two: str | None = None


@dataclass(frozen=True)
class FindDependencies(Request):
    """Answers which of these ``connections`` and ``variables`` there are, all ``pools``, and what is ``unfinished``:
    from each DAG to the tasks that its unfinished runs still have to do."""

    do, alone = "environment.has", False
    connections: tuple[str, ...]
    variables: tuple[str, ...]


@dataclass(frozen=True)
class GetWorkerVersions(Request):
    """Answers the ``versions`` of the protocol of workers that it speaks (``protocol.workers``)."""

    do, alone = "workers.versions", False


@dataclass(frozen=True)
class RunWorkers(Request):
    """Have pools run what ``orders`` say (``protocol.workers.Order``). Answers nothing."""

    do, alone = "workers.run", False
    version: int
    orders: tuple[Mapping[str, Any], ...]
