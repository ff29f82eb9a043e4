"""From the configuration to the processes of one machine: the same services as on AWS, one small copy of each."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from tradewind.blueprint import (
    Component,
    Condition,
    Endpoint,
    Exposure,
    FileCheck,
    HttpCheck,
    JobCheck,
    Secret,
    Service,
    services,
)
from tradewind.config import Environment, FixedService, Identity, Local, ScalingService, Tradewind
from tradewind.local import balancer, ports, servers
from tradewind.local import secrets as secret_store
from tradewind.local.paths import StateDirectory
from tradewind.local.ports import HOST, PortRequest
from tradewind.local.probes import FileProbe, HttpProbe, JobProbe, Probe
from tradewind.local.process import HOME_VARIABLE, INSTANCE_VARIABLE, ProcessSpec
from tradewind.local.runtime import Containers, Places, Programs, Runtime
from tradewind.local.templates import KINDS, Template, no_template
from tradewind.runtime.database.schema import packages

BACKGROUND_NICE = 10
"""Niceness of all services except those that others wait for (``Service.waited_for``). Web takes longest to start, and
uses one core. With lower priority for the others, both cores are busy until all have started. Later, web serves users
and tasks, and the scheduler assigns work, while the tasks keep the machine busy. Database and broker also have a higher
priority."""

HOST_PROGRAMS = {"controller": ("python", "-m", "tradewind.local.controller")}
"""Services that always run as programs, and their commands: containers have no access to the supervisor's socket."""

# Other variables of a developer's shell (AIRFLOW__..., PYTHONPATH) would make this platform differ from others.
_DROPPED = ("AIRFLOW__", "AIRFLOW_HOME", "AIRFLOW_CONFIG", "CELERY_", "FLOWER_", "PYTHON", "TRADEWIND_")


_CONSTANT = {
    "PYTHONUNBUFFERED": "1",
    # Process titles must not overwrite the environment, which has the mark of the platform.
    "SPT_NOENV": "1",
}


@dataclass(frozen=True)
class Plan:
    """The processes that ``tradewind up`` will run, with the DAG files of the folder ``dags``.

    ``login`` and ``flower_login`` are user and password. ``instance`` makes one more process of a service from the name
    of the service, its number (None: the only process) and the image (empty for programs). ``balanced`` has the
    services behind the load balancer. The next new database of this kind is a copy of ``template``. ``common`` is the
    environment of Airflow's programs without their secrets; it is empty for containers.
    """

    state_dir: StateDirectory
    environment: Environment
    dags: Path
    specs: tuple[ProcessSpec, ...]
    web_url: str
    flower_url: str
    login: tuple[str, str]
    flower_login: tuple[str, str]
    remarks: tuple[str, ...]
    runtime: Runtime
    images: Mapping[Component, str]
    services: Mapping[str, Service]
    instance: Callable[[str, int | None, str], ProcessSpec]
    balanced: frozenset[str] = frozenset()
    template: Template | None = None
    common: Mapping[str, str] = field(default_factory=dict)


def resize(environment: Environment, local: Local) -> Environment:
    """Return the environment for one machine: its settings and queues, one copy of each service, small workers."""
    queues = tuple(queue for name in environment.workers for queue in environment.queues_of(name))
    longest = max(worker.max_task_hours for worker in environment.workers.values())

    def few(service: ScalingService | FixedService, count: int = 1, **other: object) -> ScalingService | FixedService:
        counts = {"min": count, "desired": None, "max": count} if isinstance(service, ScalingService) else {"count": 1}
        return service.model_copy(update={**counts, **other})

    sized: dict[str, ScalingService | FixedService] = {**environment.fixed_services, **environment.scaling_services}
    worker = next(iter(environment.workers.values())).model_copy(
        update={
            "queues": queues,
            "slots": local.slots,
            "min": local.workers,
            "desired": None,
            "max": max(local.workers, local.max_workers or 0),
            "max_task_hours": longest,
        }
    )
    return environment.model_copy(
        update={
            **{name: few(service) for name, service in sized.items()},
            "web": few(environment.web, local.web),
            "execution_api": few(environment.execution_api, separate=False),
            "dag_processor": few(environment.dag_processor, cpu=1),
            "availability": "standard",
            "identity": Identity(),
            "workers": {"default": worker},
            "outage_tolerance_s": local.outage_tolerance_s,
        }
    )


def plan(
    tradewind: Tradewind,
    environment: Environment,
    state_dir: StateDirectory,
    dags: Path,
    reserve: Callable[[int], bool] = lambda _: True,
    images: Mapping[Component, str] | None = None,
) -> Plan:
    """Plan all processes for ``environment`` in ``state_dir`` with the DAG files of ``dags``.

    The function chooses ports (``reserve``: see ``ports.choose``), and makes secrets and a database if there are none
    yet. With ``images`` the services run as containers of these images, otherwise as programs of this virtual
    environment.

    Raises:
        TradewindError: a port that the configuration fixes is in use, a server is missing, a database cannot be made.
    """
    local = tradewind.local
    small = resize(environment, local)
    state_dir.create()
    kept = secret_store.load(state_dir.secrets)
    wanted = {service.name: service for service in services(small)}
    balanced = _balanced(local, wanted, containers=bool(images))
    chosen = ports.choose(_wishes(local, wanted, balanced), state_dir.ports, reserve)
    base = _inherited(state_dir)
    database_place = servers.Place(state_dir, chosen.numbers["database"], kept, {**base, INSTANCE_VARIABLE: "database"})
    broker_place = servers.Place(state_dir, chosen.numbers["broker"], kept, {**base, INSTANCE_VARIABLE: "broker"})
    template = None if images else Template.of(local.database, {**base, **wanted["migrate-db"].environment})
    database = KINDS[local.database](database_place, template.unpack if template else no_template)
    programs = Programs(state_dir, _versions())
    runtime = Containers(state_dir) if images else programs
    secret_values = _secret_values(kept, database, broker_place)
    another = partial(ports.another, reserve)
    builder = _Builder(state_dir, dict(chosen.numbers), base, runtime, programs, secret_values, another, balanced)
    return Plan(
        state_dir=state_dir,
        environment=small,
        dags=dags,
        specs=(
            database.spec,
            servers.broker(broker_place, local.broker_persistence),
            *_load_balancer(state_dir, balanced, wanted, chosen.numbers, base),
            *builder.specs(wanted.values(), images or {}),
        ),
        web_url=address(wanted["web"], chosen.numbers),
        flower_url=address(wanted["flower"], chosen.numbers),
        login=("admin", kept["login"]),
        flower_login=("admin", kept["flower"]),
        remarks=chosen.remarks,
        runtime=runtime,
        images=images or {},
        services=wanted,
        instance=lambda name, number, image: builder.spec(wanted[name], number, image),
        balanced=balanced,
        template=template,
        common={} if images else builder.without_secrets(wanted["migrate-db"]),
    )


def address(service: Service, numbers: Mapping[str, int]) -> str:
    """Return the URL of a public service on this machine."""
    path = "" if service.path == "/" else f"{service.path}/"
    return f"http://{HOST}:{numbers[service.name]}{path}"


def _balanced(local: Local, wanted: Mapping[str, Service], *, containers: bool) -> frozenset[str]:
    """Return the services behind the load balancer: all public ones, if rollouts replace them or web has copies."""
    if local.web == 1 and not (containers and balancer.program()):
        return frozenset()
    return frozenset(name for name, service in wanted.items() if service.exposure is Exposure.PUBLIC)


def _load_balancer(
    state_dir: StateDirectory,
    balanced: frozenset[str],
    wanted: Mapping[str, Service],
    numbers: Mapping[str, int],
    base: Mapping[str, str],
) -> list[ProcessSpec]:
    if not balanced:
        return []
    entries = tuple(
        balancer.Balanced(service, numbers[name], tuple(numbers[f"{name}-{n}"] for n in range(1, balancer.PLACES + 1)))
        for name, service in wanted.items()
        if name in balanced
    )
    return [balancer.spec(state_dir, entries, {**base, INSTANCE_VARIABLE: balancer.NAME})]


def _wishes(local: Local, wanted: Mapping[str, Service], balanced: frozenset[str]) -> list[PortRequest]:
    places = [PortRequest(f"{name}-{number}") for name in sorted(balanced) for number in range(1, balancer.PLACES + 1)]
    fixed = local.ports.model_dump()
    own = [
        PortRequest(name, service.port.number, fixed.get(name), f"local.ports.{name}")
        for name, service in wanted.items()
        if service.port
    ]
    return [*places, *own, PortRequest("database"), PortRequest("broker")]


def _secret_values(kept: Mapping[str, str], database: servers.Database, broker: servers.Place) -> dict[Secret, str]:
    return {
        Secret.DATABASE_ADMIN: database.admin_url,
        Secret.DATABASE_URL: database.airflow_url,
        Secret.BROKER_URL: servers.broker_url(broker),
        Secret.FERNET_KEY: kept["fernet"],
        Secret.JWT_SECRET: kept["jwt"],
        Secret.API_SECRET: kept["api"],
        Secret.LOGIN_PASSWORD: kept["login"],
        Secret.FLOWER_LOGIN: f"admin:{kept['flower']}",
    }


def _inherited(state_dir: StateDirectory) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    programs = Path(sys.executable).parent
    return {
        **env,
        "PATH": os.pathsep.join([str(programs), env.get("PATH", os.defpath)]),
        **_CONSTANT,
        HOME_VARIABLE: str(state_dir.root),
    }


@dataclass
class _Builder:
    """Turns services into processes of this platform."""

    state_dir: StateDirectory
    ports: dict[str, int]
    base: Mapping[str, str]
    runtime: Runtime
    programs: Programs
    secrets: Mapping[Secret, str]
    another_port: Callable[[], int]
    balanced: frozenset[str]

    @property
    def endpoints(self) -> dict[Endpoint, str]:
        web = f"http://{HOST}:{self.ports['web']}"
        return {
            Endpoint.WEB: web,
            Endpoint.EXECUTION_API: f"{web}/execution/",
            Endpoint.CONTROLLER: str(self.state_dir.root),
        }

    def specs(self, wanted: Iterable[Service], images: Mapping[Component, str]) -> list[ProcessSpec]:
        found: list[ProcessSpec] = []
        for service in wanted:
            image = images.get(service.component, "")
            if service.component is Component.WORKER or service.counts.desired > 1:
                found += [self.spec(service, number, image) for number in range(1, service.counts.desired + 1)]
            else:
                found.append(self.spec(service, None, image))
        return found

    def spec(self, service: Service, number: int | None, image: str) -> ProcessSpec:
        """Return the process of a service, or its instance ``number``, with its own name, log and heartbeat."""
        name = service.name if number is None else f"{service.name}-{number}"
        runtime = self.runtime
        if service.name in HOST_PROGRAMS:
            service, runtime, image = replace(service, command=HOST_PROGRAMS[service.name]), self.programs, ""
        own = {**_CONSTANT, HOME_VARIABLE: str(self.state_dir.root), INSTANCE_VARIABLE: name}
        own |= {**_airflow(runtime.places(name)), **service.environment}
        own |= {variable: self.secrets[secret] for variable, secret in service.secrets.items()}
        own |= {variable: self.endpoints[endpoint] for variable, endpoint in service.endpoints.items()}
        own |= self._addresses(service, name)
        if image:
            own["TRADEWIND_IMAGE"] = image  # so that a task can report its image
        if isinstance(service.health, FileCheck):
            own[service.health.variable] = runtime.places(name).heartbeat
        return ProcessSpec(
            name=name,
            service=service.name,
            argv=runtime.argv(service, name, image, own),
            env={**self.base, **own},
            log=self.state_dir.logs / f"{name}.log",
            probe=self._probe(service, name, runtime),
            requires=self._requires(service),
            stop_grace_s=service.stop_grace_s,
            one_shot=service.one_shot,
            stamp=_stamp(service, own, runtime.identity(image)) if service.one_shot else "",
            stamp_file=self.state_dir.done / service.name if service.one_shot else None,
            url=self._url(service),
            nice=0 if service.waited_for else BACKGROUND_NICE,
            image=image,
        )

    def without_secrets(self, service: Service) -> dict[str, str]:
        """Return the environment of a service without its secrets."""
        env = self.spec(service, None, "").env
        return {name: value for name, value in env.items() if name not in service.secrets}

    def _requires(self, service: Service) -> dict[str, Condition]:
        found = {dependency.name: dependency.condition for dependency in service.dependencies}
        return {**found, balancer.NAME: Condition.HEALTHY} if service.name in self.balanced else found

    def _port(self, service: Service, name: str) -> int:
        """Return the port of a process: behind the load balancer, the service's own, or a new one for a new copy."""
        key = f"{name}-1" if service.name in self.balanced and name == service.name else name
        if key not in self.ports:
            self.ports[key] = self.another_port()
        return self.ports[key]

    def _addresses(self, service: Service, name: str) -> dict[str, str]:
        """Return the variables for its port. It listens on this machine only."""
        if service.port is None:
            return {}
        return {service.port.variable: str(self._port(service, name)), service.port.host_variable: HOST}

    def _probe(self, service: Service, name: str, runtime: Runtime) -> Probe | None:
        match service.health:
            case HttpCheck(path):
                return HttpProbe(self._port(service, name), path)
            case JobCheck(component):
                return JobProbe(self.ports["web"], component)
            case FileCheck(_, max_age_s):
                return FileProbe(runtime.heartbeat(name), max_age_s)
        return None

    def _url(self, service: Service) -> str:
        return address(service, self.ports) if service.exposure is Exposure.PUBLIC else ""


def _airflow(places: Places) -> dict[str, str]:
    """Return the variables for the folders that a service shares with others."""
    return {
        "AIRFLOW_HOME": places.airflow,
        "AIRFLOW__CORE__DAGS_FOLDER": places.dags,
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": places.unpacked,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": places.task_logs,
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": places.dag_logs,
        "TRADEWIND_OUTPUT": places.output,
    }


def _stamp(service: Service, env: Mapping[str, str], identity: str) -> str:
    """Return a digest that changes if the one-shot task may have work to do: other code, settings or passwords."""
    relevant = sorted(f"{name}={value}" for name, value in env.items() if name in service.secrets)
    settings = sorted(f"{name}={value}" for name, value in service.environment.items())
    text = "\n".join([*service.command, identity, *settings, *relevant])
    return hashlib.sha256(text.encode()).hexdigest()


def _versions() -> str:
    return "\n".join(sorted(name for name in packages(sys.path) if name.startswith(("apache_airflow", "tradewind"))))
