"""The record of one service: everything that a home (one machine, ECS) needs to run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Secret(StrEnum):
    """Secrets that services need. The file never holds one; each home keeps them in its own store.

    The value is the name in that store (Secrets Manager on AWS, a private file on one machine).
    """

    DATABASE_ADMIN = "database-admin"  # the server's own administrator; a URL
    DATABASE_URL = "database-url"  # the metadata database as the user ``airflow``
    BROKER_URL = "broker-url"  # the queue, and Celery's results
    FERNET_KEY = "fernet-key"  # decrypts connections and variables
    JWT_SECRET = "jwt-secret"  # noqa: S105 (a name) - signs the tokens of tasks and people
    API_SECRET = "api-secret"  # noqa: S105 (a name) - signs sessions and requests for logs
    LOGIN_PASSWORD = "login-password"  # noqa: S105 (a name) - the first administrator, where no identity provider is
    FLOWER_LOGIN = "flower-login"  # user:password


class Component(StrEnum):
    """The images: what is built, pushed and released as one."""

    WEBSERVER = "webserver"
    SCHEDULER = "scheduler"  # and everything else that works on the metadata database
    WORKER = "worker"
    FLOWER = "flower"


class Endpoint(StrEnum):
    """Addresses that only the home knows."""

    WEB = "web"  # what people type into a browser
    EXECUTION_API = "execution-api"  # what tasks call
    TASK_LOGS = "task-logs"  # where the logs of tasks are kept, on AWS
    CONTROLLER = "controller"  # where the controller finds its commands, and the workers: JSON on AWS, a folder here
    CONNECTIONS = "connections"  # where connections and variables are looked up, on AWS: JSON for Airflow's backend


class Tier(StrEnum):
    """The part of the network that a service lives in."""

    PUBLIC = "public"
    PRIVATE = "private"
    DATA = "data"


class Exposure(StrEnum):
    """Who can reach the port of a service."""

    NONE = "none"  # nobody: it only calls others
    INTERNAL = "internal"  # services of the environment
    PUBLIC = "public"  # people, through the load balancer


class Access(StrEnum):
    """What a service may do with something that several share."""

    NONE = "none"
    READ = "read"
    WRITE = "write"  # and read


class Grant(StrEnum):
    """What the containers of a service may do in AWS. Each is a file of statements beside the stack of environments."""

    TASK_LOGS_READ = "task-logs-read"
    TASK_LOGS_WRITE = "task-logs-write"
    CONNECTIONS = "connections"  # read the connections and variables of the environment
    PROTECTION = "protection"  # protect itself from being stopped
    CONTROLLER = "controller"  # read what it is asked, answer, and change how many workers there are


class Condition(StrEnum):
    """What a dependency must have reached before the dependent starts."""

    HEALTHY = "healthy"
    COMPLETED = "completed"  # a one-off that ended well
    STARTED = "started"  # only the order of stopping matters: it is stopped after its dependents


@dataclass(frozen=True)
class Dependency:
    """A service that must be there first, and that stops last."""

    name: str
    condition: Condition = Condition.HEALTHY


@dataclass(frozen=True)
class HttpCheck:
    """Healthy when GET ``path`` on the service's own port answers 200."""

    path: str


@dataclass(frozen=True)
class JobCheck:
    """Healthy when Airflow's health report shows a heartbeat of this component since it started.

    ``component`` is a key of the body of ``/api/v2/monitor/health``; the answer's status code says nothing.
    """

    component: str


@dataclass(frozen=True)
class FileCheck:
    """Healthy while the file that the variable ``variable`` names was touched within ``max_age_s`` seconds."""

    variable: str
    max_age_s: int


HealthCheck = HttpCheck | JobCheck | FileCheck


@dataclass(frozen=True)
class Port:
    """The port of a service: its usual number, and the variables that tell it another one, and on which address."""

    number: int
    variable: str
    host_variable: str


@dataclass(frozen=True)
class ScalingRule:
    """What moves the number of copies between min and max: ``cpu`` (percent), or ``demand`` (our controller)."""

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

    ``command`` has no port, address or secret in it: those come through variables, so that they appear in no process
    list and each home can set its own. ``environment`` holds plain values; ``secrets`` and ``endpoints`` map the name
    of a variable to what the home must put there. ``cpu`` is in vCPU, ``memory_gb`` in GB, ``stop_grace_s`` in seconds
    between SIGTERM and SIGKILL. A ``one_off`` runs to its end at every start and release. ``replica_sets`` names the
    ECS services that share the copies: workers have four, so that a release never touches a busy one.
    ``path`` is where a service that can be reached answers, and ``sticky`` keeps a browser with one copy.
    ``log_port`` serves live task logs. ``dags`` is its access to the DAG files, ``task_logs`` to finished logs;
    ``connections`` lets it look connections up in the home's store; ``grants`` is what else it may do in AWS
    (``containers.granted`` has all); ``internet`` says that its own work calls
    addresses that no endpoint of the network leads to. ``policies`` are ARNs of IAM policies that the company adds.
    ``waited_for``: people or tasks wait for it all the time, so it goes first where services share processors.
    ``without_log_server`` is added to the command where all services share one log folder, so that nobody needs to
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
    policies: tuple[str, ...] = ()
    stop_grace_s: int = 30
    dependencies: tuple[Dependency, ...] = ()
    queues: tuple[str, ...] = ()
    slots: int = 0
    spot: bool = False
    one_off: bool = False
    replica_sets: tuple[str, ...] = ("a",)
    waited_for: bool = False
    without_log_server: tuple[str, ...] = ()
