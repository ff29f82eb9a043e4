"""Assemble a controller. This machine and AWS differ in the storage, the worker backend and the receiver of metrics."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradewind.dag_releases.shared_folder import BusyError, SharedFolder
from tradewind.protocol.command_queue import CommandQueue, leadership
from tradewind.runtime.controller.broker_watch import Broker
from tradewind.runtime.controller.dag_commands import DagCommands
from tradewind.runtime.controller.dag_deployment import Deployment, Patience
from tradewind.runtime.controller.dependencies import Dependencies, Stored
from tradewind.runtime.controller.dispatcher import Dispatcher, StoppedError
from tradewind.runtime.controller.leader import Controller, PeriodicTask, stop_on_signals
from tradewind.runtime.controller.metadata import Metadata
from tradewind.runtime.controller.metrics import EVERY_S, measured, now
from tradewind.runtime.controller.waiting import Waiting
from tradewind.runtime.controller.worker_orders import WorkerOrders
from tradewind.runtime.tasks.broker import check
from tradewind.runtime.tasks.control import PATIENCE_S, send
from tradewind.scaling.policy import Bounds, classes
from tradewind.storage.artifacts import ArtifactStore
from tradewind.storage.records import Records
from tradewind.workers.pool import Backend
from tradewind.workers.reconciler import Reconciler, Seen

log = logging.getLogger(__name__)

SCALE_S = 10.0
HASTE_S = 3.0
TIDY_S = 3600.0
BUSY_S = 120.0
"""After a controller is killed, its lock is free only when the file system notices that the process has ended."""


@dataclass(frozen=True)
class ControllerRuntime:
    """The parts of a controller that differ between this machine and AWS.

    ``poll_s``: seconds between two reads of the command queue. ``scale_s`` and ``haste_s``: see ``Reconciler``.
    ``patience_s``: seconds in which workers must reply over the broker. ``tell``: receives metrics. ``stored``: see
    ``Dependencies``. ``remark``: receives notices for the operator, in addition to the log.
    """

    environment: str
    records: Records
    store: ArtifactStore
    backend: Backend
    tell: Callable[[Mapping[str, float]], None]
    poll_s: float
    stored: Stored = lambda _kind, _name: False
    scale_s: float = SCALE_S
    haste_s: float = HASTE_S
    patience_s: float = PATIENCE_S
    bounds: Callable[[], Mapping[str, Bounds]] = dict
    remark: Callable[[Sequence[str]], object] = lambda _remarks: None
    periodic_tasks: tuple[PeriodicTask, ...] = ()


def run(runtime: ControllerRuntime) -> int:
    """Run until SIGTERM. Returns the exit code. Other settings are environment variables (``blueprint.services``)."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stopped = threading.Event()
    stop_on_signals(stopped)
    heartbeat = os.environ.get("TRADEWIND_HEARTBEAT_FILE")
    metadata = Metadata.at(os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"], os.environ["TRADEWIND_BUNDLE"])
    shared = SharedFolder(Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]))

    def sleep(seconds: float) -> None:
        if stopped.wait(seconds):
            raise StoppedError

    deployment = Deployment(shared, metadata, Patience(busy_s=BUSY_S), sleep=sleep)
    dags = DagCommands(deployment, runtime.store, runtime.environment)
    workers = classes(json.loads(os.environ["TRADEWIND_WORKERS"]))
    pools = tuple(every.service for every in workers)
    orders = WorkerOrders(runtime.records, pools, runtime.backend.registered)
    handlers = {**dags.handlers(), **Dependencies(metadata, runtime.stored).handlers(), **orders.handlers()}
    dispatcher = Dispatcher(
        CommandQueue(runtime.records, runtime.environment, poll_s=runtime.poll_s), handlers, stopped
    )
    url = os.environ["AIRFLOW__CELERY__BROKER_URL"]

    def tell_workers(command: str, names: list[str]) -> Mapping[str, Any]:
        return send(command, names, url, runtime.patience_s)

    keeper = Reconciler(
        workers,
        runtime.backend,
        tell_workers,
        metadata.demand,
        orders,
        overrides=runtime.bounds,
        scale_s=runtime.scale_s,
        haste_s=runtime.haste_s,
    )
    waiting = Waiting(metadata, {queue for every in workers for queue in every.queues}, runtime.remark)
    broker = Broker(lambda: check(url), runtime.backend, tell_workers, pools)
    seen: dict[str, Seen] = {}
    periodic_tasks = (
        PeriodicTask("commands", runtime.poll_s, dispatcher.look),
        PeriodicTask("workers", runtime.poll_s, lambda: seen.update(keeper.look() or {})),
        PeriodicTask("tasks that wait forever", runtime.scale_s, waiting.look),
        PeriodicTask("metrics", EVERY_S, lambda: runtime.tell(measured(metadata, broker, seen, now()))),
        PeriodicTask("removal of old DAG releases", TIDY_S, lambda: _tidy(dags)),
        *runtime.periodic_tasks,
    )
    controller = Controller(
        runtime.records,
        leadership(runtime.environment),
        periodic_tasks,
        stopped,
        Path(heartbeat) if heartbeat else None,
    )
    return controller.run()


def _tidy(dags: DagCommands) -> None:
    try:
        removed = dags.tidy()
    except BusyError:
        return  # another process is deploying: try again the next time
    if removed:
        log.info("removed old DAG releases: %s", ", ".join(removed))
