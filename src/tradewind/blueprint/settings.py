"""``airflow_settings(environment)``: every Airflow setting that differs from stock, with its reason."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass

from tradewind.config import Environment

HEARTBEATS_PER_S = 500
"""Task heartbeats a second that an environment may cause: each is one call of the execution API and one write to
the metadata database, which the scheduler needs too."""

BUNDLE = "dags"
"""What Airflow calls the DAG files: the name of the bundle that serves releases of them."""

QUEUE_AHEAD = 2
"""Tasks handed to the broker per slot: enough that a freed slot need not wait for the scheduler's next loop, which may
be a second away (scheduler_idle_sleep_time)."""

API_CONNECTIONS = 30
"""Database connections that a process keeps. With Airflow's overflow of 10 it is the 40 threads that answer requests
(anyio's limit). Only API servers use as many; RDS allows about 340 on 4 GB (memory / 12,582,880 bytes)."""

API_TIMEOUT_S = 30
"""How long a task waits for one answer of the execution API before it asks again. Stock waits 5 s."""
RETRY_WAIT_MAX_S = 5.0
"""The longest pause between two tries of a task to reach the execution API: what recovers in a second is
noticed in seconds. Stock's 90 s leaves a slot idle for up to a minute and a half."""

TOKEN_MARGIN_S = 60
"""A task that is busy asks for nothing between two heartbeats, and is renewed with the first one after an outage."""

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
"""Airflow's own values of what is derived here (config_templates/config.yml of 3.3): an environment of just the right
size has nothing to set."""


@dataclass(frozen=True)
class Setting:
    """One Airflow setting: ``[section] key = value``, and why it is not left as it comes."""

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

    The environment's own ``airflow.settings`` win.
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
        "tasks run on a fleet of workers, and wait for a broker that is away",
    )
    yield Setting(
        "core",
        "auth_manager",
        "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "people with roles, from an identity provider; stock's manager is for demonstrations",
    )
    yield Setting("core", "load_examples", "False", "only what the team wrote")
    yield Setting(
        "fab",
        "update_fab_perms",
        "False",
        "migrate does it once; every web server doing it at its start costs seconds and deadlocks on MySQL",
    )


def _capacity(environment: Environment) -> Iterable[Setting]:
    slots = environment.max_slots
    schedulers = environment.scheduler.count
    ahead = math.ceil(slots * QUEUE_AHEAD)
    yield Setting(
        "core",
        "parallelism",
        _text(math.ceil(ahead / schedulers)),
        "per scheduler: together they keep every slot of the largest fleet busy and queue one task more for each; what "
        "waits beyond stays 'scheduled', where a broker cannot lose it",
    )
    yield Setting(
        "core",
        "max_active_tasks_per_dag",
        _text(max(16, ahead)),
        "one DAG may use the whole fleet, and what is queued counts too (stock: 16 tasks); pools and the DAG's own "
        "limit still hold",
    )
    yield Setting(
        "core",
        "default_pool_task_slot_count",
        _text(max(128, ahead)),
        "the default pool never caps a fleet larger than stock's 128",
    )
    yield Setting(
        "scheduler",
        "max_tis_per_query",
        _text(min(512, max(16, ahead))),
        "one scheduling loop can fill the fleet (stock: 16 tasks a loop); at most 512, to keep row locks short",
    )
    yield Setting(
        "celery",
        "sync_parallelism",
        "1",
        "tasks are published from the scheduler itself; stock forks a pool of processes for each batch",
    )
    yield Setting(
        "database",
        "sql_alchemy_pool_size",
        _text(API_CONNECTIONS),
        "an API server answers 40 requests at once; stock keeps 5 connections, and opens and closes the others around "
        "each request, which takes a fifth of all CPU of short tasks",
    )
    yield Setting("triggerer", "capacity", _text(environment.triggerer.capacity), "as many triggers as the file says")


def _resilience(environment: Environment) -> Iterable[Setting]:
    outage = environment.outage_tolerance_s
    interval = heartbeat_interval_s(environment.max_slots)
    yield Setting(
        "workers",
        "min_heartbeat_interval",
        _text(interval),
        f"at {environment.max_slots} slots at most {HEARTBEATS_PER_S} heartbeats a second reach the database",
    )
    yield Setting(
        "workers",
        "max_failed_heartbeats",
        _text(math.ceil(outage / interval)),
        f"a running task survives {outage} s without the execution API (stock: 3 heartbeats)",
    )
    yield Setting(
        "workers",
        "execution_api_retries",
        _text(outage),
        f"calls of a task are repeated for at least {outage} s: the pause between two tries is 1 s or more (stock: 5 "
        "tries)",
    )
    yield Setting(
        "execution_api",
        "jwt_expiration_time",
        _text(max(int(STOCK["execution_api", "jwt_expiration_time"]), 5 * (outage + interval + TOKEN_MARGIN_S))),
        f"a token is renewed when a fifth of its life is left, which must be longer than an outage of {outage} s",
    )
    yield Setting("workers", "execution_api_retry_wait_max", _text(RETRY_WAIT_MAX_S), "come back within seconds")
    yield Setting(
        "workers",
        "execution_api_timeout",
        _text(API_TIMEOUT_S),
        "a late answer is waited for: a call that is made again meanwhile is work for nothing (stock: 5 s)",
    )
    for key, name, why in (
        ("sql_alchemy_connect_args", "SYNC", "a database that takes a statement and does not answer is given up"),
        ("sql_alchemy_connect_args_async", "ASYNC", "a database that cannot be reached is given up, and TLS works"),
    ):
        yield Setting("database", key, f"tradewind.runtime.database.connections.{name}", f"{why} (stock: has no limit)")
    yield Setting(
        "scheduler",
        "task_instance_heartbeat_timeout",
        _text(outage + 2 * interval + math.ceil(RETRY_WAIT_MAX_S)),
        f"a task counts as lost after the longest outage that running tasks survive ({outage} s), not before",
    )
    yield Setting(
        "scheduler",
        "task_queued_timeout",
        _text(outage + 60),
        "a message that the broker lost is sent again after this; the queue is kept short (parallelism), so nothing "
        "else waits that long",
    )
    yield Setting(
        "scheduler", "task_queued_timeout_check_interval", "15", "look for lost messages often (stock: 120 s)"
    )
    yield Setting(
        "scheduler",
        "num_stuck_in_queued_retries",
        "1000",
        "send again as often as it takes: waiting behind long tasks is no failure (stock gives up after 2)",
    )
    yield Setting(
        "scheduler",
        "orphaned_tasks_check_interval",
        "60",
        "tasks of a scheduler that died are adopted within a minute (stock: 300 s)",
    )
    yield from _celery_resilience(environment)


def _celery_resilience(environment: Environment) -> Iterable[Setting]:
    longest_h = max(worker.longest_task_hours for worker in environment.workers.values())
    yield Setting(
        "celery_broker_transport_options",
        "visibility_timeout",
        _text((longest_h + 1) * 3600),
        f"above the longest task ({longest_h} h): Redis hands out again what is not acknowledged within it, and the "
        "first copy would be ended",
    )
    yield Setting(
        "celery",
        "celery_config_options",
        "tradewind.runtime.tasks.celery_config.CONFIG",
        "publishing and results wait for the broker, and the scheduler polls results without subscribing to each",
    )
    queues = sorted({queue for name in environment.workers for queue in environment.queues_of(name)})
    yield Setting(
        "sdk",
        "coordinators",
        json.dumps({"python": {"classpath": "tradewind.runtime.tasks.coordinator.PromptCoordinator"}}),
        "a slot is free when its task's process ends; stock notices up to a heartbeat later",
    )
    yield Setting(
        "sdk", "queue_to_coordinator", json.dumps(dict.fromkeys(queues, "python")), "tasks of every queue run that way"
    )
    yield Setting("celery", "task_track_started", "False", "nothing reads it; a second write of a result for each task")


def _parsing(environment: Environment) -> Iterable[Setting]:
    yield Setting(
        "dag_processor",
        "dag_bundle_config_list",
        json.dumps(
            [{"name": BUNDLE, "classpath": "tradewind.runtime.bundle.release_bundle.ReleaseBundle", "kwargs": {}}]
        ),
        "DAG files come in releases, and a run keeps the one that it started with",
    )
    yield Setting(
        "core",
        "min_serialized_dag_update_interval",
        "0",
        "what a release changes is stored when it is parsed; stock waits 30 s, and runs in between get the new code "
        "with the old list of tasks",
    )
    yield Setting(
        "dag_processor",
        "stale_bundle_cleanup_interval",
        "0",
        "our bundle keeps its disk bounded itself; Airflow's cleaner removes releases that tasks still use",
    )
    yield Setting(
        "dag_processor",
        "parsing_processes",
        _text(max(1, math.ceil(environment.dag_processor.cpu * 2))),
        "two per vCPU: parsing waits for the file system half of its time",
    )


def _own(environment: Environment) -> Iterable[Setting]:
    for path, value in environment.airflow.settings.items():
        section, key = path.split(".", 1)
        yield Setting(section, key, _text(value), "set in the file (airflow.settings)")
