"""What another release changes for each file of it: which must be parsed again first, and which need not be at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tradewind.dag_releases.manifest import DagRelease


@dataclass(frozen=True)
class Changes:
    """The files of the newer release, and those that it no longer has.

    ``first``: changed, or importing something changed, however far away. ``behind``: nobody can tell from the code
    whether they changed. ``same``: parse to what they did. ``gone``: deleted.
    """

    first: frozenset[str]
    behind: frozenset[str]
    same: frozenset[str]
    gone: frozenset[str]


def changes(old: DagRelease, new: DagRelease) -> Changes:
    """Compare two releases.

    Any file that is no Python may be read by any other, so where one of these changed, every file may have changed.
    The same holds for Python files that import what is only known when they run.
    """
    touched = {path for path, entry in new.files.items() if old.files.get(path) != entry}
    gone = set(old.files) - set(new.files)
    # By the imports of both: a new file can stand where an import found something else before, and a deleted one can
    # uncover another.
    first = _reach(touched | gone, _importers((old.imports, new.imports))) & set(new.files)
    if any(not path.endswith(".py") for path in touched | gone):
        behind = set(new.files) - first
    elif touched or gone:
        behind = _reach(new.dynamic, _importers((new.imports,))) - first
    else:
        behind = set()
    return Changes(frozenset(first), frozenset(behind), frozenset(set(new.files) - first - behind), frozenset(gone))


def _importers(graphs: Iterable[Mapping[str, tuple[str, ...]]]) -> dict[str, set[str]]:
    """From each file to those that import it."""
    found: dict[str, set[str]] = defaultdict(set)
    for graph in graphs:
        for path, targets in graph.items():
            for target in targets:
                found[target].add(path)
    return found


def _reach(start: Iterable[str], edges: Mapping[str, set[str]]) -> set[str]:
    """Everything that can be reached from ``start``, with it."""
    found = set(start)
    left = list(found)
    while left:
        further = edges.get(left.pop(), set()) - found
        found |= further
        left += further
    return found
