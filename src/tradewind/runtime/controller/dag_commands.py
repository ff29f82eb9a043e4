"""Commands about DAG releases. Only the controller writes to the shared file system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from tradewind.dag_releases.shared_folder import RELEASES, BusyError
from tradewind.dag_releases.store import bring
from tradewind.errors import ExitCode, TradewindError
from tradewind.protocol.controller_requests import DeployDags, DiffDags, ListDags, PruneDags, Request, RollBackDags
from tradewind.runtime.bundle.changes import changes
from tradewind.runtime.controller.dag_deployment import Deployed, Deployment
from tradewind.runtime.controller.dispatcher import Handler, Report, StoppedError
from tradewind.storage.artifacts import ArtifactStore

LISTED = ("id", "created", "commit", "dirty", "author", "subject")
KEPT = 20
KEPT_DAYS = 30
"""The releases that stay, besides the used ones, when the controller removes old releases automatically: the newest
KEPT, and the releases of the last KEPT_DAYS days. A run that has ended may be cleared, and then needs its release."""


class DagCommands:
    """The commands about the DAG releases of an environment. ``store`` has the releases that can be deployed."""

    def __init__(self, deployment: Deployment, store: ArtifactStore, environment: str) -> None:
        self._deployment = deployment
        self._shared = deployment.shared
        self._store = store
        self._environment = environment

    def handlers(self) -> Mapping[type[Request], Handler]:
        """Map each class of requests to its handler."""
        return {
            DeployDags: self.deploy,
            RollBackDags: self.rollback,
            PruneDags: self.prune,
            ListDags: self.show,
            DiffDags: self.diff,
        }

    def deploy(self, asked: DeployDags, report: Report) -> Mapping[str, Any]:
        """See DeployDags."""

        def come() -> None:
            bring(self._store, asked.release, self._shared.folder / RELEASES)

        with _its_lock(report):
            return outcome(self._deployment.deploy(asked.release, report, whole=asked.whole, bring=come))

    def rollback(self, asked: RollBackDags, report: Report) -> Mapping[str, Any]:
        """See RollBackDags."""
        now, only = self._shared.active(), asked.only
        if only and not report.checkpoint and (now is None or now.release != only):
            return {"release": now.release if now else "", "changed": False}
        # If another controller continues this command, the previous release is a different one by then.
        release = report.checkpoint.get("release") or asked.to or self._shared.before()
        with _its_lock(report):
            done = self._deployment.deploy(str(release), report, whole=False, roll_back=False, wait=asked.wait)
        return outcome(done)

    def prune(self, asked: PruneDags, report: Report) -> Mapping[str, Any]:
        """See PruneDags."""
        return {"removed": [release.id for release in self._deployment.prune(asked.keep)]}

    def show(self, asked: ListDags, report: Report) -> Mapping[str, Any]:
        """See ListDags."""
        now = self._shared.active()
        rows = []
        for release in self._shared.releases():
            about = {name: value for name, value in release.as_dict().items() if name in LISTED}
            active = bool(now and now.release == release.id)
            rows.append({**about, "files": len(release.files), "active": active})
        return {"active": asdict(now) if now else None, "releases": rows}

    def diff(self, asked: DiffDags, report: Report) -> Mapping[str, Any]:
        """See DiffDags."""
        now = self._shared.active()
        if asked.two is None and now is None:
            raise TradewindError(
                "no DAG release is active", hint=f"tradewind dags deploy -e {self._environment}", code=ExitCode.USAGE
            )
        newer = asked.two or (now.release if now else "")
        older = asked.one or self._shared.before()
        old, new = self._shared.read(older), self._shared.read(newer)
        found = changes(old, new)
        kinds = dict.fromkeys(found.gone, "deleted")
        kinds |= {path: "added" for path in new.files if path not in old.files}
        kinds |= {path: "changed" for path in new.files if path in old.files and old.files[path] != new.files[path]}
        return {
            "from": older,
            "to": newer,
            "files": [{"path": path, "change": kind} for path, kind in sorted(kinds.items())],
            "importers": sorted(found.first - set(kinds)),
            "behind": len(found.behind),
        }

    def tidy(self) -> list[str]:
        """Remove old releases automatically. Returns their ids."""
        since = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
        return [release.id for release in self._deployment.prune(KEPT, since.isoformat(timespec="seconds"))]


@contextmanager
def _its_lock(report: Report) -> Iterator[None]:
    """If the folder is locked, leave a command that another controller began to the next look.

    A file system may keep the lock of a controller for a while after that controller has ended.
    """
    try:
        yield
    except BusyError:
        if report.checkpoint:
            raise StoppedError from None
        raise


def outcome(done: Deployed) -> Mapping[str, Any]:
    """Return a deployment as JSON."""
    return {
        "release": done.now.release,
        "changed": done.changed,
        "before": done.now.before,
        "served_s": done.served_s,
        "confirmed_s": done.confirmed_s,
    }
