"""Run a task as Airflow does, from the file that has its DAG in the run's release, and notice its end at once.

Airflow's supervisor of a task waits for the task's sockets. They close a moment before the process ends, and then
nothing wakes the supervisor before its next heartbeat. The slot stays taken for up to ``[workers]
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
    """A task's process whose end wakes the supervisor. Linux only; elsewhere it works as Airflow's class."""

    _end: io.FileIO | None = None

    def wait(self) -> int:
        """Wait for the end of the process. Returns the exit code."""
        try:
            return int(super().wait())
        finally:
            if self._end:
                self._end.close()

    def _register_pipe_readers(self, *sockets: Any, **options: Any) -> None:
        super()._register_pipe_readers(*sockets, **options)
        if hasattr(os, "pidfd_open"):
            # Readable once the process has ended. Nothing is read from it: it only wakes the supervisor.
            self._end = io.FileIO(os.pidfd_open(self.pid))
            self.selector.register(self._end, selectors.EVENT_READ, (lambda _: False, self.selector.unregister))


class PromptCoordinator(BaseCoordinator):  # type: ignore[misc]
    """Airflow's coordinator for Python tasks, with a PromptSubprocess."""

    def execute_task(
        self, *, what: Any, dag_rel_path: Any, bundle_info: Any, **options: Any
    ) -> BaseCoordinator.ExecutionResult:
        """Run one task to its end. Raises the same errors as Airflow's own coordinator."""
        path = place_in(bundle_info.name, bundle_info.version, what.dag_id, os.fspath(dag_rel_path))
        process = PromptSubprocess.start(what=what, dag_rel_path=path, bundle_info=bundle_info, **options)
        return self.ExecutionResult(process.wait(), process.final_state)
