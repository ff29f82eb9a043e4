"""The platform of this machine as a target of releases: containers, rolled as ECS would roll them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tradewind.blueprint import Component
from tradewind.errors import ExitCode, TradewindError
from tradewind.local import dag_run
from tradewind.local.airflow import Airflow, NoAnswerError
from tradewind.local.platform import Platform, last_lines
from tradewind.releases.target import Phase, Progress, Rolled, Stage
from tradewind.runtime.database.confirm import CANARY, silent_jobs

_ENDED = {"crash-loop", "failed"}
_PENDING = Phase.PENDING


class LocalTarget:
    """See Target."""

    poll_s = 0.5

    def __init__(self, platform: Platform, fetch: Callable[[str], None]) -> None:
        """``fetch`` has an image here, wherever it comes from; TradewindError where it cannot be had."""
        self._platform = platform
        self._fetch = fetch
        self._here: set[str] = set()
        answer = platform.ask(do="services")
        if not answer["containers"]:
            raise TradewindError(
                "releases are of images, and this platform runs programs",
                "it was started without --containers",
                "tradewind down, then tradewind up --containers --database mysql",
                code=ExitCode.USAGE,
            )
        self._info: dict[str, dict[str, Any]] = {service["name"]: service for service in answer["services"]}
        self._canary: tuple[str, str] | None = None
        self._tried: set[tuple[str, str]] = set()

    def services(self) -> tuple[Rolled, ...]:
        """See Target."""
        return tuple(Rolled(i["name"], Component(i["component"]), i["one_off"]) for i in self._info.values())

    def running(self) -> dict[str, frozenset[str]]:
        """See Target."""
        rows = self._status()["processes"]
        services = [service.name for service in self.services() if not service.one_off]
        return {name: frozenset(row["image"] for row in rows if row["service"] == name) for name in services}

    def advance(self, service: Rolled, image: str, *, keep: bool = False) -> Progress:
        """See Target."""
        if image not in self._here:
            try:
                self._fetch(image)
            except TradewindError as error:
                return Progress(Phase.FAILED, f"{error.what}: {error.why}")
            self._here.add(image)
        rows = [row for row in self._status()["processes"] if row["service"] == service.name]
        if service.one_off:
            return self._once(service, image, rows)
        if self._info[service.name]["address"]:
            return self._in_place(image, rows)
        return self._beside(service, image, rows, keep=keep)

    def confirm(self, since: float) -> Progress:
        """See Target."""
        status = self._status()
        ill = [row["name"] for row in status["processes"] if row["wanted"] and not row["healthy"]]
        if ill:
            return Progress(_PENDING, f"not healthy: {', '.join(ill)}", Stage.CONFIRMING)
        user, password = self._platform.ask(do="login")["login"]
        api = Airflow(status["urls"]["web"], user, password)
        try:
            health = api.call("GET", "/monitor/health")
            silent = silent_jobs(health, since)
            if silent:
                return Progress(_PENDING, f"Airflow says not healthy: {', '.join(silent)}", Stage.CONFIRMING)
            return self._run_canary(api)
        except NoAnswerError as error:
            return Progress(_PENDING, str(error), Stage.CONFIRMING)

    def adopt(self, images: dict[Component, str]) -> None:
        """See Target."""
        self._platform.ask(do="adopt", images={component.value: image for component, image in images.items()})

    def _run_canary(self, api: Airflow) -> Progress:
        if self._canary is None:
            try:
                found = api.call("GET", f"/dags/{CANARY}")
            except LookupError:
                return Progress(Phase.DONE, f"no DAG {CANARY!r} to try")
            if found["has_import_errors"]:
                return Progress(Phase.FAILED, f"the DAG {CANARY} cannot be imported", Stage.CONFIRMING)
            if found["is_stale"]:
                return Progress(Phase.DONE, f"no DAG {CANARY!r} to try")
            if found["is_paused"]:
                dag_run.unpause(api, CANARY)
            self._canary = (CANARY, dag_run.start(api, CANARY, dag_run.Start()))
        dag, run_id = self._canary
        state = next(dag_run.follow(api, dag, run_id)).state
        if state == "success":
            self._canary = None
            return Progress(Phase.DONE, f"{dag} succeeded")
        if state == "failed":
            self._canary = None
            return Progress(Phase.FAILED, f"the run {run_id} of the DAG {dag} failed", Stage.CONFIRMING)
        return Progress(_PENDING, f"{dag} is {state}", Stage.CONFIRMING)

    def _once(self, service: Rolled, image: str, rows: list[dict[str, Any]]) -> Progress:
        row = next((row for row in rows if row["image"] == image), None)
        # One that failed has failed for somebody else, who may have mended the cause since.
        if row is None or (row["state"] in _ENDED and (service.name, image) not in self._tried):
            self._tried.add((service.name, image))
            self._platform.ask(do="add", service=service.name, image=image)
            return Progress(_PENDING, "starts", Stage.PREPARING)
        if row["state"] == "done":
            return Progress(Phase.DONE)
        return _failed(row) if row["state"] in _ENDED else Progress(_PENDING, row["state"], Stage.PREPARING)

    def _in_place(self, image: str, rows: list[dict[str, Any]]) -> Progress:
        """A service with the address that everybody knows: stopped, and started from the new image."""
        row = rows[0]
        if row["image"] != image:
            if row["state"] != "stopping":
                self._platform.ask(do="replace", name=row["name"], image=image)
            return Progress(_PENDING, f"{row['name']} stops", Stage.STOPPING)
        if row["state"] in _ENDED:
            return _failed(row)
        return Progress(Phase.DONE) if row["healthy"] else Progress(_PENDING, f"{row['name']} {row['state']}")

    def _beside(self, service: Rolled, image: str, rows: list[dict[str, Any]], *, keep: bool) -> Progress:
        """New copies beside the old ones; these go once the new ones are healthy, workers after their last task."""
        # One that the supervisor restarts is still one of them.
        wanted = [row for row in rows if row["image"] == image and row["wanted"]]
        others = [row for row in rows if row not in wanted]
        count = self._info[service.name]["count"]
        for _ in range(count - len(wanted)):
            self._platform.ask(do="add", service=service.name, image=image)
        if len(wanted) < count:
            return Progress(_PENDING, "new copies start")
        # The controller may have started more, which are not this release's matter.
        wanted = sorted(wanted, key=lambda row: not row["healthy"])[:count]
        if failed := next((row for row in wanted if row["state"] in _ENDED), None):
            return _failed(failed)
        if not all(row["healthy"] for row in wanted):
            return Progress(_PENDING, ", ".join(f"{row['name']} {row['state']}" for row in wanted))
        if not others:
            return Progress(Phase.DONE)
        leaving = [row for row in others if row["wanted"]]
        if leaving and service.component is Component.WORKER:
            return self._relieve(wanted, leaving, keep=keep)
        for row in leaving:
            self._retire(row)
        return Progress(_PENDING, "old copies end", Stage.STOPPING, turned=True)

    def _relieve(self, wanted: list[dict[str, Any]], leaving: list[dict[str, Any]], *, keep: bool) -> Progress:
        """New workers take tasks, old ones finish what they have, and then end, unless they are kept."""
        # First whoever stays: a deployment that was killed, or the way there, may have told him to take none.
        names = {row["name"] for row in wanted}
        if names - self._tell("uncordon", names).keys():
            return Progress(_PENDING, "not every new worker has answered yet", Stage.TURNING)
        alive = {row["name"] for row in leaving if row["pid"] is not None}
        duties = self._tell("cordon", alive)
        turned = not alive - duties.keys()
        busy = 0
        for row in leaving:
            duty = duties.get(row["name"])
            if row["pid"] is not None and (duty is None or duty["tasks"]):  # no answer is not: no tasks
                busy += duty["tasks"] if duty else 1
            elif not keep:
                self._retire(row)
        if not turned:
            return Progress(_PENDING, "not every old worker has answered yet", Stage.TURNING)
        if busy or keep:
            return Progress(_PENDING, f"{busy} tasks finish on old workers", Stage.DRAINING, turned=True)
        return Progress(_PENDING, "old copies end", Stage.STOPPING, turned=True)

    def _tell(self, command: str, names: set[str]) -> dict[str, Any]:
        """Send workers a command; the duties of those that answered."""
        return self._platform.ask(do="command", command=command, names=sorted(names)) if names else {}

    def _retire(self, row: dict[str, Any]) -> None:
        self._platform.ask(do="retire", name=row["name"])

    def _status(self) -> dict[str, Any]:
        return self._platform.ask(do="status", usage=False)


def _failed(row: dict[str, Any]) -> Progress:
    lines = last_lines(Path(row["log"]), 5)
    return Progress(
        Phase.FAILED, f"{row['name']}: {row['last_exit']}" + (f"; its last lines:\n{lines}" if lines else "")
    )
