"""Celery's configuration: Airflow's own, and what Airflow has no setting for (``[celery] celery_config_options``)."""

from __future__ import annotations

from typing import Any

from airflow.configuration import conf
from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG

CONFIG: dict[str, Any] = {
    **DEFAULT_CELERY_CONFIG,
    # A refused connection is tried again until Airflow's own limit of a second ends the try, and Airflow tries
    # task_publish_max_retries times. Celery's own limit would fail the task.
    "task_publish_retry_policy": {"max_retries": None, "interval_start": 0.1, "interval_max": 0.5},
    # A worker keeps a result for as long as a scheduler keeps a task, about once a second.
    "result_backend_transport_options": {
        "retry_policy": {
            "max_retries": conf.getint("celery", "task_publish_max_retries"),
            "interval_start": 1,
            "interval_max": 1,
        },
        **DEFAULT_CELERY_CONFIG["result_backend_transport_options"],
    },
    "override_backends": dict.fromkeys(("redis", "rediss"), "tradewind.fleet.results:PolledResults"),
    # What the team set wins, as for every other setting.
    **conf.getjson("celery", "extra_celery_config", fallback={}),
}
