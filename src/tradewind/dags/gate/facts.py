"""What the gate knows of DAG files: as ``reading`` tells it, and as it is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NONSENSE = {"error": "its import said what no import says", "rule": "ends"}
"""What is told of a file whose code has spoken for the one who imports it."""


@dataclass(frozen=True)
class Task:
    """One task of a DAG. ``copies``: task instances in a run, as far as the file says; seconds.

    ``queue``: where it waits for a worker; empty where it needs none.
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
    """One DAG; ``timeout_s`` is that of a run."""

    id: str
    tags: tuple[str, ...]
    timeout_s: float | None
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class SlowImport:
    """An import that took ``seconds``, and where it stands."""

    seconds: float
    module: str
    file: str
    line: int


@dataclass(frozen=True)
class Imported:
    """One file that may hold DAGs, and what its import gave.

    ``error``: what kept it from being imported, by ``rule``, at ``line`` of the file ``at`` (0: nobody knows).
    ``varying``: lines and texts of what makes a version of each parse. ``skipped``: Airflow does not look into it.
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
        """From what ``reading.read`` gives. KeyError, TypeError, ValueError where it is something else."""
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
