"""Tasks while the broker does not accept their messages: Airflow's executor, with a broker in memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def executor() -> Any:
    """An executor whose broker raises the errors in ``away``: by key, or for all messages."""
    from airflow.providers.celery.executors.celery_executor_utils import ExceptionWithTraceback

    from tradewind.runtime.tasks.executor import CeleryExecutor

    class Executor(CeleryExecutor):  # type: ignore[misc]
        def __init__(self) -> None:
            self.now = 1_000.0
            super().__init__(clock=lambda: self.now)
            self.away: dict[Any, BaseException] = {}
            self.tried: list[Any] = []
            self.at_work: set[str | None] = set()

        def _send(self, workload: Any) -> Any:
            key = workload[0]
            self.tried.append(key)
            if error := self.away.get(key, self.away.get("all")):
                return key, None, ExceptionWithTraceback(error, "trace")
            return key, None, SimpleNamespace(task_id=f"message of {key.task_id}", backend=None)

        def _at_work(self) -> set[str | None]:
            return self.at_work

        def sync(self) -> None:
            self._compare()

        def wait(self, *names: str) -> None:
            for name in names:
                self.queued_tasks[task(name)] = name

        def turn(self, seconds: float = 0.0) -> list[str]:
            """Run one loop of the scheduler. Return the messages that it tried to send."""
            self.now += seconds
            self.tried.clear()
            if self._pause.over:
                self._send_workloads([(key, name, "default", None) for key, name in self.queued_tasks.items()])
            return [key.task_id for key in self.tried]

    return Executor()


def task(name: str) -> Any:
    from airflow.models.taskinstancekey import TaskInstanceKey

    return TaskInstanceKey("dag", name, "run", 1, -1)


def away() -> BaseException:
    from kombu.exceptions import OperationalError

    return OperationalError("READONLY You can't write against a read only replica.")


def test_what_the_broker_does_not_take_waits_and_the_loop_goes_on(executor: Any) -> None:
    executor.away = {"all": away()}
    executor.wait(*(f"t{number}" for number in range(200)))

    tries = [len(executor.turn(1)) for _ in range(600)]

    assert max(tries) == 1
    assert sum(tries) < 100
    assert len(executor.queued_tasks) == 200
    assert not executor.event_buffer
    executor.away = {}
    executor.now += 10
    assert len(executor.turn()) == 200
    assert (len(executor.queued_tasks), len(executor.running)) == (0, 200)


@pytest.mark.parametrize("error", ["time out", "operational", "os"])
def test_each_error_of_a_broker_that_is_away_is_one(executor: Any, error: str) -> None:
    from airflow.sdk.exceptions import AirflowTaskTimeout

    executor.away = {"all": {"time out": AirflowTaskTimeout(), "operational": away(), "os": OSError("reset")}[error]}
    executor.wait("t")
    executor.turn()
    assert list(executor.queued_tasks) == [task("t")]


def test_an_error_of_the_message_fails_its_task_at_once(executor: Any) -> None:
    from airflow.utils.state import TaskInstanceState

    executor.away = {task("bad"): ValueError("not serializable")}
    executor.wait("bad", "good")
    executor.turn()
    assert executor.event_buffer[task("bad")][0] == TaskInstanceState.FAILED
    assert executor.running == {task("good")}


def test_what_is_refused_for_a_reason_of_its_own_keeps_no_other_back(executor: Any) -> None:
    executor.away = {task("bad"): away()}
    executor.wait("bad", "one", "two")
    assert executor.turn() == ["bad"]
    assert executor.turn(1) == ["one", "two", "bad"]
    assert list(executor.queued_tasks) == [task("bad")]
    executor.wait("three")
    assert executor.turn(10) == ["three", "bad"]


def test_nothing_is_lost_in_the_broker_while_it_is_away(executor: Any) -> None:
    from tradewind.runtime.tasks.executor import BrokerAwayError

    instance = SimpleNamespace(key=task("t"))
    executor.wait("t")
    executor.away = {"all": away()}
    executor.turn()
    with pytest.raises(BrokerAwayError):
        executor.revoke_task(ti=instance)
    assert list(executor.queued_tasks) == [task("t")]
    executor.away = {}
    executor.turn(10)
    executor.wait("t")
    executor.workloads.clear()
    executor.revoke_task(ti=instance)
    assert (executor.queued_tasks, executor.running) == ({}, set())


def test_what_waits_here_uses_no_slot_when_this_scheduler_adopts_its_own(executor: Any) -> None:
    """Broker and database fail together: all queued tasks wait here, and the scheduler considers itself dead."""
    waits = [f"t{number}" for number in range(executor.parallelism)]
    executor.away = {"all": away()}
    executor.wait(*waits)
    executor.turn()
    executor.bulk_state_fetcher = SimpleNamespace(
        get_many=lambda results: {result.task_id: ("PENDING", None) for result in results}
    )
    queued = [SimpleNamespace(key=task(name), external_executor_id=f"message of {name}") for name in [*waits, "sent"]]
    old = SimpleNamespace(key=task("old"), external_executor_id=None)
    assert executor.try_adopt_task_instances([*queued, old]) == [old]
    assert executor.running == {task("sent")}
    assert list(executor.workloads) == [task("sent")]
    assert executor.try_adopt_task_instances(queued[:1]) == []
    executor.away = {}
    assert len(executor.turn(10)) == len(waits)


def test_a_task_whose_result_the_broker_has_lost_is_let_go_of(executor: Any) -> None:
    executor.wait("ended", "runs")
    executor.turn()
    executor.at_work = {"message of runs"}
    executor.sync()
    assert executor.running == {task("ended"), task("runs")}  # its result may be on its way
    executor.sync()
    assert executor.running == {task("runs")}
    assert list(executor.workloads) == [task("runs")]


def test_a_message_has_a_token_for_as_long_as_it_may_wait(executor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import jwt

    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "s" * 64)
    old = executor.jwt_generator.generate(extras={"sub": "an instance", "scope": "workload"}, valid_for=1)
    new = executor._renewed(old)
    said, before = (jwt.decode(token, options={"verify_signature": False}) for token in (new, old))
    assert said["exp"] - said["iat"] == executor._message_life_s
    assert {name: said[name] for name in ("sub", "scope", "aud")} == {
        name: before[name] for name in ("sub", "scope", "aud")
    }
    assert executor._renewed("") == ""
