"""``airflow_settings(environment)``: every Airflow setting that differs from Airflow's default, with its reason."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass

from tradewind.config import Environment

HEARTBEATS_PER_S = 500
"""The most task heartbeats a second in an environment. Each is one call of the execution API and one write to the
metadata database, which the scheduler needs too."""

BUNDLE = "dags"
"""The name of the Airflow DAG bundle that serves DAG releases."""

QUEUE_AHEAD = 2
"""Tasks sent to the broker per slot, so that a free slot does not wait for the scheduler's next loop, which may be a
second away (scheduler_idle_sleep_time)."""

API_CONNECTIONS = 30
"""Database connections that a process keeps. With Airflow's overflow of 10, they serve the 40 threads that handle
requests (anyio's limit). Only API servers use as many. RDS allows about 340 on 4 GB (memory / 12,582,880 bytes)."""

API_TIMEOUT_S = 30
"""How long a task waits for one response of the execution API before it retries. Airflow's default is 5 s."""
RETRY_WAIT_MAX_S = 5.0
"""The longest pause between two attempts of a task to reach the execution API. It notices a recovery within seconds;
Airflow's default of 90 s leaves a slot idle for up to a minute and a half."""

TOKEN_MARGIN_S = 60
"""Extra lifetime of a task's token, in seconds. A busy task calls the API only for its heartbeats, and the first
heartbeat after an outage renews the token."""

STOCK = {
    ("core", "default_pool_task_slot_count"): "128",
    ("core", "max_active_tasks_per_dag"): "16",
    ("core", "parallelism"): "32",
    ("dag_processor", "parsing_processes"): "2",
    ("execution_api", "jwt_expiration_time"): "600",
    ("scheduler", "max_tis_per_query"): "16",
    ("triggerer", "capacity"): "1000",
    ("workers", "min_heartbeat_interval"): "5",
}
"""Airflow's defaults of the settings that are derived here (config_templates/config.yml of 3.3). A derived value that
equals its default is not set."""


@dataclass(frozen=True)
class Setting:
    """One Airflow setting: ``[section] key = value``, and the reason why it differs from Airflow's default."""

    section: str
    key: str
    value: str
    reason: str

    @property
    def variable(self) -> str:
        """The environment variable that Airflow reads it from."""
        return f"AIRFLOW__{self.section.upper()}__{self.key.upper()}"


def settings_environment(settings: Iterable[Setting]) -> dict[str, str]:
    """The settings as environment variables, sorted by name."""
    return dict(sorted((setting.variable, setting.value) for setting in settings))


def heartbeat_interval_s(max_slots: int) -> int:
    """Seconds between two heartbeats of a task, so that ``max_slots`` tasks stay under HEARTBEATS_PER_S."""
    return max(int(STOCK["workers", "min_heartbeat_interval"]), math.ceil(max_slots / HEARTBEATS_PER_S))


def airflow_settings(environment: Environment) -> tuple[Setting, ...]:
    """Every non-default setting, sorted by section and key. Secrets and addresses are not settings: see Service.

    The environment's own ``airflow.settings`` override the others.
    """
    chosen = {
        (s.section, s.key): s
        for s in (
            *_identity(),
            *_capacity(environment),
            *_resilience(environment),
            *_parsing(environment),
            *_own(environment),
        )
    }
    return tuple(chosen[key] for key in sorted(chosen) if chosen[key].value != STOCK.get(key))


def _text(value: str | int | float | bool) -> str:
    return str(value)


def _identity() -> Iterable[Setting]:
    yield Setting(
        "core",
        "executor",
        "tradewind.runtime.tasks.executor.CeleryExecutor",
        "tasks run on a fleet of workers, and wait while the broker is unavailable",
    )
    yield Setting(
        "core",
        "auth_manager",
        "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "users with roles, from an identity provider; Airflow's default manager is for demonstrations",
    )
    yield Setting("core", "load_examples", "False", "only the team's own DAGs")
    yield Setting(
        "fab",
        "update_fab_perms",
        "False",
        "the task `migrate-db` does it once; in every web server, it costs seconds at the start and deadlocks on MySQL",
    )


def _capacity(environment: Environment) -> Iterable[Setting]:
    slots = environment.max_slots
    schedulers = environment.scheduler.count
    ahead = math.ceil(slots * QUEUE_AHEAD)
    yield Setting(
        "core",
        "parallelism",
        _text(math.ceil(ahead / schedulers)),
        "per scheduler: all schedulers together fill every slot of the largest fleet and queue one more task per slot; "
        "other tasks stay 'scheduled', so that the broker cannot lose them",
    )
    yield Setting(
        "core",
        "max_active_tasks_per_dag",
        _text(max(16, ahead)),
        "one DAG may use the whole fleet, and queued tasks count too (default: 16 tasks); pools and the DAG's own "
        "limit still apply",
    )
    yield Setting(
        "core",
        "default_pool_task_slot_count",
        _text(max(128, ahead)),
        "the default pool never limits the fleet (default: 128 slots)",
    )
    yield Setting(
        "scheduler",
        "max_tis_per_query",
        _text(min(512, max(16, ahead))),
        "one scheduling loop can fill the fleet (default: 16 tasks per loop); at most 512, to keep row locks short",
    )
    yield Setting(
        "celery",
        "sync_parallelism",
        "1",
        "the scheduler process itself publishes tasks; by default it forks a pool of processes for each batch",
    )
    yield Setting(
        "database",
        "sql_alchemy_pool_size",
        _text(API_CONNECTIONS),
        "an API server handles 40 requests at once; by default it keeps 5 connections, and opens and closes the others "
        "for each request, which takes a fifth of the CPU time of short tasks",
    )
    yield Setting("triggerer", "capacity", _text(environment.triggerer.capacity), "the value of triggerer.capacity")


def _resilience(environment: Environment) -> Iterable[Setting]:
    outage = environment.outage_tolerance_s
    interval = heartbeat_interval_s(environment.max_slots)
    yield Setting(
        "workers",
        "min_heartbeat_interval",
        _text(interval),
        f"with {environment.max_slots} slots, at most {HEARTBEATS_PER_S} heartbeats a second reach the database",
    )
    yield Setting(
        "workers",
        "max_failed_heartbeats",
        _text(math.ceil(outage / interval)),
        f"a running task survives {outage} s without the execution API (default: 3 heartbeats)",
    )
    yield Setting(
        "workers",
        "execution_api_retries",
        _text(outage),
        f"a task retries a call for at least {outage} s: the pause between two attempts is 1 s or more (default: 5 "
        "attempts)",
    )
    yield Setting(
        "execution_api",
        "jwt_expiration_time",
        _text(max(int(STOCK["execution_api", "jwt_expiration_time"]), 5 * (outage + interval + TOKEN_MARGIN_S))),
        f"a token is renewed when a fifth of its lifetime is left, which must be longer than an outage of {outage} s",
    )
    yield Setting(
        "workers",
        "execution_api_retry_wait_max",
        _text(RETRY_WAIT_MAX_S),
        "tasks reach a recovered execution API within seconds (default: 90 s)",
    )
    yield Setting(
        "workers",
        "execution_api_timeout",
        _text(API_TIMEOUT_S),
        "a task waits for a slow response: to retry the call in the meantime only adds load (default: 5 s)",
    )
    for key, name, why in (
        ("sql_alchemy_connect_args", "SYNC", "a statement times out if the database does not respond"),
        ("sql_alchemy_connect_args_async", "ASYNC", "a connection to an unreachable database times out, and TLS works"),
    ):
        yield Setting("database", key, f"tradewind.runtime.database.connections.{name}", f"{why} (default: no limit)")
    yield Setting(
        "scheduler",
        "task_instance_heartbeat_timeout",
        _text(outage + 2 * interval + math.ceil(RETRY_WAIT_MAX_S)),
        f"a task counts as lost only after the longest outage that running tasks survive ({outage} s)",
    )
    yield Setting(
        "scheduler",
        "task_queued_timeout",
        _text(outage + 60),
        "after this time, the scheduler resends a message that the broker lost; the queue is short (parallelism), so "
        "no other task waits that long",
    )
    yield Setting(
        "scheduler",
        "task_queued_timeout_check_interval",
        "15",
        "the scheduler checks for lost messages often (default: 120 s)",
    )
    yield Setting(
        "scheduler",
        "num_stuck_in_queued_retries",
        "1000",
        "the scheduler resends a message as often as needed: a task behind long tasks has not failed (default: 2)",
    )
    yield Setting(
        "scheduler",
        "orphaned_tasks_check_interval",
        "60",
        "another scheduler adopts the tasks of a dead scheduler within a minute (default: 300 s)",
    )
    yield from _celery_resilience(environment)


def _celery_resilience(environment: Environment) -> Iterable[Setting]:
    longest_h = max(worker.max_task_hours for worker in environment.workers.values())
    yield Setting(
        "celery_broker_transport_options",
        "visibility_timeout",
        _text((longest_h + 1) * 3600),
        f"longer than the longest task ({longest_h} h): Redis delivers a task again that is not acknowledged in this "
        "time, and the first copy would be stopped",
    )
    yield Setting(
        "celery",
        "celery_config_options",
        "tradewind.runtime.tasks.celery_config.CONFIG",
        "publishing and results wait while the broker is unavailable, and the scheduler polls results without "
        "subscribing to each",
    )
    queues = sorted({queue for name in environment.workers for queue in environment.queues_of(name)})
    yield Setting(
        "sdk",
        "coordinators",
        json.dumps({"python": {"classpath": "tradewind.runtime.tasks.coordinator.PromptCoordinator"}}),
        "a slot is free when its task's process ends; by default, up to a heartbeat later",
    )
    yield Setting(
        "sdk",
        "queue_to_coordinator",
        json.dumps(dict.fromkeys(queues, "python")),
        "tasks of every queue use this coordinator",
    )
    yield Setting(
        "celery", "task_track_started", "False", "nothing reads it, and it costs a second write for each task"
    )


def _parsing(environment: Environment) -> Iterable[Setting]:
    yield Setting(
        "dag_processor",
        "dag_bundle_config_list",
        json.dumps(
            [{"name": BUNDLE, "classpath": "tradewind.runtime.bundle.release_bundle.ReleaseBundle", "kwargs": {}}]
        ),
        "DAG files come as DAG releases, and a run keeps the release that it started with",
    )
    yield Setting(
        "core",
        "min_serialized_dag_update_interval",
        "0",
        "a changed DAG is stored when it is parsed; by default Airflow waits 30 s, and runs in between get the new "
        "code with the old list of tasks",
    )
    yield Setting(
        "dag_processor",
        "stale_bundle_cleanup_interval",
        "0",
        "Tradewind's bundle limits its own disk space; Airflow's cleanup removes DAG releases that tasks still use",
    )
    yield Setting(
        "dag_processor",
        "parsing_processes",
        _text(max(1, math.ceil(environment.dag_processor.cpu * 2))),
        "two per vCPU: parsing waits for the file system half of the time",
    )


def _own(environment: Environment) -> Iterable[Setting]:
    for path, value in environment.airflow.settings.items():
        section, key = path.split(".", 1)
        yield Setting(section, key, _text(value), "set in tradewind.yaml (airflow.settings)")
