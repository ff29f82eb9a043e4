"""An environment on one machine: every service, one copy each, with small sizes."""

from samples import ONE_OF_EACH, every_environment, values
from tradewind.blueprint import Secret, Service, services
from tradewind.config import Environment, Local
from tradewind.local.process_plan import resize

LOCAL = Local(workers=3, slots=5, outage_tolerance_s=77)


def by_name(environment: Environment) -> dict[str, Service]:
    return {service.name: service for service in services(resize(environment, LOCAL))}


@every_environment
def test_one_copy_of_each_and_the_workers_that_were_asked_for(environment: Environment) -> None:
    counts = {name: service.counts for name, service in by_name(environment).items()}

    assert list(counts) == ONE_OF_EACH
    assert {(count.min, count.desired, count.max) for name, count in counts.items() if name != "worker"} == {(1, 1, 1)}
    assert (counts["worker"].min, counts["worker"].desired, counts["worker"].max) == (3, 3, 3)


@every_environment
def test_one_kind_of_worker_serves_the_queues_of_all_classes(environment: Environment) -> None:
    worker = by_name(environment)["worker"]

    assert sorted(worker.queues) == sorted(environment.pool_of_queue)
    assert worker.slots == 5
    longest = max(known.max_task_hours for known in environment.workers.values())
    small = values(resize(environment, LOCAL))
    assert int(small["celery_broker_transport_options.visibility_timeout"]) > longest * 3600


@every_environment
def test_the_execution_api_is_a_part_of_web(environment: Environment) -> None:
    assert by_name(environment)["web"].command[-2:] == ("airflow", "api-server")


@every_environment
def test_somebody_can_log_in(environment: Environment) -> None:
    # People log in as generated local users on one machine, whatever AWS uses.
    assert Secret.LOGIN_PASSWORD in by_name(environment)["migrate-db"].secrets.values()


@every_environment
def test_what_the_team_set_stays_and_what_depends_on_the_size_follows_it(environment: Environment) -> None:
    small = resize(environment, LOCAL)
    found = values(small)

    assert small.airflow == environment.airflow
    assert small.max_slots == 15
    assert "workers.min_heartbeat_interval" not in found  # stock's
    assert 77 <= int(found["workers.max_failed_heartbeats"]) * 5 < 77 + 5
    for path, value in environment.airflow.settings.items():
        assert found[path] == str(value)


@every_environment
def test_the_environment_itself_is_not_changed(environment: Environment) -> None:
    before = environment.model_dump()

    resize(environment, LOCAL)

    assert environment.model_dump() == before
