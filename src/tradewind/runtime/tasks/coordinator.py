"""Runs a task as Airflow does, from the file that its run's release has its DAG in, and notices its end at once.

Airflow's supervisor of a task waits for the task's sockets. They close a moment before the process is gone, and then
nothing wakes the supervisor before its next heartbeat: the slot stays taken for up to ``[workers]
min_heartbeat_interval`` seconds after each task. Airflow loads this class through ``[sdk] coordinators``.
"""

from __future__ import annotations

import io
import os
import selectors
from typing import Any

from airflow.sdk.execution_time.coordinator import BaseCoordinator
from airflow.sdk.execution_time.supervisor import ActivitySubprocess

from tradewind.runtime.bundle.dag_places import place_in


class PromptSubprocess(ActivitySubprocess):  # type: ignore[misc]  # airflow has no types
    """A task's process whose end is an event of its own. Linux only; elsewhere it is Airflow's."""

    _end: io.FileIO | None = None

    def wait(self) -> int:
        """Wait for the end; returns the exit code."""
        try:
            return int(super().wait())
        finally:
            if self._end:
                self._end.close()

    def _register_pipe_readers(self, *sockets: Any, **options: Any) -> None:
        super()._register_pipe_readers(*sockets, **options)
        if hasattr(os, "pidfd_open"):
            # Readable once the process has ended. Nothing is to be read from it: waking up is what it is for.
            self._end = io.FileIO(os.pidfd_open(self.pid))
            self.selector.register(self._end, selectors.EVENT_READ, (lambda _: False, self.selector.unregister))


class PromptCoordinator(BaseCoordinator):  # type: ignore[misc]
    """Airflow's own way to run a Python task, with a PromptSubprocess."""

    def execute_task(
        self, *, what: Any, dag_rel_path: Any, bundle_info: Any, **options: Any
    ) -> BaseCoordinator.ExecutionResult:
        """Run one task to its end. Raises what Airflow's own coordinator raises."""
        path = place_in(bundle_info.name, bundle_info.version, what.dag_id, os.fspath(dag_rel_path))
        process = PromptSubprocess.start(what=what, dag_rel_path=path, bundle_info=bundle_info, **options)
        return self.ExecutionResult(process.wait(), process.final_state)
