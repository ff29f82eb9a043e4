"""The gate: imports and judges DAG files before they become a release. ``suite`` runs the repository's own tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradewind import junit
from tradewind.config.gate_settings import Gate
from tradewind.dag_releases.manifest import DagRelease
from tradewind.dags import build as release
from tradewind.dags import imports
from tradewind.dags.gate import import_cache, rules
from tradewind.dags.gate.dag_facts import MALFORMED_RESULT, Imported
from tradewind.dags.gate.import_client import Importer
from tradewind.dags.gate.rules import EnvironmentQuery, Finding
from tradewind.dags.tree import Tree

Tell = Callable[[int, int], None]
"""Called with the number of files that are done, and the number of all files."""


@dataclass(frozen=True)
class Tested:
    """The result. ``reused``: files whose result came from the cache. ``seconds``: for all files together."""

    release: DagRelease
    files: tuple[Imported, ...]
    findings: tuple[Finding, ...]
    reused: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether these files may be released."""
        return not any(finding.error for finding in self.findings)

    def dags(self) -> dict[str, tuple[str, ...]]:
        """The ids of the DAGs of each file that has any."""
        return {file.path: tuple(dag.id for dag in file.dags) for file in self.files if file.dags}

    def cases(self) -> list[junit.Case]:
        """The cases of a JUnit report: each file with its errors."""
        found = {file.path: (file.seconds, [*self._errors(file.path)]) for file in self.files}
        for finding in self.findings:
            if finding.error and finding.file not in found:
                found[finding.file] = (0.0, [*self._errors(finding.file)])
        return [junit.Case(path or "all", "\n".join(why), seconds) for path, (seconds, why) in sorted(found.items())]

    def _errors(self, path: str) -> Iterator[str]:
        for finding in self.findings:
            if finding.error and finding.file == path:
                first, *others = finding.text.splitlines() or [""]
                yield "\n".join([*others, f"{finding.rule}: {first}"])  # a report shows the last line


def examine(
    tree: Tree,
    gate: Gate,
    importer: Importer,
    remembered: Path | None = None,
    known: EnvironmentQuery | None = None,
    tell: Tell = lambda _done, _all: None,
    queues: Collection[str] = (),
) -> Tested:
    """Test these files. ``remembered``: the folder of the cache, or None. ``queues``: those that workers serve.

    Raises:
        TradewindError: Airflow cannot be loaded.
    """
    names, notes = _memories(remembered) if remembered else (None, None)
    described = release.describe(tree, "", names) if names else release.describe(tree, "")
    if names:
        names.save()
    limits = gate.model_dump(include={"import_timeout_s", "memory_mb", "processes", "variables"})
    keys = import_cache.keys(described, import_cache.base(limits))
    results: dict[str, Imported] = {}
    for path, key in keys.items():
        if notes and (found := notes.get(key)) and (imported := _imported(path, found)):
            results[path] = imported
    left = [path for path in keys if path not in results]
    tell(len(results), len(keys))
    for path, found in importer.run(tree, gate, left) if left else ():
        imported = _imported(path, found)
        results[path] = imported or Imported.from_dict(path, {**MALFORMED_RESULT, "seconds": 0.0})
        tell(len(results), len(keys))
        if notes and imported:
            notes.put(keys[path], found)
    if notes:
        notes.save()
    files = tuple(results[path] for path in sorted(results) if not results[path].skipped)
    findings = rules.judge(files, gate, queues)
    if known:
        findings += rules.compare(files, _codes(files, described, tree), known, gate)
    reused = len({file.path for file in files} - set(left))
    return Tested(described, files, findings, reused, round(time.monotonic() - importer.began, 3))


def _imported(path: str, found: dict[str, Any]) -> Imported | None:
    """The result of an import; None if it is malformed, because the imported code can write anything."""
    try:
        return Imported.from_dict(path, found)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _memories(folder: Path) -> tuple[imports.Remembered, import_cache.Memory] | tuple[None, None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
    except OSError:
        return None, None  # then every file is imported
    return imports.Remembered(folder / "imports.json"), import_cache.Memory(folder / "results")


def _codes(files: tuple[Imported, ...], described: DagRelease, tree: Tree) -> Mapping[str, tuple[str, ...]]:
    """For each file with DAGs: its code, and the code of every file that it imports."""
    found = {}
    for file in files:
        near = import_cache.closure(file.path, described.imports) if file.dags else ()
        found[file.path] = tuple(tree.files[path].content.decode(errors="replace") for path in sorted(near))
    return found
