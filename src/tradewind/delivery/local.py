"""The platform of this machine as a target of releases: containers, rolled as ECS would roll them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tradewind.delivery.target import Phase, Progress, Rolled, Stage
from tradewind.errors import ExitCode, TradewindError
from tradewind.local.airflow import Airflow, NoAnswerError
from tradewind.local.platform import Platform, last_lines
from tradewind.platform import Component

CANARY = "canary"
"""A DAG of this name, where there is one, is run at the end of every release."""

_ENDED = {"crash-loop", "failed"}
_JOBS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
_PENDING = Phase.PENDING


class LocalTarget:
    """See Target."""

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

    def services(self) -> tuple[Rolled, ...]:
        """See Target."""
        return tuple(Rolled(i["name"], Component(i["component"]), i["one_off"]) for i in self._info.values())

    def running(self) -> dict[str, frozenset[str]]:
        """See Target."""
        rows = self._status()["processes"]
        services = [service.name for service in self.services() if not service.one_off]
        return {name: frozenset(row["image"] for row in rows if row["service"] == name) for name in services}

    def advance(self, service: Rolled, image: str) -> Progress:
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
        return self._beside(service, image, rows)

    def confirm(self, since: float) -> Progress:
        """See Target."""
        status = self._status()
        ill = [row["name"] for row in status["processes"] if not row["healthy"]]
        if ill:
            return Progress(_PENDING, f"not healthy: {', '.join(ill)}", Stage.CONFIRMING)
        user, password = self._platform.ask(do="login")["login"]
        api = Airflow(status["urls"]["web"], user, password)
        try:
            health = api.call("GET", "/monitor/health")
            silent = [job for job in _JOBS if health.get(job, {}).get("status") != "healthy"]
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
                api.call("GET", f"/dags/{CANARY}")
            except LookupError:
                return Progress(Phase.DONE, f"no DAG {CANARY!r} to try")
            self._canary = (CANARY, api.trigger(CANARY))
        dag, run_id = self._canary
        state, _ = next(api.follow(dag, run_id))
        if state == "success":
            self._canary = None
            return Progress(Phase.DONE, f"{dag} succeeded")
        if state == "failed":
            self._canary = None
            return Progress(Phase.FAILED, f"the run {run_id} of the DAG {dag} failed", Stage.CONFIRMING)
        return Progress(_PENDING, f"{dag} is {state}", Stage.CONFIRMING)

    def _once(self, service: Rolled, image: str, rows: list[dict[str, Any]]) -> Progress:
        row = next((row for row in rows if row["image"] == image), None)
        if row is None:
            self._platform.ask(do="add", service=service.name, image=image)
            return Progress(_PENDING, "starts")
        if row["state"] == "done":
            return Progress(Phase.DONE)
        return _failed(row) if row["state"] in _ENDED else Progress(_PENDING, row["state"])

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

    def _beside(self, service: Rolled, image: str, rows: list[dict[str, Any]]) -> Progress:
        """New copies beside the old ones; these go once the new ones are healthy, workers after their last task."""
        # One that the supervisor restarts is still one of them.
        wanted = [row for row in rows if row["image"] == image and row["wanted"]]
        others = [row for row in rows if row not in wanted]
        for _ in range(self._info[service.name]["count"] - len(wanted)):
            self._platform.ask(do="add", service=service.name, image=image)
        if len(wanted) < self._info[service.name]["count"]:
            return Progress(_PENDING, "new copies start")
        if failed := next((row for row in wanted if row["state"] in _ENDED), None):
            return _failed(failed)
        if not all(row["healthy"] for row in wanted):
            return Progress(_PENDING, ", ".join(f"{row['name']} {row['state']}" for row in wanted))
        if not others:
            return Progress(Phase.DONE)
        leaving = [row for row in others if row["wanted"]]
        if not leaving:
            return Progress(_PENDING, "old copies end", Stage.STOPPING)
        return self._retire(service, wanted, leaving)

    def _retire(self, service: Rolled, wanted: list[dict[str, Any]], leaving: list[dict[str, Any]]) -> Progress:
        duties: dict[str, Any] = {}
        if service.component is Component.WORKER:
            # Whoever stays takes tasks, also where a deployment that was killed had told him not to.
            self._platform.ask(do="command", command="uncordon", names=[row["name"] for row in wanted])
            alive = [row["name"] for row in leaving if row["healthy"]]
            duties = self._platform.ask(do="command", command="cordon", names=alive) if alive else {}
        busy = 0
        for row in leaving:
            duty = duties.get(row["name"])
            if service.component is Component.WORKER and row["healthy"] and (duty is None or duty["tasks"]):
                busy += duty["tasks"] if duty else 1
                continue
            self._platform.ask(do="retire", name=row["name"])
        if busy:
            return Progress(_PENDING, f"{busy} tasks finish on old workers", Stage.DRAINING)
        return Progress(_PENDING, "old copies end", Stage.STOPPING)

    def _status(self) -> dict[str, Any]:
        return self._platform.ask(do="status", usage=False)


def _failed(row: dict[str, Any]) -> Progress:
    lines = last_lines(Path(row["log"]), 5)
    return Progress(
        Phase.FAILED, f"{row['name']}: {row['last_exit']}" + (f"; its last lines:\n{lines}" if lines else "")
    )
