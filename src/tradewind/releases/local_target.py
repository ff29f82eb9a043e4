"""The platform of this machine as a target of releases: containers, replaced in the same way as on ECS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tradewind.blueprint import Component
from tradewind.errors import ExitCode, TradewindError
from tradewind.local import dag_run
from tradewind.local import supervisor_requests as requests
from tradewind.local.airflow import Airflow, NoAnswerError
from tradewind.local.platform import Platform, last_lines
from tradewind.releases.dag_files import DagFiles
from tradewind.releases.target import DeployableService, Progress, Stage, State, Until
from tradewind.releases.worker_pools import WorkerPools
from tradewind.runtime.database.confirm import CANARY, silent_jobs

_ENDED = {"crash-loop", "failed"}
_PENDING = State.PENDING


class LocalTarget:
    """See Target."""

    poll_s = 0.5

    def __init__(
        self, platform: Platform, fetch: Callable[[str], None], pools: WorkerPools, dag_files: DagFiles
    ) -> None:
        """Set up the target. ``fetch`` makes an image available on this machine, or raises TradewindError."""
        self._platform = platform
        self._pools = pools
        self._dag_files = dag_files
        self._fetch = fetch
        self._here: set[str] = set()
        answer = platform.ask(requests.GetServices())
        if not answer.containers:
            raise TradewindError(
                "a release needs containers, but this platform runs programs",
                "it was started without --containers",
                "tradewind down, then tradewind up --containers --database mysql",
                code=ExitCode.USAGE,
            )
        self._info = {service.name: service for service in answer.services}
        self._canary: tuple[str, str] | None = None
        self._tried: set[tuple[str, str]] = set()

    def services(self) -> tuple[DeployableService, ...]:
        """See Target."""
        return tuple(DeployableService(found.name, found.component, found.one_shot) for found in self._info.values())

    def running(self) -> dict[str, frozenset[str]]:
        """See Target."""
        rows = self._status()["processes"]
        pools = self._pools.draining()

        def images(service: DeployableService) -> frozenset[str]:
            # A worker that is not wanted any more has no tasks, and takes none.
            found = [r for r in rows if r["service"] == service.name]
            if service.component is Component.WORKER:
                left = {group.revision for group in pools[service.name].draining} if service.name in pools else set()
                found = [r for r in found if r["wanted"] and r["image"] not in left]
            return frozenset(row["image"] for row in found)

        return {service.name: images(service) for service in self.services() if not service.one_shot}

    def draining(self) -> dict[str, str]:
        """See Target."""
        return {name: pool.detail for name, pool in self._pools.draining().items()}

    def snapshot(self, images: Mapping[Component, str]) -> Progress:
        """See Target. One machine takes no snapshot: valuable data is kept elsewhere."""
        return Progress(State.DONE)

    def advance(self, service: DeployableService, image: str, until: Until = Until.GONE) -> Progress:
        """See Target."""
        if image not in self._here:
            try:
                self._fetch(image)
            except TradewindError as error:
                return Progress(State.FAILED, f"{error.what}: {error.why}")
            self._here.add(image)
        if service.component is Component.WORKER:
            self._platform.ask(requests.RegisterImage(image))
            return self._pools.bring(service.name, image, until)
        rows = [row for row in self._status()["processes"] if row["service"] == service.name]
        if service.one_shot:
            return self._once(service, image, rows)
        if self._info[service.name].address:
            return self._in_place(image, rows)
        return self._beside(service, image, rows)

    def dags(self, release: str, instead_of: str | None = None) -> Progress:
        """See Target."""
        return self._dag_files.bring(release, instead_of)

    def confirm(self, since: float) -> Progress:
        """See Target."""
        status = self._status()
        ill = [row["name"] for row in status["processes"] if row["wanted"] and not row["healthy"]]
        if ill:
            return Progress(_PENDING, f"not healthy: {', '.join(ill)}", Stage.CONFIRMING)
        user, password = self._platform.ask(requests.GetLogin()).login
        api = Airflow(status["urls"]["web"], user, password)
        try:
            health = api.call("GET", "/monitor/health")
            silent = silent_jobs(health, since)
            if silent:
                return Progress(_PENDING, f"Airflow reports unhealthy jobs: {', '.join(silent)}", Stage.CONFIRMING)
            return self._run_canary(api)
        except NoAnswerError as error:
            return Progress(_PENDING, str(error), Stage.CONFIRMING)

    def adopt(self, images: dict[Component, str]) -> None:
        """See Target."""
        self._pools.forget()
        self._platform.ask(requests.AdoptImages(images))

    def _run_canary(self, api: Airflow) -> Progress:
        if self._canary is None:
            try:
                found = api.call("GET", f"/dags/{CANARY}")
            except LookupError:
                return Progress(State.DONE, f"no canary run: there is no DAG {CANARY!r}")
            if found["has_import_errors"]:
                return Progress(State.FAILED, f"the DAG {CANARY} cannot be imported", Stage.CONFIRMING)
            if found["is_stale"]:
                return Progress(State.DONE, f"no canary run: there is no DAG {CANARY!r}")
            if found["is_paused"]:
                dag_run.unpause(api, CANARY)
            self._canary = (CANARY, dag_run.start(api, CANARY, dag_run.Start()))
        dag, run_id = self._canary
        state = next(dag_run.follow(api, dag, run_id)).state
        if state == "success":
            self._canary = None
            return Progress(State.DONE, f"{dag} succeeded")
        if state == "failed":
            self._canary = None
            return Progress(State.FAILED, f"the run {run_id} of the DAG {dag} failed", Stage.CONFIRMING)
        return Progress(_PENDING, f"{dag} is {state}", Stage.CONFIRMING)

    def _once(self, service: DeployableService, image: str, rows: list[dict[str, Any]]) -> Progress:
        row = next((row for row in rows if row["image"] == image), None)
        # The failure is from an earlier rollout, and its cause may be corrected by now.
        if row is None or (row["state"] in _ENDED and (service.name, image) not in self._tried):
            self._tried.add((service.name, image))
            self._platform.ask(requests.AddProcess(service.name, image))
            return Progress(_PENDING, "starting", Stage.PREPARING)
        if row["state"] == "done":
            return Progress(State.DONE)
        return _failed(row) if row["state"] in _ENDED else Progress(_PENDING, row["state"], Stage.PREPARING)

    def _in_place(self, image: str, rows: list[dict[str, Any]]) -> Progress:
        """Replace a service with a fixed address: stop it, and start it from the new image."""
        row = rows[0]
        if row["image"] != image:
            if row["state"] != "stopping":
                self._platform.ask(requests.ReplaceProcess(row["name"], image))
            return Progress(_PENDING, f"{row['name']} stopping", Stage.STOPPING)
        if row["state"] in _ENDED:
            return _failed(row)
        return Progress(State.DONE) if row["healthy"] else Progress(_PENDING, f"{row['name']} {row['state']}")

    def _beside(self, service: DeployableService, image: str, rows: list[dict[str, Any]]) -> Progress:
        """Start new copies beside the old ones. Stop the old copies once the new ones are healthy."""
        # A copy that the supervisor restarts still counts.
        wanted = [row for row in rows if row["image"] == image and row["wanted"]]
        others = [row for row in rows if row not in wanted]
        count = self._info[service.name].count
        for _ in range(count - len(wanted)):
            self._platform.ask(requests.AddProcess(service.name, image))
        if len(wanted) < count:
            return Progress(_PENDING, "starting new copies")
        if failed := next((row for row in wanted if row["state"] in _ENDED), None):
            return _failed(failed)
        if not all(row["healthy"] for row in wanted):
            return Progress(_PENDING, ", ".join(f"{row['name']} {row['state']}" for row in wanted))
        if not others:
            return Progress(State.DONE)
        for row in others:
            if row["wanted"]:
                self._platform.ask(requests.RetireProcess(row["name"]))
        return Progress(_PENDING, "stopping old copies", Stage.STOPPING)

    def _status(self) -> dict[str, Any]:
        return self._platform.ask(requests.GetStatus())


def _failed(row: dict[str, Any]) -> Progress:
    lines = last_lines(Path(row["log"]), 5)
    return Progress(
        State.FAILED, f"{row['name']}: {row['last_exit']}" + (f"; its last lines:\n{lines}" if lines else "")
    )
