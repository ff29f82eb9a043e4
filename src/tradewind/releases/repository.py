"""The releases of an environment, and what became of them: records in a folder or a bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tradewind.errors import ExitCode, TradewindError
from tradewind.releases.record import Release
from tradewind.storage.lease import me
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
                release = replace(last, parent=first.parent, note=release.note or first.note)
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

    # Only who holds the lease of the environment calls what follows.

    def begin(self, release: str, previous: str | None, reason: str, *, back: bool) -> None:
        """Write down what is wanted, for a command that finishes what a kill left. ``back``: ``previous`` is wanted."""
        self._write("deployment", {"release": release, "previous": previous, "back": back, "reason": reason})

    def settle(self, release: Release, event: str, at: float, **more: Any) -> None:
        """From now on this release is in force, and nothing is unfinished. ``at`` is Unix time."""
        self._write("current", {"release": release.id})
        self.note(event, release.id, at, **more)
        name = self._name("deployment")
        if found := self.records.read(name):
            self.records.delete(name, found[1])

    def note(self, event: str, release: str, at: float, **more: Any) -> None:
        """Append to the ledger. An entry is never written over. ``at`` is Unix time."""
        when = datetime.fromtimestamp(at, UTC)
        entry = {"event": event, "release": release, "by": me(), "at": when.isoformat(timespec="seconds"), **more}
        ledger = self._name("ledger/")
        number = len(self.records.names(ledger)) + 1
        self.records.write(f"{ledger}{number:06}-{when.strftime('%Y%m%dT%H%M%S')}", entry, None)

    def _name(self, what: str) -> str:
        return f"environments/{self.environment}/{what}"

    def _read(self, what: str) -> dict[str, Any] | None:
        found = self.records.read(self._name(what))
        return found[0] if found else None

    def _write(self, what: str, document: Mapping[str, Any]) -> None:
        found = self.records.read(self._name(what))
        self.records.write(self._name(what), document, found[1] if found else None)
