"""Serves a folder of this machine while it is edited: each change that has settled becomes a DAG release."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tradewind.dag_releases.manifest import DagRelease
from tradewind.dag_releases.shared_folder import RELEASES, BusyError, SharedFolder
from tradewind.dags.build import build
from tradewind.dags.source import IGNORED, source_of
from tradewind.dags.tree import Tree, collect
from tradewind.errors import TradewindError

REST_S = 0.3
"""Seconds that a folder must stay unchanged. Saving several files, or a checkout, seldom pauses for longer."""

Signature = frozenset[tuple[str, int, int, int]]


class Follower:
    """Reads ``folder`` at each ``look``, and activates a release of it in ``shared``.

    ``problem``: why the last change is not served, or an empty text.
    """

    def __init__(self, folder: Path, shared: SharedFolder, rest: Callable[[], None] | None = None) -> None:
        self.folder = folder
        self.shared = shared
        self._rest = rest or (lambda: time.sleep(REST_S))
        self.problem = ""
        self._seen: Signature | None = None
        self._done: Signature | None = None  # the state that was activated or refused last

    def look(self) -> DagRelease | None:
        """Serve the folder if it has changed since the last look; return the new release, or None.

        Raises:
            TradewindError: these files cannot be released. The previous release stays active.
        """
        try:
            return self._look()
        except OSError as error:  # it may be temporary: the next look tries again
            self._seen = self._done = None
            self.problem = f"the DAG folder {self.folder} cannot be served: {error.strerror or error}"
            raise TradewindError(self.problem) from error

    def is_settled(self) -> bool:
        """Whether the current state of the folder is served, or was refused for the reason in ``problem``."""
        done = self._done
        try:
            return signature(self.folder) == done if done is not None else bool(self.problem)
        except OSError:
            return bool(self.problem)

    def _look(self) -> DagRelease | None:
        seen = signature(self.folder)
        if seen == self._seen:
            return None
        self._rest()
        if signature(self.folder) != seen:
            return None  # still being written; the next look checks again
        self._seen = seen  # also if it is refused below: one report is enough
        try:
            with self.shared.deploying():
                tree = collect(source_of(self.folder)) if seen else Tree({})  # an empty folder is allowed here
                release, _, _ = build(tree, self.shared.folder / RELEASES)
                if signature(self.folder) != seen:  # it changed during the read: the release may be a mixture
                    self._seen = None
                    return None
                self.shared.activate(release.id)
        except BusyError:
            self._seen = None
            return None
        except TradewindError as error:
            if signature(self.folder) != seen:
                self._seen = None
                return None
            self.problem = str(error)
            self._done = seen
            raise
        self.problem = ""
        self._done = seen
        return release


def signature(folder: Path) -> Signature:
    """The state of a folder: each path with its inode, size in bytes and modification time in ns."""
    return frozenset(_walk(folder, ""))


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, int, int, int]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in IGNORED:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from _walk(folder / entry.name, f"{prefix}{entry.name}/")
                else:
                    about = entry.stat(follow_symlinks=False)
                    yield prefix + entry.name, about.st_ino, about.st_size, about.st_mtime_ns
    except FileNotFoundError:
        return  # deleted during the scan
