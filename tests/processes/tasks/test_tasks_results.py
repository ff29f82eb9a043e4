"""Results in the broker, in Airflow's own Celery app with our settings: without subscriptions, and without crashes."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samples import SMALL, ask_airflow, needs_airflow
from tradewind.blueprint import airflow_settings, settings_environment

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
    "results": [backend.get("one"), *backend.mget(["two"])],
    "adopted": app.AsyncResult("three").result,
    "retry": backend.retry_policy,
    "queue": app.conf.task_default_queue,
    "publish": app.conf.task_publish_retry_policy,
    "channel": app.conf.broker_channel_error_retry,
    "tries": app.conf.broker_connection_max_retries,
    "limits": app.conf.broker_transport_options,
}))
"""


@pytest.fixture(scope="module")
def nobody() -> Iterator[int]:
    """A port that refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def ask(url: str, home: Path, **more: str) -> Any:
    """The report of Airflow's Celery app, with our settings and ``more``."""
    broker = {"AIRFLOW__CELERY__BROKER_URL": url, "AIRFLOW__CELERY__RESULT_BACKEND": url}
    return ask_airflow(ASK, home, **settings_environment(airflow_settings(DEV)), **broker, **more)


@pytest.fixture(scope="module", params=["redis", "rediss"])
def found(request: pytest.FixtureRequest, nobody: int, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The report without a broker, for plain and for encrypted connections."""
    query = "?ssl_cert_reqs=required" if request.param == "rediss" else ""
    return ask(f"{request.param}://:word@127.0.0.1:{nobody}/0{query}", tmp_path_factory.mktemp("airflow"))


def test_the_settings_choose_it_and_keep_airflows_own(found: Any) -> None:
    assert found["class"] == "PolledResults"
    assert found["queue"] == "default"
    # Within Airflow's limit of a second for each message. A message that fails waits in the scheduler.
    assert found["publish"] == {"max_retries": 1, "interval_start": 0.1, "interval_max": 0.1}


def test_sending_a_task_subscribes_to_nothing(found: Any) -> None:
    assert found["subscribed"] == 0


def test_without_the_broker_there_is_no_result_yet(found: Any) -> None:
    assert found["results"] == [None, None]
    assert found["adopted"] is None  # a scheduler asks this when it adopts tasks of another one


def test_a_worker_keeps_a_result_until_the_broker_takes_it(found: Any) -> None:
    assert found["retry"]["max_retries"] is None
    assert found["retry"]["interval_start"] == found["retry"]["interval_max"] == 1


def test_what_the_team_set_wins(nobody: int, tmp_path: Path) -> None:
    own = '{"task_publish_retry_policy": {"max_retries": 7}}'
    found = ask(f"redis://127.0.0.1:{nobody}/0", tmp_path, AIRFLOW__CELERY__EXTRA_CELERY_CONFIG=own)

    assert found["publish"] == {"max_retries": 7}
    assert found["class"] == "PolledResults"


def test_a_worker_waits_for_its_broker_and_notices_that_it_is_silent(found: Any) -> None:
    assert (found["channel"], found["tries"]) == (True, None)
    assert found["limits"]["socket_timeout"] == found["limits"]["socket_connect_timeout"] == 5
    assert found["limits"]["health_check_interval"] == 10
    assert found["limits"]["visibility_timeout"] > 3600
