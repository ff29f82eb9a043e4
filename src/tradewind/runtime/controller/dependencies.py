"""Check whether an environment has the connections, variables and pools that DAGs need. Never reads their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tradewind.protocol.controller_requests import FindDependencies, Request
from tradewind.runtime.controller.dispatcher import Handler, Report
from tradewind.runtime.controller.metadata import Metadata

AT_ONCE = 8
"""Parallel queries to the secret store: each takes some 50 ms, and other commands wait meanwhile."""

Stored = Callable[[str, str], bool]
"""Returns whether a secret store has an entry: its kind (``connections`` or ``variables``), and its name."""


class Dependencies:
    """Looks names up in Airflow's database, and missing ones in the secret store."""

    def __init__(self, metadata: Metadata, stored: Stored) -> None:
        self._metadata = metadata
        self._stored = stored

    def handlers(self) -> Mapping[type[Request], Handler]:
        """See ``DagCommands.handlers``."""
        return {FindDependencies: self.has}

    def has(self, asked: FindDependencies, report: Report) -> Mapping[str, Any]:
        """See FindDependencies."""
        unfinished = self._metadata.unfinished()
        return {
            "connections": self._found("connections", asked.connections),
            "variables": self._found("variables", asked.variables),
            "pools": sorted(self._metadata.names("pools")),
            "unfinished": {dag: sorted(tasks) for dag, tasks in sorted(unfinished.items())},
        }

    def _found(self, kind: str, names: Sequence[str]) -> list[str]:
        there = self._metadata.names(kind)
        missing = [name for name in names if name not in there]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            stored = dict(zip(missing, pool.map(lambda name: self._stored(kind, name), missing), strict=True))
        return [name for name in names if name in there or stored[name]]
