"""Airflow's Celery executor for a broker that can be unavailable and may lose its messages.

Airflow's own executor gives up a message after a few tries, or at its first error that is not a timeout, and fails the
task. It also tries every waiting message, one second each, and blocks the scheduler's loop meanwhile.

Here, if the broker cannot take a message, all messages wait in the scheduler without a limit. The executor tries one
of them again after a pause. Once that succeeds, it sends all others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jwt
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.providers.celery.executors import celery_executor
from airflow.providers.celery.executors.celery_executor_utils import (
    OPERATION_TIMEOUT,
    ExceptionWithTraceback,
    send_workload_to_executor,
)
from airflow.sdk.exceptions import AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import timeout
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from kombu.exceptions import OperationalError
from sqlalchemy import select

from tradewind.runtime.tasks.pause import Pause

log = logging.getLogger(__name__)


class BrokerAwayError(NotImplementedError):
    """The broker is unavailable, so no task can be revoked: Airflow's scheduler leaves the tasks as they are.

    The base class is deliberate. When the scheduler asks an executor to revoke tasks that it believes to be lost
    (``SchedulerJobRunner._handle_tasks_stuck_in_queued``), it catches NotImplementedError. Any other error ends the
    scheduler. ``revoke_task`` is fully implemented.
    """


COMPARE_S = 60.0
"""Seconds between two comparisons of the executor's running tasks with the database."""
_IS_AT_WORK = TaskInstance.state.in_(
    (TaskInstanceState.QUEUED, TaskInstanceState.RUNNING, TaskInstanceState.RESTARTING)
)
_BROKER_AWAY = (AirflowTaskTimeout, OperationalError, OSError)
"""Temporary errors of sending. Celery turns every error that Redis returns into an OperationalError."""


class CeleryExecutor(celery_executor.CeleryExecutor):  # type: ignore[misc]  # airflow.providers has no types
    """See the module. It has the name of Airflow's executor, so that DAGs find it (``executor="CeleryExecutor"``)."""

    def __init__(self, *arguments: Any, clock: Callable[[], float] = time.monotonic, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._clock = clock
        self._pause = Pause(clock)
        self._refused: set[Any] = set()  # the keys of workloads that the broker refused at their last try
        self._compare_at = 0.0
        self._doubtful: Mapping[Any, str] = {}
        self._message_life_s = self.conf.getint(
            "celery_broker_transport_options", "visibility_timeout", fallback=86_400
        )

    # Sending

    def _process_workloads(self, workload_items: Sequence[Any]) -> None:
        """Send the workloads. During a pause, send none: they stay queued."""
        if self._pause.over:
            super()._process_workloads(workload_items)

    def _send_workloads_to_celery(self, workload_tuples_to_send: Sequence[Any]) -> list[Any]:
        """Send workloads up to the first one that the broker refuses. Workloads that are not returned stay queued.

        Workloads that were refused before come last: if one has a problem of its own, it does not block the others.
        """
        sent: list[Any] = []
        for workload in sorted(workload_tuples_to_send, key=lambda workload: workload[0] in self._refused):
            key, arguments, result = self._send(workload)
            if isinstance(result, ExceptionWithTraceback) and isinstance(result.exception, _BROKER_AWAY):
                self._refused.add(key)
                self._say_away(result.exception, f"{len(workload_tuples_to_send) - len(sent)} messages wait")
                return sent
            self._pause.end()
            self._refused.discard(key)
            sent.append((key, arguments, result))
        return sent

    def try_adopt_task_instances(self, tis: Sequence[Any]) -> Sequence[Any]:
        """See Airflow's method. Tasks that wait here are not adopted: each would count as running, and use a slot.

        After an outage of the database a scheduler can look dead, and then adopts its own tasks. If these used all
        slots, none would ever be sent.
        """
        others = [ti for ti in tis if ti.key not in self.queued_tasks]
        return super().try_adopt_task_instances(others) if others else []

    def revoke_task(self, *, ti: Any) -> None:
        """Revoke a task that Airflow believes to be lost. Raises BrokerAwayError if the broker is unavailable.

        Such tasks wait for the broker. To revoke them over the broker would block the scheduler's loop for each task.
        """
        if not self._pause.ended:
            raise BrokerAwayError("the broker is unavailable")
        sent = self.workloads.get(ti.key)
        if sent is not None:
            try:
                with timeout(seconds=OPERATION_TIMEOUT):
                    self.celery_app.control.revoke(sent.task_id)
            except _BROKER_AWAY as error:
                self._say_away(error, "no task is revoked")
                raise BrokerAwayError("the broker is unavailable") from error
        self._forget(ti.key)
        self.queued_tasks.pop(ti.key, None)

    def _send(self, workload: Any) -> Any:
        workload[1].token = self._renewed(workload[1].token)
        return send_workload_to_executor(workload)

    def _renewed(self, token: str) -> str:
        """Create a token for the same task that is valid for as long as its message may wait in the broker.

        Airflow creates its token before the task waits here. That token expires when Airflow believes that the message
        is lost. But a message in an unavailable broker is not sent again, and needs a valid token when the broker is
        back.
        """
        if not token:
            return token
        claims = jwt.decode(token, options={"verify_signature": False})
        renewed = {name: claims[name] for name in ("sub", "scope") if name in claims}
        return str(self.jwt_generator.generate(extras=renewed, valid_for=self._message_life_s))

    def _say_away(self, error: BaseException, what: str) -> None:
        lasts = self._pause.begin()
        log.warning("the broker is unavailable: %s; %s; next try in %.0f s", error, what, lasts)

    # Results

    def sync(self) -> None:
        """Query the broker for results, and every COMPARE_S seconds the database for results that the broker lost."""
        super().sync()
        if self.workloads and self._clock() >= self._compare_at:
            self._compare_at = self._clock() + COMPARE_S
            self._compare()

    def _compare(self) -> None:
        """Forget tasks that have ended, or were sent again, if their results have not come since the last comparison.

        A broker that fails over may lose results. Airflow would count such a task as running forever, and use a slot
        for it. A deferred task could never continue.
        """
        at_work = self._at_work()
        ended = {
            key: sent.task_id
            for key, sent in self.workloads.items()
            if isinstance(key, TaskInstanceKey) and sent.task_id not in at_work
        }
        for key, message in ended.items():
            if self._doubtful.get(key) == message:
                log.warning("the broker has lost the result of %s", key)
                self._forget(key)
        self._doubtful = ended

    def _at_work(self) -> set[str | None]:
        """Return the ids of the messages whose tasks wait in the broker or run."""
        with create_session() as session:
            return set(session.scalars(select(TaskInstance.external_executor_id).where(_IS_AT_WORK)))

    def _forget(self, key: Any) -> None:
        self.running.discard(key)
        self.workloads.pop(key, None)
