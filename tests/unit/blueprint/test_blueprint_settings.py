"""The Airflow settings: complete, justified, and right for any size."""

import json

from hypothesis import given

from samples import LARGE, environments, every_environment, values
from tradewind.blueprint import Component, airflow_settings, services, settings_environment
from tradewind.blueprint.settings import HEARTBEATS_PER_S, QUEUE_AHEAD, RETRY_WAIT_MAX_S, STOCK
from tradewind.config import Environment
from tradewind.config.storage import Airflow


def check_laws(environment: Environment) -> None:
    """Invariants at every size. The numbers come from the reasons of the settings."""
    found = values(environment)
    stock = {f"{section}.{key}": value for (section, key), value in STOCK.items()}
    number = {key: float(value) for key, value in {**stock, **found}.items() if value.replace(".", "").isdigit()}
    outage, slots = environment.outage_tolerance_s, environment.max_slots
    interval = number["workers.min_heartbeat_interval"]
    patience = number["workers.max_failed_heartbeats"] * interval

    assert slots / interval <= HEARTBEATS_PER_S
    assert interval == 5 or slots / (interval - 1) > HEARTBEATS_PER_S
    assert patience >= outage
    assert number["workers.execution_api_retries"] >= outage
    assert number["workers.execution_api_retry_wait_max"] == RETRY_WAIT_MAX_S
    # The task gives up before the scheduler gives up the task.
    assert number["scheduler.task_instance_heartbeat_timeout"] > max(outage, patience)
    assert number["scheduler.task_queued_timeout"] > outage
    # A token is renewed with a heartbeat, when a fifth of its life is left.
    assert number["execution_api.jwt_expiration_time"] / 5 - interval > outage
    longest_s = 3600 * max(worker.max_task_hours for worker in environment.workers.values())
    assert number["celery_broker_transport_options.visibility_timeout"] > longest_s
    assert number["core.parallelism"] * environment.scheduler.count >= slots
    # Queued tasks count as active: a single DAG must be able to queue ahead.
    assert number["core.max_active_tasks_per_dag"] >= QUEUE_AHEAD * slots
    assert number["core.default_pool_task_slot_count"] >= slots
    assert 16 <= number["scheduler.max_tis_per_query"] <= 512


@given(environments)
def test_the_laws_hold_at_any_size(environment: Environment) -> None:
    check_laws(environment)


def test_the_laws_hold_for_more_than_5000_slots() -> None:
    prod = LARGE.environment("prod")
    without_own = prod.model_copy(update={"airflow": Airflow()})

    assert prod.max_slots == 5408
    check_laws(without_own)
    assert values(prod)["workers.min_heartbeat_interval"] == "11"


@every_environment
def test_each_has_a_reason_and_they_are_sorted_and_unique(environment: Environment) -> None:
    found = airflow_settings(environment)
    keys = [(setting.section, setting.key) for setting in found]

    assert keys == sorted(set(keys))
    assert all(setting.value for setting in found)
    assert all(len(setting.reason) >= 15 and not setting.reason.endswith(".") for setting in found)
    assert len({setting.variable for setting in found}) == len(found)


@every_environment
def test_what_is_json_parses(environment: Environment) -> None:
    for key, value in values(environment).items():
        if value.startswith(("{", "[")):
            assert json.loads(value), key


def test_the_settings_of_the_file_win() -> None:
    own = Airflow(settings={"core.parallelism": 7, "webserver.instance_name": "Acme", "core.load_examples": True})
    environment = LARGE.environment("dev").model_copy(update={"airflow": own})
    found = {f"{setting.section}.{setting.key}": setting for setting in airflow_settings(environment)}

    assert found["core.parallelism"].value == "7"
    assert found["core.load_examples"].value == "True"
    assert found["webserver.instance_name"].value == "Acme"
    assert "airflow.settings" in found["core.parallelism"].reason
    assert found["core.executor"].value == "tradewind.runtime.tasks.executor.CeleryExecutor"


def test_as_variables() -> None:
    variables = settings_environment(airflow_settings(LARGE.environment("prod")))

    assert list(variables) == sorted(variables)
    assert variables["AIRFLOW__CORE__EXECUTOR"] == "tradewind.runtime.tasks.executor.CeleryExecutor"
    assert variables["AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG"] == "256"
    assert variables["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"] == str(73 * 3600)


@every_environment
def test_every_service_of_airflow_has_all_of_them(environment: Environment) -> None:
    variables = settings_environment(airflow_settings(environment)).items()
    for service in services(environment):
        if service.component is not Component.FLOWER and service.name not in {"init-db-users", "controller"}:
            assert variables <= service.environment.items()
        else:
            assert not any(name.startswith("AIRFLOW__") for name in service.environment)
