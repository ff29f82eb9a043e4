"""The releases of an environment, and what became of them: records in a folder or a bucket."""

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
    """The releases that an environment can have, which is in force, and its ledger.

    Args:
        environment: its name.
        records: where all this is kept. Several environments of one account share it, and the releases in it.
    """

    environment: str
    records: Records

    def keep(self, release: Release) -> Release:
        """Keep the record of a release, and return it. One that is made again is the newest again; its parent stays."""
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
                continue  # made at the same time by another process
            return release

    def all(self) -> list[Release]:
        """Every release, oldest first."""
        names = self.records.names("records/")
        found = [Release.from_dict(document[0]) for name in names if (document := self.records.read(name))]
        return sorted(found, key=lambda release: release.created)

    def release(self, release_id: str) -> Release:
        """The record of a release. TradewindError where there is none."""
        found = self.records.read(f"records/{release_id}")
        if found is None:
            raise TradewindError(
                f"there is no release {release_id!r}", hint="tradewind release list", code=ExitCode.USAGE
            )
        return Release.from_dict(found[0])

    def current_id(self) -> str | None:
        """The release that was deployed last, and well; None before the first."""
        found = self._read("current")
        return str(found["release"]) if found else None

    def current(self) -> Release | None:
        """The same with its record; None also where the record is gone."""
        current = self.current_id()
        found = self.records.read(f"records/{current}") if current else None
        return Release.from_dict(found[0]) if found else None

    def previous(self) -> Release:
        """The release to go back to: before an unfinished deployment, the one in force; else the one before that.

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
                "there is nothing to go back to",
                f"no other release was ever in force in {self.environment}",
                f"tradewind history {self.environment}",
                code=ExitCode.USAGE,
            )
        return self.release(before[-1])

    def unfinished(self) -> dict[str, Any] | None:
        """What a deployment that did not end has written down; None where there is none."""
        return self._read("deployment")

    def history(self) -> list[dict[str, Any]]:
        """Every change of the environment, oldest first."""
        names = self.records.names(self._name("ledger/"))
        return [found[0] for name in names if (found := self.records.read(name))]

    def lock(self) -> dict[str, Any] | None:
        """Who keeps others from deploying: ``owner``, ``reason``, ``since``, ``until``; None where it is free."""
        found = self._read("lock")
        return {key: found[key] for key in ("owner", "reason", "since", "until")} if found else None

    def refuse_while_deploying(self, now: float) -> None:
        """TradewindError while a rollout brings a release here, or has left one unfinished. ``now`` is Unix time."""
        if found := self._read("lock"):
            right = of_environment(self.environment)
            if is_held(found, now):
                raise held(right, found)
        if unfinished := self.unfinished():
            raise TradewindError(
                f"the deployment of {unfinished['release']} to {self.environment} is unfinished",
                "its DAG files may be others",
                f"tradewind release resume {self.environment}",
            )

    def evidence(self, release: str) -> list[dict[str, Any]]:
        """What became of a release in every environment that keeps its records here, oldest first: their ledgers."""
        ledgers = [name for name in self.records.names("environments/") if "/ledger/" in name]
        found = [
            {"environment": name.split("/")[1], **entry[0]} for name in ledgers if (entry := self.records.read(name))
        ]
        return sorted((e for e in found if e["release"] == release), key=lambda entry: str(entry["at"]))

    def change_dags(self, dags: str, event: str, at: float, reason: str) -> Release | None:
        """Other DAG files are in force: the release in force is another one from now on. None where there is none.

        The lease of the environment is not needed. While a rollout is unfinished this is noted for it, and what it then
        leaves in force is a release with these DAG files (``settle``); None, too.
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
        """Note for the rollout that is unfinished which DAG files were put in force last; whether there is one."""
        name = self._name("deployment")
        while found := self.records.read(name):
            try:
                self.records.write(name, {**found[0], "dags": dags}, found[1])
            except ConflictError:
                continue
            return True
        return False

    # Only who holds the lease of the environment calls what follows.

    def begin(self, release: str, previous: str | None, reason: str, *, back: bool) -> None:
        """Write down what is wanted, for a command that finishes what a kill left. ``back``: ``previous`` is wanted."""
        self._write("deployment", {"release": release, "previous": previous, "back": back, "reason": reason})

    def settle(self, release: Release, event: str, at: float, **more: Any) -> Release:
        """From now on this release is in force, and nothing is unfinished; the release. ``at`` is Unix time.

        Where DAG files were changed meanwhile, they stay: what is in force is a release with these.
        """
        while True:
            found, now, unfinished = self.records.read(self._name("current")), self.current(), self.unfinished()
            # What was put in force last; a release that names none leaves what there was.
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
        """Append to the ledger. An entry is never written over. ``at`` is Unix time."""
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
