"""What AWS adds to the services: paths in the images, kernel limits, places of logs and variables. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tradewind.blueprint.service import Access, Component, Endpoint, FileCheck, Grant, HttpCheck, Service

WORK = "/opt/airflow/work"
"""The only folder, besides /tmp, that a container may write to. It is deleted with the ECS task."""

DAGS = "/opt/airflow/dags"
"""The mount point of the shared file system with DAG releases."""

UNPACKED = f"{WORK}/dags"
"""The folder in which a container unpacks the DAG releases that it uses."""

HEARTBEAT_FILE = "/tmp/heartbeat"  # noqa: S108 (a container's own)

KERNEL: Mapping[str, str] = {
    "net.ipv4.tcp_retries2": "5",
    "net.ipv4.tcp_keepalive_time": "10",
    "net.ipv4.tcp_keepalive_intvl": "3",
    "net.ipv4.tcp_keepalive_probes": "3",
}
"""A lost zone does not close its connections, and most drivers have no timeout for that. So the kernel of a container
ends a connection if the other side has acknowledged nothing for 13 s (six pauses: the first takes 200 ms, each next one
is twice as long). If this side only waits, the limit is 19 s. The defaults of Linux are 15 minutes and 2 hours.
https://docs.kernel.org/networking/ip-sysctl.html,
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_SystemControl.html"""

_FETCH = (
    "import sys,urllib.request as r;"
    "sys.exit(r.build_opener(r.ProxyHandler({})).open(sys.argv[1],timeout=8).status!=200)"
)


def on_aws(service: Service) -> Service:
    """The service as it runs on ECS: the same record, with the AWS-specific settings filled in."""
    environment = dict(service.environment)
    endpoints = dict(service.endpoints)
    if service.port:
        environment[service.port.variable] = str(service.port.number)
    if isinstance(service.health, FileCheck):
        environment[service.health.variable] = HEARTBEAT_FILE
    if service.component is not Component.FLOWER:
        environment["AIRFLOW_HOME"] = WORK
        environment["AIRFLOW__LOGGING__BASE_LOG_FOLDER"] = f"{WORK}/logs"
        environment["AIRFLOW__CORE__DAGS_FOLDER"] = DAGS
        environment["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH"] = UNPACKED
    if service.task_logs is not Access.NONE:
        environment["AIRFLOW__LOGGING__REMOTE_LOGGING"] = "True"
        endpoints["AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER"] = Endpoint.TASK_LOGS
    if service.connections:
        environment["AIRFLOW__SECRETS__BACKEND"] = (
            "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
        )
        endpoints["AIRFLOW__SECRETS__BACKEND_KWARGS"] = Endpoint.CONNECTIONS
    return replace(service, environment=environment, endpoints=endpoints)


def granted(service: Service) -> tuple[Grant, ...]:
    """All AWS permissions of the containers of a service, as grants."""
    logs = {Access.NONE: (), Access.READ: (Grant.TASK_LOGS_READ,), Access.WRITE: (Grant.TASK_LOGS_WRITE,)}
    connections = (Grant.CONNECTIONS,) if service.connections else ()
    return (*logs[service.task_logs], *connections, *service.grants)


def health_command(service: Service) -> tuple[str, ...] | None:
    """The command with which ECS checks the health of a container, or None if ECS only checks that it runs.

    It starts neither Airflow nor Celery: a probe that imports them costs seconds of CPU (5 s: ``celery inspect ping``,
    docs/decisions/0006-worker-entry.md). A ``JobCheck`` needs Airflow's health report, which web serves. It raises an
    alarm, and ECS does not stop the container: while web is down, no other service must be restarted.
    """
    match service.health:
        case HttpCheck(path) if service.port:
            return ("python", "-I", "-S", "-c", _FETCH, f"http://127.0.0.1:{service.port.number}{path}")
        case FileCheck(_, max_age_s):
            return ("sh", "-c", f"test -n \"$(find {HEARTBEAT_FILE} -newermt '-{max_age_s} seconds')\"")
    return None
