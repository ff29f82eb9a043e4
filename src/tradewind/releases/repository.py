"""The releases of an environment and their history: records in a folder or a bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tradewind.errors import ExitCode, TradewindError
from tradewind.releases.record import Release
from tradewind.storage.lease import held, is_held, me, of_environment
from tradewind.storage.records import ConflictError, Records


@dataclass(frozen=True)
class ReleaseRepository:
    """The releases that an environment can have, its active release, and its ledger.

    Args:
        environment: its name.
        records: the storage. Several environments of one account share it, and the releases in it.
    """

    environment: str
    records: Records

    def keep(self, release: Release) -> Release:
        """Store a release, and return it. A release that is made again is the newest again; its parent stays."""
        name = f"records/{release.id}"
        while True:
            found = self.records.read(name)
            if found:
                first = Release.from_dict(found[0])
                last = max(first, release, key=lambda made: made.created)
                commit = release.commit or first.commit
                release = replace(last, parent=first.parent, note=release.note or first.note, commit=commit)
            try:
                self.records.write(name, release.as_dict(), found[1] if found else None)
            except ConflictError:
                continue  # another process made it at the same time
            return release

    def all(self) -> list[Release]:
        """Return every release, oldest first."""
        names = self.records.names("records/")
        found = [Release.from_dict(document[0]) for name in names if (document := self.records.read(name))]
        return sorted(found, key=lambda release: release.created)

    def release(self, release_id: str) -> Release:
        """Return the record of a release. Raises TradewindError if there is none."""
        found = self.records.read(f"records/{release_id}")
        if found is None:
            raise TradewindError(
                f"there is no release {release_id!r}", hint="tradewind release list", code=ExitCode.USAGE
            )
        return Release.from_dict(found[0])

    def current_id(self) -> str | None:
        """Return the release that was deployed last with success; None before the first."""
        found = self._read("current")
        return str(found["release"]) if found else None

    def current(self) -> Release | None:
        """Return the same release as a record; None also if the record no longer exists."""
        current = self.current_id()
        found = self.records.read(f"records/{current}") if current else None
        return Release.from_dict(found[0]) if found else None

    def previous(self) -> Release:
        """Return the release for a rollback: the active one if a deployment is unfinished, else the one before it.

        Raises:
            TradewindError: there is none.
        """
        current = self.current_id()
        if current and self.unfinished():
            return self.release(current)
        settled = [entry["release"] for entry in self.history() if entry["event"] in {"deployed", "rolled-back"}]
        before = [release for release in settled if release != current]
        if not before:
            raise TradewindError(
                "there is no previous release",
                f"no other release was ever active in {self.environment}",
                f"tradewind release history -e {self.environment}",
                code=ExitCode.USAGE,
            )
        return self.release(before[-1])

    def unfinished(self) -> dict[str, Any] | None:
        """Return the record of a deployment that did not end; None if there is none."""
        return self._read("deployment")

    def history(self) -> list[dict[str, Any]]:
        """Return every change of the environment, oldest first."""
        names = self.records.names(self._name("ledger/"))
        return [found[0] for name in names if (found := self.records.read(name))]

    def lock(self) -> dict[str, Any] | None:
        """Return the lock of the environment: ``owner``, ``reason``, ``since``, ``until``; None if it is free."""
        found = self._read("lock")
        return {key: found[key] for key in ("owner", "reason", "since", "until")} if found else None

    def refuse_while_deploying(self, now: float) -> None:
        """Raise TradewindError while a rollout runs here, or has left a release unfinished. ``now`` is Unix time."""
        if found := self._read("lock"):
            right = of_environment(self.environment)
            if is_held(found, now):
                raise held(right, found)
        if unfinished := self.unfinished():
            raise TradewindError(
                f"the deployment of {unfinished['release']} to {self.environment} is unfinished",
                "it may deploy other DAG files",
                f"tradewind release resume -e {self.environment}",
            )

    def evidence(self, release: str) -> list[dict[str, Any]]:
        """Return the ledger entries of a release in all environments with records here, oldest first."""
        ledgers = [name for name in self.records.names("environments/") if "/ledger/" in name]
        found = [
            {"environment": name.split("/")[1], **entry[0]} for name in ledgers if (entry := self.records.read(name))
        ]
        return sorted((e for e in found if e["release"] == release), key=lambda entry: str(entry["at"]))

    def change_dags(self, dags: str, event: str, at: float, reason: str) -> Release | None:
        """Record that other DAG files are active. Returns the new active release; None if there was no active release.

        This does not need the lease of the environment. While a rollout is unfinished, the change is noted for it, and
        None is returned, too. The release that the rollout activates then has these DAG files (``settle``).
        """
        while True:
            if unfinished := self.records.read(self._name("deployment")):
                if not self.brought_dags(dags):
                    continue
                self.note(event, unfinished[0]["release"], at, reason=f"{reason}: {dags}")
                return None
            found = self.records.read(self._name("current"))
            if found is None:
                return None
            before = self.release(found[0]["release"])
            if before.dags == dags:
                return before
            made = self.keep(
                replace(before, dags=dags, parent=before.id, author=me(), created=_time(at, "milliseconds"), note="")
            )
            try:
                self.records.write(self._name("current"), {"release": made.id}, found[1])
            except ConflictError:
                continue
            self.note(event, made.id, at, reason=reason)
            return made

    def brought_dags(self, dags: str) -> bool:
        """Note the last activated DAG files for the unfinished rollout. Returns whether there is one."""
        name = self._name("deployment")
        while found := self.records.read(name):
            try:
                self.records.write(name, {**found[0], "dags": dags}, found[1])
            except ConflictError:
                continue
            return True
        return False

    # The callers of the following methods hold the lease of the environment.

    def begin(self, release: str, previous: str | None, reason: str, *, back: bool) -> None:
        """Store the goal, for a command that continues after a kill. ``back``: the goal is ``previous``."""
        self._write("deployment", {"release": release, "previous": previous, "back": back, "reason": reason})

    def settle(self, release: Release, event: str, at: float, **more: Any) -> Release:
        """Make this release active, and end the deployment. Returns the active release. ``at`` is Unix time.

        If DAG files were changed meanwhile, they stay: the active release is then a new one with these DAG files.
        """
        while True:
            found, now, unfinished = self.records.read(self._name("current")), self.current(), self.unfinished()
            # The DAG files that were activated last. A release without DAG files does not change them.
            dags = (unfinished or {}).get("dags") or release.dags or (now.dags if now else "")
            if dags != release.dags:
                release = self.keep(replace(release, dags=dags, parent=release.id))
            try:
                self.records.write(self._name("current"), {"release": release.id}, found[1] if found else None)
            except ConflictError:
                continue
            break
        self.note(event, release.id, at, **more)
        name = self._name("deployment")
        if found := self.records.read(name):
            self.records.delete(name, found[1])
        return release

    def note(self, event: str, release: str, at: float, **more: Any) -> None:
        """Append to the ledger. Entries are never overwritten. ``at`` is Unix time."""
        when = datetime.fromtimestamp(at, UTC)
        entry = {"event": event, "release": release, "by": me(), "at": _time(at, "seconds"), **more}
        ledger = self._name("ledger/")
        while True:
            number = len(self.records.names(ledger)) + 1
            try:
                self.records.write(f"{ledger}{number:06}-{when.strftime('%Y%m%dT%H%M%S')}", entry, None)
            except ConflictError:
                continue  # another change was noted at the same time
            return

    def _name(self, what: str) -> str:
        return f"environments/{self.environment}/{what}"

    def _read(self, what: str) -> dict[str, Any] | None:
        found = self.records.read(self._name(what))
        return found[0] if found else None

    def _write(self, what: str, document: Mapping[str, Any]) -> None:
        found = self.records.read(self._name(what))
        self.records.write(self._name(what), document, found[1] if found else None)


def _time(at: float, precision: str) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=precision)
