"""Serves a folder on this machine as it is edited: each time that it has changed and come to rest, a release of it."""

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
"""How long a folder must stay as it is: who saves several files, or checks out a branch, is seldom slower."""

Signature = frozenset[tuple[str, int, int, int]]


class Follower:
    """Looks at ``folder`` when asked to, and puts what it finds in force in ``shared``.

    ``problem`` says why the last change is not served.
    """

    def __init__(self, folder: Path, shared: SharedFolder, rest: Callable[[], None] | None = None) -> None:
        self.folder = folder
        self.shared = shared
        self._rest = rest or (lambda: time.sleep(REST_S))
        self.problem = ""
        self._seen: Signature | None = None
        self._done: Signature | None = None  # what was seen, once it is in force or refused

    def look(self) -> DagRelease | None:
        """Serve the folder where it has changed since the last look; what is served now, or nothing.

        Raises:
            TradewindError: these files cannot be released. What was served still is.
        """
        try:
            return self._look()
        except OSError as error:  # perhaps not for long: it is tried again
            self._seen = self._done = None
            self.problem = f"the DAG folder {self.folder} cannot be served: {error.strerror or error}"
            raise TradewindError(self.problem) from error

    def is_settled(self) -> bool:
        """Whether the folder as it is now is served, or was looked at and ``problem`` says why it is not."""
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
            return None  # still being written; the next look will see
        self._seen = seen  # also where it is refused below: to say so once is enough
        try:
            with self.shared.deploying():
                tree = collect(source_of(self.folder)) if seen else Tree({})  # no files are no mistake here
                release, _, _ = build(tree, self.shared.folder / RELEASES)
                if signature(self.folder) != seen:  # it changed while it was read: this may be a mixture
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
    """What a folder looks like from outside: each path with its inode, size in bytes and time in ns."""
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
        return  # deleted while it was looked at
