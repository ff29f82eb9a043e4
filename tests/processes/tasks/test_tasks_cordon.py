"""The reasons for which a worker takes no tasks, and when it takes them again: a real Celery app without a broker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

from tradewind.runtime.tasks import cordon


class Consumer:
    """The consumer of a worker, which takes tasks from ``queues``."""

    def __init__(self) -> None:
        self.app = Celery(task_create_missing_queues=True)
        self.app.amqp.queues.select({"default"})
        self.queues = {"default"}

    def cancel_task_queue(self, queue: str) -> None:
        self.app.amqp.queues.deselect(queue)
        self.queues.discard(queue)

    def add_task_queue(self, queue: str) -> None:
        self.queues.add(queue)


@pytest.fixture
def consumer() -> Iterator[Any]:
    made = Consumer()
    yield made
    for reason in (cordon.OPERATOR, cordon.UNPROTECTED):
        cordon.let_go(made, reason)


def test_with_one_reason_left_it_takes_nothing(consumer: Any) -> None:
    cordon.hold(consumer, cordon.OPERATOR)
    cordon.hold(consumer, cordon.UNPROTECTED)
    assert consumer.queues == set()

    cordon.let_go(consumer, cordon.UNPROTECTED)
    assert (consumer.queues, cordon.is_cordoned()) == (set(), True)

    cordon.let_go(consumer, cordon.OPERATOR)
    assert (consumer.queues, cordon.is_cordoned()) == ({"default"}, False)
    assert set(consumer.app.amqp.queues.consume_from) == {"default"}
