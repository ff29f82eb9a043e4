"""Celery's configuration: Airflow's, and options without an Airflow setting (``[celery] celery_config_options``)."""

from __future__ import annotations

from typing import Any

from airflow.configuration import conf
from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG

from tradewind.runtime.tasks.broker import CHECK_S, LIMITS, TIMEOUT_S

CONFIG: dict[str, Any] = {
    **DEFAULT_CELERY_CONFIG,
    # A worker waits for the broker without a limit. A broker that was demoted, or is full, refuses commands. Celery
    # treats such an error as its own, which would end the worker.
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_channel_error_retry": True,
    "broker_transport_options": {**LIMITS, **DEFAULT_CELERY_CONFIG["broker_transport_options"]},
    "redis_socket_timeout": TIMEOUT_S,
    "redis_socket_connect_timeout": TIMEOUT_S,
    "redis_socket_keepalive": True,
    "redis_backend_health_check_interval": CHECK_S,
    # Within Airflow's limit of one second for each message. A message that fails stays in the scheduler (`executor`).
    "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0.1, "interval_max": 0.1},
    # A worker keeps a result until the broker takes it: without the result, the scheduler counts the task as running.
    "result_backend_transport_options": {
        "retry_policy": {"max_retries": None, "interval_start": 1, "interval_max": 1},
        **DEFAULT_CELERY_CONFIG["result_backend_transport_options"],
    },
    "override_backends": dict.fromkeys(("redis", "rediss"), "tradewind.runtime.tasks.results:PolledResults"),
    # The team's own options override these, as for every other setting.
    **conf.getjson("celery", "extra_celery_config", fallback={}),
}
