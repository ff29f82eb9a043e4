"""The services: their order, their secrets, and their number."""

from hypothesis import given

from samples import LARGE, ONE_OF_EACH, SMALL, environments, every_environment
from tradewind.blueprint import Condition, Exposure, Secret, Service, services
from tradewind.blueprint.services import ECS_STOP_LIMIT_S, NO_DATABASE
from tradewind.config import Environment

MANAGED = {"database", "broker"}


def by_name(environment: Environment) -> dict[str, Service]:
    return {service.name: service for service in services(environment)}


def workers(environment: Environment) -> list[Service]:
    return [service for service in services(environment) if service.component == "worker"]


def names_of_workers(environment: Environment) -> set[str]:
    return {service.name for service in workers(environment)}


def test_the_services_of_a_small_environment() -> None:
    assert [service.name for service in services(SMALL.environment("dev"))] == ONE_OF_EACH


def test_the_services_of_a_large_environment() -> None:
    assert [service.name for service in services(LARGE.environment("prod"))] == [
        "init-db-users",
        "migrate-db",
        "web",
        "execution-api",
        "scheduler",
        "dag-processor",
        "triggerer",
        "worker",
        "worker-heavy",
        "worker-light",
        "flower",
        "controller",
    ]


@every_environment
def test_names_are_unique_and_dependencies_come_first(environment: Environment) -> None:
    seen: set[str] = set()
    for service in services(environment):
        needed = [dependency.name for dependency in service.dependencies]
        assert set(needed) <= seen | MANAGED
        assert len(needed) == len(set(needed))
        assert service.name not in seen | MANAGED
        seen.add(service.name)


@every_environment
def test_what_must_have_completed_is_a_one_off_and_what_must_be_healthy_is_not(environment: Environment) -> None:
    found = by_name(environment)
    for service in found.values():
        for dependency in service.dependencies:
            if dependency.name not in MANAGED:
                assert found[dependency.name].one_shot == (dependency.condition is Condition.COMPLETED)


@every_environment
def test_who_knows_which_secret(environment: Environment) -> None:
    fleet = names_of_workers(environment)
    api = {"web", "execution-api"} & set(by_name(environment))
    known = {
        secret: {service.name for service in services(environment) if secret in service.secrets.values()}
        for secret in Secret
    }

    assert known == {
        Secret.DATABASE_ADMIN: {"init-db-users"},
        Secret.DATABASE_URL: {
            "init-db-users",
            "migrate-db",
            "scheduler",
            "dag-processor",
            "triggerer",
            "controller",
            *api,
        },
        Secret.BROKER_URL: {"scheduler", "flower", "controller", *fleet},
        Secret.FERNET_KEY: {"migrate-db", "scheduler", "dag-processor", "triggerer", *api},
        Secret.JWT_SECRET: {"scheduler", *api},
        Secret.API_SECRET: {"triggerer", *api, *fleet},
        Secret.LOGIN_PASSWORD: {"migrate-db"} if environment.identity.provider == "local" else set(),
        Secret.FLOWER_LOGIN: {"flower"},
    }


@every_environment
def test_workers_have_a_database_url_that_holds_nothing(environment: Environment) -> None:
    for worker in workers(environment):
        assert worker.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == NO_DATABASE
        known = {**worker.environment, **worker.secrets}
        assert not any(name.endswith(("FERNET_KEY", "JWT_SECRET")) for name in known)


@every_environment
def test_no_secret_and_no_address_in_a_command_or_a_plain_value(environment: Environment) -> None:
    for service in services(environment):
        texts = [*service.command, *service.without_log_server, *service.environment.values()]
        assert not [text for text in texts if "://" in text and text != NO_DATABASE]
        assert not [word for word in service.command if word.startswith(("-p", "--port", "--host", "--bind"))]
        # A secret or an address is never also a plain value.
        assert not set(service.environment) & {*service.secrets, *service.endpoints}
        assert not set(service.secrets) & set(service.endpoints)


@every_environment
def test_counts_are_in_order(environment: Environment) -> None:
    for service in services(environment):
        counts = service.counts
        assert 0 <= counts.min <= counts.desired <= counts.max
        assert counts.max >= 1
        if service.scaling is None:
            assert counts.min == counts.max


@every_environment
def test_the_execution_api_is_separate_where_availability_is_high(environment: Environment) -> None:
    found = by_name(environment)
    answering = "execution-api" if environment.high else "web"

    assert ("execution-api" in found) == environment.high
    assert ("--apps" in found["web"].command) == environment.high
    for worker in workers(environment):
        assert answering in {dependency.name for dependency in worker.dependencies}
    if environment.high:
        assert found["web"].command[-2:] == ("--apps", "core")
        assert found["execution-api"].command[-2:] == ("--apps", "execution")
        assert found["execution-api"].exposure is Exposure.INTERNAL


@every_environment
def test_one_worker_service_for_each_class_serves_its_queues(environment: Environment) -> None:
    found = workers(environment)

    assert len(found) == len(environment.workers)
    for service, (name, worker) in zip(found, environment.workers.items(), strict=True):
        assert service.name == ("worker" if name == "default" else f"worker-{name}")
        assert service.queues == environment.queues_of(name)
        assert service.command[service.command.index("--queues") + 1] == ",".join(service.queues)
        assert service.command[service.command.index("--slots") + 1] == str(worker.slots) == str(service.slots)
        assert service.replica_sets == ("a", "b", "c", "d")
        assert service.stop_grace_s == ECS_STOP_LIMIT_S
    served = [queue for service in found for queue in service.queues]
    assert sorted(served) == sorted(environment.pool_of_queue)


@every_environment
def test_only_web_and_flower_are_reached_by_people(environment: Environment) -> None:
    public = {service.name for service in services(environment) if service.exposure is Exposure.PUBLIC}

    assert public == {"web", "flower"}
    assert all(service.port for service in services(environment) if service.exposure is not Exposure.NONE)


@every_environment
def test_what_runs_on_has_a_health_check(environment: Environment) -> None:
    for service in services(environment):
        assert (service.health is None) == service.one_shot


def test_workers_of_a_spot_class_say_so() -> None:
    found = by_name(LARGE.environment("staging"))

    assert found["worker-heavy"].spot
    assert not found["worker"].spot


@given(environments)
def test_the_fleet_at_its_largest_has_the_slots_of_the_environment(environment: Environment) -> None:
    assert sum(worker.slots * worker.counts.max for worker in workers(environment)) == environment.max_slots


@given(environments)
def test_the_same_environment_gives_the_same_services(environment: Environment) -> None:
    assert services(environment) == services(environment.model_copy(deep=True))
