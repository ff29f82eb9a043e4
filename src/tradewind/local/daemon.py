"""The supervisor's process: ``python -m tradewind.local.daemon``. ``tradewind up`` starts it.

The process reads one JSON request from stdin (see ``Request``). When it listens, or if it cannot start, it writes one
JSON line to stdout: the result or the error. It then runs until all processes have stopped.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from tradewind import config
from tradewind.blueprint import Component, Exposure
from tradewind.dag_releases.shared_folder import SharedFolder
from tradewind.dags.follow import Follower
from tradewind.errors import ExitCode, TradewindError
from tradewind.local import balancer, lock, supervisor_socket
from tradewind.local import supervisor_requests as requests
from tradewind.local.forked import ForkServer
from tradewind.local.paths import StateDirectory
from tradewind.local.ports import Reservations
from tradewind.local.process_plan import HOST_PROGRAMS, Plan, plan
from tradewind.local.state_machine import Restart, State, Stop
from tradewind.local.supervisor import Supervisor

STATUS_VERSION = 1
LOOK_S = 1.0
LOOKING = 0.05
"""The share of a processor that checks of the DAG folder may take: large folders are checked less often."""


@dataclass(frozen=True)
class Request:
    """The request of ``tradewind up``: the file, the environment, the DAG folder, and overrides of ``local``.

    If ``environment`` is None, the configuration's ``local_environment`` runs. ``images`` maps components to images;
    it is empty if the services run as programs.
    """

    file: str
    environment: str | None = None
    dags: str | None = None
    local: dict[str, Any] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the request as one line."""
        return json.dumps(asdict(self))

    def resolve(self) -> tuple[config.Tradewind, config.Environment, Path]:
        """Return the selected configuration, environment and DAG folder. Changes nothing.

        Raises:
            TradewindError: the file is wrong, or the environment or the folder does not exist.
        """
        tradewind = config.load(Path(self.file))
        if self.local:
            merged = {**tradewind.local.model_dump(), **self.local}
            tradewind = tradewind.model_copy(update={"local": config.Local.model_validate(merged)})
        environment = tradewind.environment(self.environment) if self.environment else tradewind.local_environment
        return tradewind, environment, self._dag_folder(tradewind, environment)

    def plan(self, reserve: Callable[[int], bool]) -> Plan:
        """Resolve the request and plan its processes. Raises TradewindError."""
        tradewind, environment, dags = self.resolve()
        images = {Component(name): image for name, image in self.images.items()}
        return plan(tradewind, environment, StateDirectory.beside(Path(self.file)), dags, reserve, images)

    def _dag_folder(self, tradewind: config.Tradewind, environment: config.Environment) -> Path:
        if self.dags:
            folder, where = Path(self.dags), "--dags"
        else:
            folder = Path(self.file).parent / (tradewind.local.dags or environment.dags.path)
            where = "local.dags" if tradewind.local.dags else f"environments.{environment.name}.dags.path"
        if not folder.is_dir():
            why = "it is not a folder" if folder.exists() else "there is no such folder"
            raise TradewindError(
                f"the DAG folder {folder} cannot be used",
                f"{why} ({where})",
                "tradewind up --dags PATH selects another folder",
                code=ExitCode.USAGE,
            )
        return folder.resolve()


class Daemon:
    """Carries out the requests to one running platform."""

    def __init__(self, planned: Plan) -> None:
        self.plan = planned
        log = planned.state_dir.logs / "fork-server.log"
        fork_server = ForkServer(planned.common, log) if planned.common else None
        self.supervisor = Supervisor(planned.state_dir.root, planned.state_dir.journal, fork_server)
        self.images = dict(planned.images)
        self.registered = set(planned.images.values()) or {""}
        self.fixed: dict[str, int] = {}
        self.remarks: tuple[str, ...] = ()  # from the controller
        self.follower = Follower(planned.dags, SharedFolder(planned.state_dir.dags))

    async def run(self, ready: Any) -> None:
        """Serve until all processes have stopped. ``ready()`` is called when the daemon accepts requests.

        Raises:
            TradewindError: no DAG release can be made from the DAG folder.
        """
        await self.supervisor.begin()
        await asyncio.to_thread(self.follower.look)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: self.supervisor.send(Stop()))
        server = await supervisor_socket.serve(self.plan.state_dir, self.handle)
        ready()
        beside = [asyncio.create_task(self.follow()), asyncio.create_task(self.keep_template())]
        try:
            await self.supervisor.run(self.plan.specs)
        finally:
            for task in beside:
                task.cancel()
            server.close()
            await asyncio.to_thread(self.plan.runtime.clean_up)

    async def follow(self) -> None:
        """Release each change of the DAG folder, until cancelled."""
        while True:
            seconds = await asyncio.to_thread(self.look)
            await asyncio.sleep(max(LOOK_S, seconds / LOOKING))

    async def keep_template(self) -> None:
        """When the platform is healthy, make the template database for the next platform if it does not exist yet."""
        template = self.plan.template
        if template is None or template.exists:
            return
        while not self.supervisor.machine.all_well:
            await asyncio.sleep(LOOK_S)
        argv, env = template.order(self.plan.state_dir, self.plan.common)
        with (self.plan.state_dir.logs / "template.log").open("w") as log:
            # It ends with the platform: the supervisor ends all processes that have the platform's mark.
            process = await asyncio.create_subprocess_exec(*argv, env=env, stdout=log, stderr=log, preexec_fn=_idle)
        await process.wait()

    def look(self) -> float:
        """Check the DAG folder once and return the processor seconds that the check took."""
        began = time.thread_time()
        # The status shows the problem until the next change.
        with suppress(TradewindError):
            self.follower.look()
        return time.thread_time() - began

    def dag_release(self) -> str | None:
        """Return the active DAG release, or None if there is none or it cannot be read."""
        try:
            found = self.follower.shared.active()
        except TradewindError:
            return None
        return found.release if found else None

    async def handle(self, document: dict[str, Any]) -> supervisor_socket.Answer:
        """Carry out one request."""
        request = requests.decoded(document)
        match request:
            case requests.GetStatus():
                return await asyncio.to_thread(self.status, request.usage)
            case requests.GetDagFolder():
                settled = await asyncio.to_thread(self.follower.is_settled)
                return asdict(requests.DagFolderState(settled, self.follower.problem))
            case requests.GetLogin():
                return asdict(requests.Login(self.plan.login, self.plan.flower_login))
            case requests.GetServices():
                return asdict(self.services())
            case requests.StopPlatform():
                self.supervisor.send(Stop(now=request.now))
            case requests.RestartService():
                self.restart(request.service)
            case requests.AddProcess():
                return asdict(requests.Added(await self.add(request.service, request.image)))
            case requests.ReplaceProcess():
                self.replace(request.name, request.image)
            case requests.RetireProcess():
                self.supervisor.send(Stop(frozenset({request.name})))
            case requests.RegisterImage():
                self.registered.add(request.image)
            case requests.AdoptImages():
                self.images = dict(request.images)
            case requests.FixWorkers():
                self.scale(request.service, request.count)
            case requests.KeepWorkers():
                await self.keep(request)
            case requests.Remark():
                self.remarks = request.remarks
            case _:
                raise TradewindError(f"the supervisor does not support the request {request.do!r}")
        return {}

    def status(self, usage: bool) -> supervisor_socket.Answer:
        """Return the public format of ``tradewind status --json``; see docs/reference/json.md."""
        return {
            "version": STATUS_VERSION,
            "environment": self.plan.environment.name,
            "healthy": self.supervisor.machine.all_well,
            "stopping": self.supervisor.machine.stopping,
            "supervisor": "answers",
            "supervisor_pid": os.getpid(),
            "dags": str(self.plan.dags),
            "dag_release": self.dag_release(),
            "output": str(self.plan.state_dir.output),
            "urls": {"web": self.plan.web_url, "flower": self.plan.flower_url},
            "remarks": [*self.plan.remarks, *self.remarks, *filter(None, [self.follower.problem])],
            "processes": self.supervisor.report(usage),
        }

    def services(self) -> requests.ServiceStates:
        """Return the state of each service, for rollouts and the controller."""
        rows = tuple(
            requests.ServiceState(
                name,
                service.component,
                service.one_shot,
                # A public address: without a load balancer only one process can have it.
                address=service.exposure is Exposure.PUBLIC and name not in self.plan.balanced,
                count=service.counts.desired,
                fixed=self.fixed.get(name),
                image=self.images.get(service.component, ""),
                registered=tuple(sorted(self.registered)),
            )
            for name, service in self.plan.services.items()
            if name not in HOST_PROGRAMS
        )
        return requests.ServiceStates(bool(self.plan.images), rows)

    def restart(self, service: str) -> None:
        """Restart every process of a service, or one process."""
        for name in self._members(service):
            self.supervisor.send(Restart(name))

    def scale(self, service: str, wanted: int) -> None:
        """Set a fixed number of workers. Only the controller starts and stops workers; it follows this number."""
        if self.plan.services.get(service) is None or self.plan.services[service].component is not Component.WORKER:
            raise TradewindError(
                f"{service} cannot be scaled on one machine",
                "only the number of workers can change there",
                "tradewind scale --workers N",
                code=ExitCode.USAGE,
            )
        self._check_not_stopping()
        self.fixed[service] = wanted

    async def keep(self, wanted: requests.KeepWorkers) -> None:
        """See KeepWorkers."""
        self._check_not_stopping()
        if wanted.image not in self.registered:
            raise TradewindError(f"no rollout has registered {wanted.image}", "so it is not started")
        present = {
            name
            for name, process in self.supervisor.machine.processes.items()
            if (process.spec.service, process.spec.image) == (wanted.service, wanted.image) and process.wanted
        }
        if going := present & set(wanted.leaving):
            self.supervisor.send(Stop(frozenset(going)))
        for _ in range(wanted.count - len(present - going)):
            await self.add(wanted.service, wanted.image)

    async def add(self, service: str, image: str) -> str:
        """Run one more process of a service from ``image``, and return its name.

        A one-shot task runs once more, under its own name.
        """
        self._check_not_stopping()
        if service not in self.plan.services:
            raise TradewindError(f"there is no service {service!r}", code=ExitCode.USAGE)
        taken = self.supervisor.machine.processes
        number = next(n for n in count(1) if {f"{service}-{n}", service if n == 1 else ""}.isdisjoint(taken))
        if service in self.plan.balanced and number > balancer.PLACES:
            raise TradewindError(
                f"no more copies of {service} can start",
                f"the load balancer has ports for {balancer.PLACES} copies, and all are in use",
                "tradewind status",
            )
        one_shot = self.plan.services[service].one_shot
        spec = self.plan.instance(service, None if one_shot else number, image)
        await self.supervisor.add([spec])
        return spec.name

    def replace(self, name: str, image: str) -> None:
        """Stop a process and start it from ``image``, under the same name and address."""
        self._check_not_stopping()
        process = self.supervisor.machine.processes.get(name)
        if process is None:
            raise TradewindError(f"there is no process {name!r}", code=ExitCode.USAGE)
        number = int(name.rsplit("-", 1)[1]) if name != process.spec.service else None
        self.supervisor.send(Restart(name, self.plan.instance(process.spec.service, number, image)))

    def _check_not_stopping(self) -> None:
        if self.supervisor.machine.stopping:
            raise TradewindError("the platform is stopping", hint="tradewind up, after it has stopped")

    def _members(self, service: str) -> list[str]:
        processes = self.supervisor.machine.processes
        members = [name for name, p in processes.items() if service in (name, p.spec.service) and not p.spec.one_shot]
        if not members:
            names = sorted({p.spec.service for p in processes.values() if p.state is not State.DONE})
            raise TradewindError(
                f"there is no service {service!r}", hint=f"services: {', '.join(names)}", code=ExitCode.USAGE
            )
        return members


def _cannot_write(state_dir: StateDirectory, error: OSError) -> TradewindError:
    where = error.filename or state_dir.root
    return TradewindError(
        f"the platform cannot use {where}", error.strerror or str(error), "check its permissions and its owner"
    )


def _idle() -> None:
    """Use the processor only when no other process needs it."""
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def main() -> int:
    """Entry point."""
    request = Request(**json.loads(sys.stdin.readline()))
    state_dir = StateDirectory.beside(Path(request.file))
    state_dir.create()
    # The kernel releases the lock when this process ends, even if it is killed.
    if lock.acquire(state_dir.lock) is None:
        _answer({"error": TradewindError("another `tradewind up` is starting this platform").as_dict()})
        return ExitCode.FAILED
    reservations = Reservations()
    try:
        daemon = Daemon(request.plan(reservations.take))
        asyncio.run(daemon.run(lambda: _answer({"result": {}})))
    except (TradewindError, OSError) as error:
        told = error if isinstance(error, TradewindError) else state_dir.full_disk() or _cannot_write(state_dir, error)
        _answer({"error": told.as_dict()})
        return told.code
    finally:
        reservations.release()
        state_dir.clear_run()
    return ExitCode.OK


def _answer(answer: dict[str, Any]) -> None:
    """Write the result to the process that started this one, and release its terminal."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


if __name__ == "__main__":
    sys.exit(main())
