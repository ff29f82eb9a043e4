"""Start one Celery worker of Airflow: ``python -m tradewind.runtime.tasks.worker --queues default --slots 16``.

It differs from ``airflow celery worker`` in these points, for large fleets:

- It starts in half the time. It exchanges no messages with the other workers, which in a large fleet is a broadcast to
  all of them. It does not check whether its name is taken.
- It proves with a file that it works (`alive`), because a query over the broker costs seconds of CPU.
- It waits for an unavailable broker without a limit, and keeps its tasks (`celery_config`, `consumer`).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import socket
import sys
import urllib.request
from multiprocessing import Process
from pathlib import Path
from typing import Any

from tradewind.runtime.tasks import repeated_calls
from tradewind.runtime.tasks.alive import Alive
from tradewind.runtime.tasks.broker import limit_retries
from tradewind.runtime.tasks.consumer import consumer, turn_step

METADATA_TIMEOUT_S = 5.0

PRELOADED = (
    "airflow.dag_processing.bundles.local",
    "airflow.dag_processing.dagbag",
    "airflow.providers.standard.decorators.python",
    "airflow.providers.standard.operators.bash",
    "airflow.providers.standard.triggers.temporal",
    "airflow.sdk.definitions.asset.metadata",
    "airflow.sdk.definitions.decorators",
    "airflow.sdk.execution_time.coordinator",
    "airflow.sdk.execution_time.request_handlers",
    "airflow.sdk.execution_time.schema.migrator",
    "airflow.sdk.execution_time.supervisor",
    "airflow.serialization.serialized_objects",
    "encodings.idna",
)
"""The modules that every task imports. A task runs in a fork of a fork of the worker. A module that is not imported
here is imported anew for each task, and by each process of the pool before its first task (seconds)."""


def arguments(argv: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tradewind.runtime.tasks.worker", description="Start one Celery worker."
    )
    parser.add_argument("--queues", required=True, help="the queues to take tasks from, separated by commas")
    parser.add_argument("--slots", required=True, type=int, help="how many tasks to run at the same time")
    parser.add_argument("--skip-serve-logs", action="store_true", help="do not serve logs: the folder is shared")
    return parser.parse_args(argv)


def protection_step(uri: str) -> type[Any]:
    """Return a Celery consumer step that lets this worker take tasks only while ECS protects it (``protection``)."""
    from celery import bootsteps

    from tradewind.runtime.tasks import cordon, protection

    guard = protection.Guard(protection.EcsAgent(uri))
    current: list[Any] = []

    def may_take(answer: bool) -> None:
        consumer = current[-1]
        # Consumers are not thread-safe: the consumer calls this in its own loop.
        consumer.call_soon(cordon.let_go if answer else cordon.hold, consumer, cordon.UNPROTECTED)

    def duty() -> tuple[bool, int, bool]:
        return cordon.is_cordoned(), cordon.tasks(), cordon.is_held(cordon.UNPROTECTED)

    class Protected(bootsteps.StartStopStep):  # type: ignore[misc]
        requires = ("celery.worker.consumer.tasks:Tasks",)

        def start(self, consumer: Any) -> None:
            first = not current
            current[:] = [consumer]
            if not guard.confirmed:
                cordon.hold(consumer, cordon.UNPROTECTED)
            if first:
                protection.watch(guard, duty, may_take)

    return Protected


def preload() -> None:
    """Import the modules that tasks need, once for all tasks. Tasks do not need modules that this Airflow lacks."""
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def main(argv: list[str] | None = None) -> None:
    """Run the worker until SIGTERM, which lets running tasks finish."""
    options = arguments(sys.argv[1:] if argv is None else argv)
    from airflow.configuration import conf
    from airflow.providers.celery.executors.celery_executor_utils import app
    from airflow.sdk.log import configure_logging

    configure_logging(output=sys.stdout.buffer, json_output=conf.getboolean("logging", "json_logs", fallback=False))
    heartbeat = os.environ.get("TRADEWIND_HEARTBEAT_FILE", os.devnull)
    alive = Alive(Path(heartbeat), options.slots)
    limit_retries(app)
    app.conf.worker_consumer = consumer(alive.on_iteration)
    app.steps["consumer"].add(turn_step(alive.on_iteration))
    importlib.import_module("tradewind.runtime.tasks.cordon")  # registers its commands
    if uri := os.environ.get("ECS_AGENT_URI"):
        app.steps["consumer"].add(protection_step(uri))
    preload()
    repeated_calls.tolerate()
    log_server = None if options.skip_serve_logs else _serve_logs()
    name = os.environ.get("TRADEWIND_INSTANCE") or _ecs_task() or socket.gethostname()
    try:
        app.worker_main(
            [
                "worker",
                "--optimization=fair",
                f"--queues={options.queues}",
                f"--concurrency={options.slots}",
                f"--hostname=celery@{name}",
                "--loglevel=" + conf.get("logging", "logging_level"),
                "--without-mingle",
                "--without-gossip",
            ]
        )
    finally:
        if log_server:
            log_server.terminate()


def _ecs_task() -> str | None:
    """Return the id of this ECS task, which is the worker's name in releases; None elsewhere.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
    """
    uri = os.environ.get("ECS_CONTAINER_METADATA_URI_V4")
    if not uri:
        return None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a link-local address
    with opener.open(f"{uri}/task", timeout=METADATA_TIMEOUT_S) as answer:
        return str(json.load(answer)["TaskARN"]).rpartition("/")[2]


def _serve_logs() -> Process:
    from airflow.utils.serve_logs import serve_logs

    process = Process(target=serve_logs, daemon=True)
    process.start()
    return process


if __name__ == "__main__":
    main()
