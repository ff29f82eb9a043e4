"""The record of one service: everything that a runtime (this machine or ECS) needs to run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Secret(StrEnum):
    """Secrets that services need. ``tradewind.yaml`` never holds one; each runtime keeps them in its own store.

    The value is the name in that store (Secrets Manager on AWS, a private file on one machine).
    """

    DATABASE_ADMIN = "database-admin"  # URL with the login of the server's administrator.
    DATABASE_URL = "database-url"  # URL of the metadata database, with the login of the user ``airflow``.
    BROKER_URL = "broker-url"  # URL of the broker, for the queues and Celery's results.
    FERNET_KEY = "fernet-key"  # Decrypts connections and variables.
    JWT_SECRET = "jwt-secret"  # noqa: S105 (a name) - signs the tokens of tasks and users
    API_SECRET = "api-secret"  # noqa: S105 (a name) - signs sessions and log requests
    LOGIN_PASSWORD = "login-password"  # noqa: S105 (a name) - the first local administrator
    FLOWER_LOGIN = "flower-login"  # user:password


class Component(StrEnum):
    """The container images, each of which is built, pushed and released as one."""

    WEBSERVER = "webserver"
    SCHEDULER = "scheduler"  # also DAG processor, triggerer, controller and the one-shot tasks
    WORKER = "worker"
    FLOWER = "flower"


class Endpoint(StrEnum):
    """Addresses that only the runtime knows."""

    WEB = "web"  # The address of the UI, for users.
    EXECUTION_API = "execution-api"  # The address of the execution API, for tasks.
    TASK_LOGS = "task-logs"  # The place of task logs, on AWS.
    CONTROLLER = "controller"  # The places of the controller's commands and of workers: JSON on AWS, else a folder.
    CONNECTIONS = "connections"  # The place of connections and variables, on AWS: JSON for Airflow's secrets backend.


class Tier(StrEnum):
    """The part of the network that a service runs in."""

    PUBLIC = "public"
    PRIVATE = "private"
    DATA = "data"


class Exposure(StrEnum):
    """Which clients can reach the port of a service."""

    NONE = "none"  # none: the service only calls others
    INTERNAL = "internal"  # services of the environment
    PUBLIC = "public"  # users, through the load balancer


class Access(StrEnum):
    """The access of a service to something that several services share."""

    NONE = "none"
    READ = "read"
    WRITE = "write"  # and read


class Grant(StrEnum):
    """AWS permissions of the containers of a service. Each is a file of IAM statements beside the environment stack."""

    TASK_LOGS_READ = "task-logs-read"
    TASK_LOGS_WRITE = "task-logs-write"
    CONNECTIONS = "connections"  # read the connections and variables of the environment
    PROTECTION = "protection"  # set its own scale-in protection
    CONTROLLER = "controller"  # read commands, write results, and change the number of workers


class Condition(StrEnum):
    """The state that a dependency must reach before its dependent starts."""

    HEALTHY = "healthy"
    COMPLETED = "completed"  # a one-shot task that succeeded
    STARTED = "started"  # only the stop order matters: the dependency is stopped after its dependents


@dataclass(frozen=True)
class Dependency:
    """A service that must start before its dependent, and stop after it."""

    name: str
    condition: Condition = Condition.HEALTHY


@dataclass(frozen=True)
class HttpCheck:
    """Healthy if GET ``path`` on the service's own port returns 200."""

    path: str


@dataclass(frozen=True)
class JobCheck:
    """Healthy if Airflow's health report shows a heartbeat of this component since it started.

    ``component`` is a key of the body of ``/api/v2/monitor/health``. The status code of the response is no sign of
    health.
    """

    component: str


@dataclass(frozen=True)
class FileCheck:
    """Healthy if the file that the variable ``variable`` names was touched in the last ``max_age_s`` seconds."""

    variable: str
    max_age_s: int


HealthCheck = HttpCheck | JobCheck | FileCheck


@dataclass(frozen=True)
class Port:
    """The port of a service: its default number, and the variables that set another port and the address."""

    number: int
    variable: str
    host_variable: str


@dataclass(frozen=True)
class ScalingRule:
    """The signal that scales the copies between min and max: ``cpu`` (percent), or ``demand`` (our controller)."""

    signal: str
    target: int = 0


@dataclass(frozen=True)
class Counts:
    """Copies of a service; min <= desired <= max."""

    min: int
    desired: int
    max: int

    @classmethod
    def fixed(cls, count: int) -> Counts:
        """Always ``count`` copies."""
        return cls(count, count, count)


@dataclass(frozen=True)
class ScheduledCounts:
    """New limits from a time on; ``cron`` has five fields, in UTC."""

    name: str
    cron: str
    min: int
    max: int


@dataclass(frozen=True)
class Service:
    """One service of an environment.

    ``command`` contains no port, address or secret. These come through variables, so that they appear in no process
    list and each runtime can set its own. ``environment`` has plain values. ``secrets`` and ``endpoints`` map the name
    of a variable to the secret or address that the runtime must put there. ``cpu`` is in vCPU and ``memory_gb`` in GB.
    ``stop_grace_s`` is the time between SIGTERM and SIGKILL, in seconds. ``one_shot``: a one-shot task, which runs to
    its end at every start and release. ``replica_sets`` names the ECS services that share the copies. Workers have
    four, so that a release never touches a busy worker.

    ``path`` is the URL path of an exposed service, and ``sticky`` keeps a browser with one copy. ``log_port`` serves
    live task logs. ``dags`` is the access to the DAG files, ``task_logs`` the access to finished logs. ``connections``
    lets the service look up connections in the runtime's store. ``grants`` are its other AWS permissions
    (``containers.granted`` has all). ``internet``: its own work calls addresses that no VPC endpoint serves.
    ``task_role_policy_arns`` are ARNs of IAM policies that the company adds.

    ``waited_for``: users or tasks wait for it all the time, so it gets priority if services share processors.
    ``without_log_server`` is added to the command if all services share one log folder, so that no service needs to
    serve logs to the others.
    """

    name: str
    component: Component
    command: tuple[str, ...]
    environment: Mapping[str, str]
    cpu: float
    memory_gb: float
    counts: Counts
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    port: Port | None = None
    health: HealthCheck | None = None
    scaling: ScalingRule | None = None
    schedule: tuple[ScheduledCounts, ...] = ()
    exposure: Exposure = Exposure.NONE
    path: str = "/"
    sticky: bool = False
    log_port: int | None = None
    dags: Access = Access.NONE
    task_logs: Access = Access.NONE
    connections: bool = False
    grants: tuple[Grant, ...] = ()
    internet: bool = False
    task_role_policy_arns: tuple[str, ...] = ()
    stop_grace_s: int = 30
    dependencies: tuple[Dependency, ...] = ()
    queues: tuple[str, ...] = ()
    slots: int = 0
    spot: bool = False
    one_shot: bool = False
    replica_sets: tuple[str, ...] = ("a",)
    waited_for: bool = False
    without_log_server: tuple[str, ...] = ()
