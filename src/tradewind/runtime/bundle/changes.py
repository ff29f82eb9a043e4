"""Compare two releases: which files must be parsed again first, and which need not be parsed at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tradewind.dag_releases.manifest import DagRelease


@dataclass(frozen=True)
class Changes:
    """The files of the newer release, and the files that it no longer has.

    ``first``: changed, or importing a changed file, directly or indirectly. ``behind``: the code does not show whether
    they changed. ``same``: parsing gives the same result as before. ``gone``: deleted.
    """

    first: frozenset[str]
    behind: frozenset[str]
    same: frozenset[str]
    gone: frozenset[str]


def changes(old: DagRelease, new: DagRelease) -> Changes:
    """Compare two releases.

    Any file may read a file that is not Python, so if such a file changed, every file may have changed. A Python file
    may also have changed if it has imports that are known only at run time.
    """
    touched = {path for path, entry in new.files.items() if old.files.get(path) != entry}
    gone = set(old.files) - set(new.files)
    # By the imports of both: a new file can hide the file that an import found before, and a deleted file can uncover
    # another one.
    first = _reach(touched | gone, _importers((old.imports, new.imports))) & set(new.files)
    if any(not path.endswith(".py") for path in touched | gone):
        behind = set(new.files) - first
    elif touched or gone:
        behind = _reach(new.dynamic, _importers((new.imports,))) - first
    else:
        behind = set()
    return Changes(frozenset(first), frozenset(behind), frozenset(set(new.files) - first - behind), frozenset(gone))


def _importers(graphs: Iterable[Mapping[str, tuple[str, ...]]]) -> dict[str, set[str]]:
    """Map each file to the files that import it."""
    found: dict[str, set[str]] = defaultdict(set)
    for graph in graphs:
        for path, targets in graph.items():
            for target in targets:
                found[target].add(path)
    return found


def _reach(start: Iterable[str], edges: Mapping[str, set[str]]) -> set[str]:
    """Return ``start`` and everything that can be reached from it."""
    found = set(start)
    left = list(found)
    while left:
        further = edges.get(left.pop(), set()) - found
        found |= further
        left += further
    return found
