"""The commands that a controller accepts. Each request is a class; ``do`` is its name in the command queue.

The docstring of a request lists the keys of its result, which is JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

UNKNOWN = "this controller does not know"
"""The error of a controller that is older than a command begins with this text."""


class Request:
    """A command for the controller. ``exclusive``: it changes something, so only one such command runs at a time."""

    do: ClassVar[str]
    exclusive: ClassVar[bool] = True


@dataclass(frozen=True)
class DeployDags(Request):
    """Copy a DAG release from the store, activate it, and wait until its changed files are served.

    With ``whole``, also wait until every file is confirmed. The result has ``release``, ``before``, ``changed``,
    ``served_s`` and ``confirmed_s``.
    """

    do = "dags.deploy"
    release: str
    whole: bool = True


@dataclass(frozen=True)
class RollBackDags(Request):
    """Activate an earlier DAG release: ``to``, or the previous one.

    ``only``: do nothing unless this release is active. ``wait``: wait until the changed files are served. The result
    is that of ``DeployDags``.
    """

    do = "dags.rollback"
    to: str | None = None
    only: str | None = None
    wait: bool = True


@dataclass(frozen=True)
class PruneDags(Request):
    """Remove all DAG releases but the newest ``keep`` and the used ones. The result has the ``removed`` releases."""

    do = "dags.prune"
    keep: int


@dataclass(frozen=True)
class ListDags(Request):
    """List DAG releases. The result has the ``releases``, the newest first, and the active one as ``active``."""

    do, exclusive = "dags.list", False


@dataclass(frozen=True)
class DiffDags(Request):
    """Compare the DAG releases ``one`` (default: the previous one) and ``two`` (default: the active one).

    The result has ``from``, ``to``, ``files``, ``importers``, and as ``behind`` the number of files that are parsed
    after these.
    """

    do, exclusive = "dags.diff", False
    one: str | None = None
    two: str | None = None


@dataclass(frozen=True)
class FindDependencies(Request):
    """Find which of these ``connections`` and ``variables`` exist. The result has them, and all ``pools``.

    ``unfinished`` in the result maps each DAG to the tasks that its unfinished runs still have to do.
    """

    do, exclusive = "environment.has", False
    connections: tuple[str, ...]
    variables: tuple[str, ...]


@dataclass(frozen=True)
class GetWorkerVersions(Request):
    """Get the supported ``versions`` of the worker protocol (``protocol.workers``)."""

    do, exclusive = "workers.versions", False


@dataclass(frozen=True)
class RunWorkers(Request):
    """Give worker pools their ``orders`` (``protocol.workers.Order``). The result is empty."""

    do, exclusive = "workers.run", False
    version: int
    orders: tuple[Mapping[str, Any], ...]
