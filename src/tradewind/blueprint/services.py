"""``services(environment)``: which services run, in the order in which they start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol

from tradewind.blueprint.service import (
    Access,
    Component,
    Condition,
    Counts,
    Dependency,
    Endpoint,
    Exposure,
    FileCheck,
    Grant,
    HttpCheck,
    JobCheck,
    Port,
    ScalingRule,
    ScheduledCounts,
    Secret,
    Service,
)
from tradewind.blueprint.settings import BUNDLE, airflow_settings, settings_environment
from tradewind.config import Environment, Schedule

DATABASE = Dependency("database")
BROKER = Dependency("broker")
MIGRATE = Dependency("migrate-db", Condition.COMPLETED)

LAUNCH = ("python", "-m", "tradewind.launch")
"""The start of every command that loads Airflow. It saves a quarter of the CPU time of a start."""

ECS_STOP_LIMIT_S = 120
"""ECS waits at most this long between SIGTERM and SIGKILL (stopTimeout, AWS documentation)."""

RETIREMENT_NOTICE_S = (7 * 24 - 4) * 3600
"""Fargate replaces its hosts once or twice a month, and stops their tasks 7 days after its notice, protected ones too
(fargateTaskRetirementWaitPeriod). Workers that are replaced earlier are not affected; 4 hours are for starting others.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-maintenance.html"""
WORKER_SETS = ("a", "b", "c", "d")
"""The ECS services of a worker pool. A new release uses one of them while workers of up to three earlier releases
finish their tasks. An empty service costs nothing."""

WORKER_LIFE_S = 24 * 3600
"""The shortest time after which a worker is replaced. Without it, workers with tasks of several days would be replaced
all the time."""

_METADATA = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": Secret.DATABASE_URL}
_FERNET = {"AIRFLOW__CORE__FERNET_KEY": Secret.FERNET_KEY}
_JWT = {"AIRFLOW__API_AUTH__JWT_SECRET": Secret.JWT_SECRET}
_API = {"AIRFLOW__API__SECRET_KEY": Secret.API_SECRET}
_CELERY = {
    "AIRFLOW__CELERY__BROKER_URL": Secret.BROKER_URL,
    "AIRFLOW__CELERY__RESULT_BACKEND": Secret.BROKER_URL,
}
_WEB_URL = {"AIRFLOW__API__BASE_URL": Endpoint.WEB}
_EXECUTION_URL = {"AIRFLOW__CORE__EXECUTION_API_SERVER_URL": Endpoint.EXECUTION_API}

# A worker imports Airflow, which requires a database URL although tasks never use it. This database is empty.
NO_DATABASE = "sqlite://"


class _Scaled(Protocol):
    @property
    def min(self) -> int: ...
    @property
    def max(self) -> int: ...
    @property
    def desired_count(self) -> int: ...


def services(environment: Environment) -> tuple[Service, ...]:
    """Every service of ``environment``, one-shot tasks included, dependencies before their dependents.

    Database, broker and file system are not included: AWS manages them, and one machine starts its own. The names
    ``database`` and ``broker`` in ``dependencies`` refer to them.
    """
    settings = settings_environment(airflow_settings(environment))
    api = [_web(environment, settings)]
    if environment.separate_execution_api:
        api.append(_execution_api(environment, settings))
    return (
        _prepare(),
        _migrate(environment, settings),
        *api,
        _scheduler(environment, settings),
        _dag_processor(environment, settings),
        _triggerer(environment, settings),
        *(_worker(environment, name, settings) for name in environment.workers),
        _flower(environment),
        _controller(environment),
    )


def execution_api_host(environment: Environment) -> str:
    """The name of the service that serves the execution API to tasks."""
    return "execution-api" if environment.separate_execution_api else "web"


def _counts(scaled: _Scaled) -> Counts:
    return Counts(scaled.min, scaled.desired_count, scaled.max)


def _schedule(entries: tuple[Schedule, ...]) -> tuple[ScheduledCounts, ...]:
    return tuple(ScheduledCounts(entry.name, entry.cron, entry.min, entry.max) for entry in entries)


def _prepare() -> Service:
    return Service(
        name="init-db-users",
        component=Component.SCHEDULER,
        command=("python", "-m", "tradewind.runtime.database.init_db_users"),
        environment={},
        secrets={
            "TRADEWIND_DATABASE_ADMIN": Secret.DATABASE_ADMIN,
            "TRADEWIND_DATABASE_URL": Secret.DATABASE_URL,
        },
        cpu=0.25,
        memory_gb=0.5,
        counts=Counts.fixed(1),
        one_shot=True,
        dependencies=(DATABASE,),
    )


def _migrate(environment: Environment, settings: Mapping[str, str]) -> Service:
    login = {"TRADEWIND_LOGIN_PASSWORD": Secret.LOGIN_PASSWORD} if environment.identity.provider == "local" else {}
    return Service(
        name="migrate-db",
        component=Component.SCHEDULER,
        command=("python", "-m", "tradewind.runtime.database.migrate_db"),
        environment=settings,
        secrets={**_METADATA, **_FERNET, **login},
        cpu=1,
        memory_gb=2,
        counts=Counts.fixed(1),
        one_shot=True,
        dependencies=(DATABASE, Dependency("init-db-users", Condition.COMPLETED)),
    )


# Neither check queries the database, unlike /monitor/health.
_PEOPLE_ONLY = HttpCheck("/api/v2/version")
_ANSWERS_TASKS = HttpCheck("/execution/health")
"""Airflow builds the routes of the execution API at the first request to it. That takes 2 s of CPU time, in which it
responds to no request. This check makes that first request, so that no task or user waits for it."""


def _web(environment: Environment, settings: Mapping[str, str]) -> Service:
    apps = ("--apps", "core") if environment.separate_execution_api else ()
    return Service(
        name="web",
        component=Component.WEBSERVER,
        command=(*LAUNCH, "airflow", "api-server", *apps),
        environment=settings,
        secrets={**_METADATA, **_FERNET, **_JWT, **_API},
        endpoints=_WEB_URL,
        cpu=environment.web.cpu,
        memory_gb=environment.web.memory_gb,
        counts=_counts(environment.web),
        port=Port(8080, "AIRFLOW__API__PORT", "AIRFLOW__API__HOST"),
        health=_PEOPLE_ONLY if environment.separate_execution_api else _ANSWERS_TASKS,
        scaling=ScalingRule("cpu", environment.web.target_cpu_percent),
        schedule=_schedule(environment.web.schedule),
        waited_for=True,
        exposure=Exposure.PUBLIC,
        task_logs=Access.READ,
        connections=True,
        internet=environment.identity.provider == "oidc",
        dependencies=(DATABASE, MIGRATE),
    )


def _execution_api(environment: Environment, settings: Mapping[str, str]) -> Service:
    return Service(
        name="execution-api",
        component=Component.WEBSERVER,
        command=(*LAUNCH, "airflow", "api-server", "--apps", "execution"),
        environment=settings,
        secrets={**_METADATA, **_FERNET, **_JWT, **_API},
        endpoints=_WEB_URL,
        cpu=environment.execution_api.cpu,
        memory_gb=environment.execution_api.memory_gb,
        counts=_counts(environment.execution_api),
        port=Port(8080, "AIRFLOW__API__PORT", "AIRFLOW__API__HOST"),
        health=_ANSWERS_TASKS,
        scaling=ScalingRule("cpu", environment.execution_api.target_cpu_percent),
        schedule=_schedule(environment.execution_api.schedule),
        waited_for=True,
        connections=True,
        exposure=Exposure.INTERNAL,
        dependencies=(DATABASE, MIGRATE),
    )


def _scheduler(environment: Environment, settings: Mapping[str, str]) -> Service:
    return Service(
        name="scheduler",
        component=Component.SCHEDULER,
        command=(*LAUNCH, "tradewind.runtime.bundle.scheduler"),
        environment=settings,
        secrets={**_METADATA, **_FERNET, **_JWT, **_CELERY},
        endpoints=_WEB_URL,
        cpu=environment.scheduler.cpu,
        memory_gb=environment.scheduler.memory_gb,
        counts=Counts.fixed(environment.scheduler.count),
        waited_for=True,
        health=FileCheck("TRADEWIND_HEARTBEAT_FILE", max_age_s=60),
        dependencies=(DATABASE, BROKER, MIGRATE),
    )


def _dag_processor(environment: Environment, settings: Mapping[str, str]) -> Service:
    return Service(
        name="dag-processor",
        component=Component.SCHEDULER,
        command=(*LAUNCH, "tradewind.runtime.bundle.processor"),
        environment=settings,
        secrets={**_METADATA, **_FERNET},
        endpoints=_WEB_URL,
        cpu=environment.dag_processor.cpu,
        memory_gb=environment.dag_processor.memory_gb,
        counts=Counts.fixed(environment.dag_processor.count),
        health=JobCheck("dag_processor"),
        dags=Access.READ,
        connections=True,
        internet=True,
        dependencies=(DATABASE, MIGRATE),
    )


def _triggerer(environment: Environment, settings: Mapping[str, str]) -> Service:
    return Service(
        name="triggerer",
        component=Component.SCHEDULER,
        command=(*LAUNCH, "tradewind.runtime.database.triggerer"),
        environment=settings,
        secrets={**_METADATA, **_FERNET, **_API},
        endpoints=_WEB_URL,
        cpu=environment.triggerer.cpu,
        memory_gb=environment.triggerer.memory_gb,
        counts=_counts(environment.triggerer),
        health=JobCheck("triggerer"),
        scaling=ScalingRule("cpu", environment.triggerer.target_cpu_percent),
        schedule=_schedule(environment.triggerer.schedule),
        log_port=8794,
        dags=Access.READ,
        task_logs=Access.WRITE,
        connections=True,
        internet=True,
        task_role_policy_arns=environment.triggerer.task_role_policy_arns,
        dependencies=(DATABASE, MIGRATE),
        without_log_server=("--skip-serve-logs",),
    )


def _worker(environment: Environment, name: str, settings: Mapping[str, str]) -> Service:
    worker = environment.workers[name]
    queues = environment.queues_of(name)
    return Service(
        name=worker_service(name),
        component=Component.WORKER,
        command=(*LAUNCH, "tradewind.runtime.tasks.worker", "--queues", ",".join(queues), "--slots", str(worker.slots)),
        environment={**settings, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": NO_DATABASE},
        # Neither the metadata database nor Fernet nor the JWT secret, because workers run the DAG authors' code.
        secrets={**_CELERY, **_API},
        endpoints=_EXECUTION_URL,
        cpu=worker.cpu,
        memory_gb=worker.memory_gb,
        counts=_counts(worker),
        health=FileCheck("TRADEWIND_HEARTBEAT_FILE", max_age_s=60),
        scaling=ScalingRule("demand"),
        schedule=_schedule(worker.schedule),
        log_port=8793,
        dags=Access.READ,
        task_logs=Access.WRITE,
        internet=True,
        task_role_policy_arns=worker.task_role_policy_arns,
        stop_grace_s=ECS_STOP_LIMIT_S,
        dependencies=(
            BROKER,
            Dependency(execution_api_host(environment), Condition.STARTED),
        ),
        queues=queues,
        slots=worker.slots,
        spot=worker.spot,
        replica_sets=WORKER_SETS,
        grants=(Grant.PROTECTION,),
        without_log_server=("--skip-serve-logs",),
    )


def worker_service(name: str) -> str:
    """The name of the service of a worker pool."""
    return "worker" if name == "default" else f"worker-{name}"


def _controller(environment: Environment) -> Service:
    classes = [
        {
            "service": worker_service(name),
            "queues": list(environment.queues_of(name)),
            "slots": worker.slots,
            "min": worker.min,
            "max": worker.max,
            "scale_in_stabilization_s": worker.scale_in_stabilization_s,
            "replace_after_s": max(WORKER_LIFE_S, RETIREMENT_NOTICE_S - worker.max_task_hours * 3600),
            "schedule": [{"cron": e.cron, "min": e.min, "max": e.max} for e in worker.schedule],
        }
        for name, worker in environment.workers.items()
    ]
    return Service(
        name="controller",
        component=Component.SCHEDULER,
        command=("python", "-m", "tradewind.runtime.controller"),
        environment={"TRADEWIND_BUNDLE": BUNDLE, "TRADEWIND_WORKERS": json.dumps(classes)},
        secrets={**_METADATA, "AIRFLOW__CELERY__BROKER_URL": Secret.BROKER_URL},
        endpoints={"TRADEWIND_CONTROLLER_CONFIG": Endpoint.CONTROLLER},
        grants=(Grant.CONTROLLER,),
        cpu=environment.controller.cpu,
        memory_gb=environment.controller.memory_gb,
        counts=Counts.fixed(environment.controller.count),
        health=FileCheck("TRADEWIND_HEARTBEAT_FILE", max_age_s=60),
        dags=Access.WRITE,
        internet="ecs" not in environment.network.endpoints,  # it calls ECS, over the internet if there is no endpoint
        dependencies=(DATABASE, BROKER, MIGRATE),
    )


def _flower(environment: Environment) -> Service:
    return Service(
        name="flower",
        component=Component.FLOWER,
        command=("python", "-m", "celery", "flower"),
        environment={"FLOWER_ADDRESS": "0.0.0.0", "FLOWER_URL_PREFIX": "flower"},  # noqa: S104 (behind the ALB)
        secrets={"CELERY_BROKER_URL": Secret.BROKER_URL, "FLOWER_BASIC_AUTH": Secret.FLOWER_LOGIN},
        cpu=environment.flower.cpu,
        memory_gb=environment.flower.memory_gb,
        counts=_counts(environment.flower),
        port=Port(5555, "FLOWER_PORT", "FLOWER_ADDRESS"),
        health=HttpCheck("/flower/healthcheck"),
        scaling=ScalingRule("cpu", environment.flower.target_cpu_percent),
        schedule=_schedule(environment.flower.schedule),
        exposure=Exposure.PUBLIC,
        path="/flower",
        sticky=True,  # each copy counts only the events that it received itself
        dependencies=(BROKER,),
    )
