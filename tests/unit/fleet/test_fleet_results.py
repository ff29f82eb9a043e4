"""Results in the broker, as Airflow's own Celery app has them with our settings: nobody subscribes, nobody crashes."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from samples import SMALL, ask_airflow, needs_airflow

from tradewind.platform import airflow_settings, settings_environment

pytestmark = needs_airflow

DEV = SMALL.environment("dev")

ASK = """
import json
from airflow.providers.celery.executors.celery_executor_utils import app

backend = app.backend
backend.on_task_call(None, "a task")  # Celery's own would connect here
print(json.dumps({
    "class": type(backend).__name__,
    "subscribed": len(backend.result_consumer.subscribed_to),
    "results": backend.mget(["one", "two"]),
    "retry": backend.retry_policy,
    "queue": app.conf.task_default_queue,
}))
"""


@pytest.fixture(scope="module")
def nobody() -> Iterator[int]:
    """A port that refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture(scope="module", params=["redis", "rediss"])
def found(request: pytest.FixtureRequest, nobody: int, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What Airflow's Celery app says, with our settings and a broker that is away."""
    url = f"{request.param}://:word@127.0.0.1:{nobody}/0" + ("?ssl_cert_reqs=required" * (request.param == "rediss"))
    return ask_airflow(
        ASK,
        tmp_path_factory.mktemp("airflow"),
        **settings_environment(airflow_settings(DEV)),
        AIRFLOW__CELERY__BROKER_URL=url,
        AIRFLOW__CELERY__RESULT_BACKEND=url,
    )


def test_the_settings_choose_it_and_keep_airflows_own(found: Any) -> None:
    assert found["class"] == "PolledResults"
    assert found["queue"] == "default"


def test_sending_a_task_subscribes_to_nothing(found: Any) -> None:
    assert found["subscribed"] == 0


def test_without_the_broker_there_is_no_result_yet(found: Any) -> None:
    assert found["results"] == [None, None]


def test_a_worker_tries_as_long_as_tasks_wait_for_the_api(found: Any) -> None:
    assert found["retry"]["max_retries"] >= DEV.outage_tolerance_s
    assert found["retry"]["interval_start"] == found["retry"]["interval_max"] == 1
