"""The facts about DAG files that ``extraction`` reports, and that the gate caches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MALFORMED_RESULT = {"error": "its import returned a malformed result", "rule": "ends"}
"""The result of a file whose code has written into the channel of the results."""


@dataclass(frozen=True)
class Task:
    """One task of a DAG. ``timeout_s`` in seconds.

    ``copies``: task instances in a run, as far as the file shows. ``queue``: the queue in which it waits for a worker;
    empty if it needs none.
    """

    id: str
    owner: str
    retries: int
    timeout_s: float | None
    pool: str
    queue: str
    connections: tuple[str, ...]
    copies: int


@dataclass(frozen=True)
class Dag:
    """One DAG. ``timeout_s``: the limit of a run, in seconds."""

    id: str
    tags: tuple[str, ...]
    timeout_s: float | None
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class SlowImport:
    """An import that took ``seconds``, and its place in the code."""

    seconds: float
    module: str
    file: str
    line: int


@dataclass(frozen=True)
class Imported:
    """One file that may contain DAGs, and the result of its import.

    ``error``: why it cannot be imported, by ``rule``, at ``line`` of the file ``at`` (0: unknown). ``varying``: lines
    and texts of code that makes each parse a new DAG version. ``skipped``: Airflow does not search it for DAGs.
    """

    path: str
    dags: tuple[Dag, ...] = ()
    seconds: float = 0.0
    error: str = ""
    rule: str = ""
    at: str = ""
    line: int = 0
    imports: tuple[SlowImport, ...] = ()
    varying: tuple[tuple[int, str], ...] = ()
    skipped: bool = False

    @classmethod
    def from_dict(cls, path: str, found: Mapping[str, Any]) -> Imported:
        """Convert a result of ``reading.read``. KeyError, TypeError, ValueError if it has another shape."""
        return cls(
            path,
            tuple(_dag(dag) for dag in found.get("dags", ())),
            float(found["seconds"]),
            str(found.get("error", "")),
            str(found.get("rule", "")),
            str(found.get("at", "")) or path,
            int(found.get("line", 0)),
            tuple(SlowImport(*entry) for entry in found.get("imports", ())),
            tuple((int(line), str(text)) for line, text in found.get("varying", ())),
            bool(found.get("skipped")),
        )


def _dag(found: Mapping[str, Any]) -> Dag:
    tasks = tuple(Task(**{**task, "connections": tuple(task["connections"])}) for task in found["tasks"])
    return Dag(found["id"], tuple(found["tags"]), found["timeout_s"], tasks)
