"""What one machine runs of an environment: all of it, once, and small."""

from pathlib import Path

import pytest

from tradewind.config import Environment, Local, load
from tradewind.local.plan import OUTAGE_TOLERANCE_S, REFRESH_S, resize
from tradewind.platform import Secret, Service, airflow_settings, services

ROOT = Path(__file__).parents[3]
LOCAL = Local(workers=3, slots=5)
ALL = [
    pytest.param(environment, id=f"{Path(file).parent.name or 'small'}-{name}")
    for file in ("tradewind.yaml", "examples/large/tradewind.yaml")
    for name, environment in load(ROOT / file).environments.items()
]
every_environment = pytest.mark.parametrize("environment", ALL)


def by_name(environment: Environment) -> dict[str, Service]:
    return {service.name: service for service in services(resize(environment, LOCAL))}


def values(environment: Environment) -> dict[str, str]:
    return {f"{setting.section}.{setting.key}": setting.value for setting in airflow_settings(environment)}


@every_environment
def test_one_copy_of_each_and_the_workers_that_were_asked_for(environment: Environment) -> None:
    counts = {name: service.counts for name, service in by_name(environment).items()}

    assert list(counts) == [
        "prepare",
        "migrate",
        "web",
        "scheduler",
        "dag-processor",
        "triggerer",
        "worker",
        "flower",
    ]
    assert {(count.min, count.desired, count.max) for name, count in counts.items() if name != "worker"} == {(1, 1, 1)}
    assert (counts["worker"].min, counts["worker"].desired, counts["worker"].max) == (3, 3, 3)


@every_environment
def test_one_kind_of_worker_serves_the_queues_of_all_classes(environment: Environment) -> None:
    worker = by_name(environment)["worker"]

    assert sorted(worker.queues) == sorted(environment.class_of_queue)
    assert worker.slots == 5
    longest = max(known.longest_task_hours for known in environment.workers.values())
    small = values(resize(environment, LOCAL))
    assert int(small["celery_broker_transport_options.visibility_timeout"]) > longest * 3600


@every_environment
def test_the_execution_api_is_a_part_of_web(environment: Environment) -> None:
    assert by_name(environment)["web"].command == ("airflow", "api-server")


@every_environment
def test_somebody_can_log_in(environment: Environment) -> None:
    # People log in as generated local users on one machine, whatever AWS uses.
    assert Secret.LOGIN_PASSWORD in by_name(environment)["migrate"].secrets.values()


@every_environment
def test_what_the_team_set_stays_and_what_depends_on_the_size_follows_it(environment: Environment) -> None:
    small = resize(environment, LOCAL)
    found = values(small)

    assert small.airflow == environment.airflow
    assert small.max_slots == 15
    assert "workers.min_heartbeat_interval" not in found  # stock's
    assert found["dag_processor.refresh_interval"] == str(REFRESH_S)
    assert int(found["workers.max_failed_heartbeats"]) * 5 >= OUTAGE_TOLERANCE_S
    for path, value in environment.airflow.settings.items():
        assert found[path] == str(value)


@every_environment
def test_the_environment_itself_is_not_changed(environment: Environment) -> None:
    before = environment.model_dump()

    resize(environment, LOCAL)

    assert environment.model_dump() == before
