"""Airflow's Celery executor, for a broker that goes away, comes back, and may have forgotten what it had.

Airflow's own gives each message up after a few tries, or at its first error that is no time-out, and fails its task;
and it tries every message that waits, a second each, while the scheduler's loop stands still. Here a broker that cannot
take a message keeps all of them in the scheduler, where they wait with no limit; one is tried again after a pause, and
once that goes through, all others follow.
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
    """The broker is away, so that no task can be taken back: Airflow's scheduler leaves them as they are.

    Its base class is what the scheduler catches where it asks an executor to take back tasks that it believes to be
    lost (``SchedulerJobRunner._handle_tasks_stuck_in_queued``); any other error ends it. ``revoke_task`` is whole.
    """


COMPARE_S = 60.0
"""Between two comparisons with the database of what the executor believes to run."""
_IS_AT_WORK = TaskInstance.state.in_(
    (TaskInstanceState.QUEUED, TaskInstanceState.RUNNING, TaskInstanceState.RESTARTING)
)
_BROKER_AWAY = (AirflowTaskTimeout, OperationalError, OSError)
"""What sending fails with for a reason that passes: Celery makes an OperationalError of all that Redis answers."""


class CeleryExecutor(celery_executor.CeleryExecutor):  # type: ignore[misc]  # airflow.providers has no types
    """See the module. Named like Airflow's own, so that DAGs that name it (``executor="CeleryExecutor"``) find it."""

    def __init__(self, *arguments: Any, clock: Callable[[], float] = time.monotonic, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._clock = clock
        self._pause = Pause(clock)
        self._refused: set[Any] = set()  # the keys of workloads that the broker did not take when they were tried last
        self._compare_at = 0.0
        self._doubtful: Mapping[Any, str] = {}
        self._message_life_s = self.conf.getint(
            "celery_broker_transport_options", "visibility_timeout", fallback=86_400
        )

    # Sending

    def _process_workloads(self, workload_items: Sequence[Any]) -> None:
        """Send what is due; during a pause nothing is, and it stays queued."""
        if self._pause.over:
            super()._process_workloads(workload_items)

    def _send_workloads_to_celery(self, workload_tuples_to_send: Sequence[Any]) -> list[Any]:
        """One after another, up to the first that the broker does not take. What is not returned stays queued.

        What was refused comes last: if that was for a reason of its own, it keeps no other back.
        """
        sent: list[Any] = []
        for workload in sorted(workload_tuples_to_send, key=lambda workload: workload[0] in self._refused):
            key, arguments, result = self._send(workload)
            if isinstance(result, ExceptionWithTraceback) and isinstance(result.exception, _BROKER_AWAY):
                self._refused.add(key)
                self._say_away(result.exception, f"{len(workload_tuples_to_send) - len(sent)} tasks wait here")
                return sent
            self._pause.end()
            self._refused.discard(key)
            sent.append((key, arguments, result))
        return sent

    def try_adopt_task_instances(self, tis: Sequence[Any]) -> Sequence[Any]:
        """See Airflow's. What waits here is not adopted: it would count as a task that runs, and use a slot.

        A scheduler that an outage of the database has made look dead adopts its own tasks. With as many as there are
        slots, none would ever be sent.
        """
        others = [ti for ti in tis if ti.key not in self.queued_tasks]
        return super().try_adopt_task_instances(others) if others else []

    def revoke_task(self, *, ti: Any) -> None:
        """Take back a task that Airflow believes to be lost. BrokerAwayError where the broker is away.

        Such tasks wait for the broker, and to tell it so would make the scheduler's loop stand still, once for each.
        """
        if not self._pause.ended:
            raise BrokerAwayError("the broker is away")
        sent = self.workloads.get(ti.key)
        if sent is not None:
            try:
                with timeout(seconds=OPERATION_TIMEOUT):
                    self.celery_app.control.revoke(sent.task_id)
            except _BROKER_AWAY as error:
                self._say_away(error, "no task is taken back")
                raise BrokerAwayError("the broker is away") from error
        self._forget(ti.key)
        self.queued_tasks.pop(ti.key, None)

    def _send(self, workload: Any) -> Any:
        workload[1].token = self._renewed(workload[1].token)
        return send_workload_to_executor(workload)

    def _renewed(self, token: str) -> str:
        """A token for the same task, for as long as its message may wait in the broker.

        Airflow's own is made before the task waits here, and ends when Airflow believes that its message is lost. But
        what waits in a broker that is away is not sent anew, and must find its token valid when the broker is back.
        """
        if not token:
            return token
        claims = jwt.decode(token, options={"verify_signature": False})
        renewed = {name: claims[name] for name in ("sub", "scope") if name in claims}
        return str(self.jwt_generator.generate(extras=renewed, valid_for=self._message_life_s))

    def _say_away(self, error: BaseException, what: str) -> None:
        lasts = self._pause.begin()
        log.warning("The broker is away (%s): %s, and it is tried again in %.0f s", error, what, lasts)

    # Results

    def sync(self) -> None:
        """Ask the broker for results; and now and then the database, about those that the broker may have lost."""
        super().sync()
        if self.workloads and self._clock() >= self._compare_at:
            self._compare_at = self._clock() + COMPARE_S
            self._compare()

    def _compare(self) -> None:
        """Let go of tasks that have ended, or were sent anew, and whose results have not come since the last time.

        A broker that fails over may lose results. Airflow would count such a task for ever as one that runs, and use a
        slot for it; one that was deferred could never go on.
        """
        at_work = self._at_work()
        ended = {
            key: sent.task_id
            for key, sent in self.workloads.items()
            if isinstance(key, TaskInstanceKey) and sent.task_id not in at_work
        }
        for key, message in ended.items():
            if self._doubtful.get(key) == message:
                log.warning("The broker has lost the result of %s", key)
                self._forget(key)
        self._doubtful = ended

    def _at_work(self) -> set[str | None]:
        """The messages whose tasks wait in the broker, or run."""
        with create_session() as session:
            return set(session.scalars(select(TaskInstance.external_executor_id).where(_IS_AT_WORK)))

    def _forget(self, key: Any) -> None:
        self.running.discard(key)
        self.workloads.pop(key, None)
