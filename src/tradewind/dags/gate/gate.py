"""The gate: DAG files are imported, judged, and the repository's own tests run, before they become a release."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tradewind import junit
from tradewind.bundle.manifest import DagRelease
from tradewind.config.gate import Gate
from tradewind.dags import imports, release
from tradewind.dags.gate import memory, processors, rules
from tradewind.dags.gate.facts import NONSENSE, Imported
from tradewind.dags.gate.rules import Finding, Known
from tradewind.dags.tree import Tree
from tradewind.errors import TradewindError

Tell = Callable[[int, int], None]
"""Told how many files are done, of how many."""


@dataclass(frozen=True)
class Tested:
    """What came of it. ``reused``: files whose import was remembered; ``seconds`` of all."""

    release: DagRelease
    files: tuple[Imported, ...]
    findings: tuple[Finding, ...]
    reused: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether nothing keeps these files from being released."""
        return not any(finding.error for finding in self.findings)

    def dags(self) -> dict[str, tuple[str, ...]]:
        """The ids of the DAGs of each file that has any."""
        return {file.path: tuple(dag.id for dag in file.dags) for file in self.files if file.dags}

    def cases(self) -> list[junit.Case]:
        """For a report: each file, with all that keeps it back."""
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
    remembered: Path | None,
    known: Known | None = None,
    tell: Tell = lambda _done, _all: None,
    jobs: int | None = None,
) -> Tested:
    """Test these files. ``remembered``: where results are kept, if at all. ``jobs``: files at once, or ``processors``.

    Raises:
        TradewindError: it could not begin.
    """
    began = time.monotonic()
    with _Importer(gate, jobs or processors.available()) as importer:  # it loads Airflow meanwhile
        names, notes = _memories(remembered) if remembered else (None, None)
        described = release.describe(tree, "", names) if names else release.describe(tree, "")
        if names:
            names.save()
        limits = gate.model_dump(include={"import_s", "memory_mb", "processes", "variables"})
        keys = memory.keys(described, memory.base(limits))
        results = {path: found for path, key in keys.items() if notes and (found := notes.get(key)) and _is_one(found)}
        left = [path for path in keys if path not in results]
        tell(len(results), len(keys))
        for path, found in importer.run(tree, left) if left else ():
            results[path] = found if _is_one(found) else {**NONSENSE, "seconds": 0.0}
            tell(len(results), len(keys))
            if notes and _is_one(found):
                notes.put(keys[path], found)
    if notes:
        notes.save()
    files = tuple(Imported.from_dict(p, results[p]) for p in sorted(results) if not results[p].get("skipped"))
    findings = rules.judge(files, gate)
    if known:
        findings += rules.compare(files, _codes(files, described, tree), known, gate)
    reused = len({file.path for file in files} - set(left))
    return Tested(described, files, findings, reused, round(time.monotonic() - began, 3))


def _is_one(found: dict[str, Any]) -> bool:
    """Whether this is what an import gives: what runs there could say anything."""
    try:
        Imported.from_dict("", found)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return True


def _memories(folder: Path) -> tuple[imports.Remembered, memory.Memory] | tuple[None, None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
    except OSError:
        return None, None  # nothing is lost but time
    return imports.Remembered(folder / "imports.json"), memory.Memory(folder / "results.json")


class _Importer:
    """``importing``, beside this process, from the beginning to the end of the block."""

    def __init__(self, gate: Gate, jobs: int) -> None:
        self._gate = gate
        self._jobs = jobs

    def __enter__(self) -> Self:
        self._scratch = tempfile.TemporaryDirectory(prefix="tradewind-gate-")
        self._folder = Path(self._scratch.name).resolve() / "dags"
        home = self._folder.with_name("home")
        home.mkdir()
        # For root, files are imported with the real user id of nobody, which some programs go by.
        self._folder.parent.chmod(0o755)
        home.chmod(0o777)
        self._complaints = self._folder.with_name("complaints").open("w+b")
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tradewind.dags.gate.importing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=environment(home, self._folder) | dict(self._gate.variables),
            cwd=home,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._program.stdin
        assert self._program.stdout
        with suppress(BrokenPipeError):
            self._program.stdin.close()
        self._program.kill()
        self._program.wait()
        self._program.stdout.close()
        self._complaints.close()
        self._scratch.cleanup()

    def run(self, tree: Tree, paths: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Import these files, as a release has them, in any order."""
        assert self._program.stdin
        assert self._program.stdout
        _unpack(tree, self._folder)
        gate = self._gate
        limits = {
            "import_s": gate.import_s,
            "memory_mb": gate.memory_mb,
            "processes": gate.processes,
            "jobs": self._jobs,
        }
        answered = 0
        with suppress(BrokenPipeError), self._program.stdin as stream:
            stream.writelines(json.dumps(line) + "\n" for line in [{"folder": str(self._folder), **limits}, *paths])
        for line in self._program.stdout:
            found = json.loads(line)
            answered += 1
            yield found.pop("file"), {"seconds": 0.0, **found}
        if self._program.wait() != 0 or answered != len(paths):
            self._complaints.seek(0)
            why = self._complaints.read()[-2000:].decode(errors="replace").strip()
            raise TradewindError(
                "DAG files cannot be imported", why or f"it ended with {self._program.returncode}", "make install"
            )


def _unpack(tree: Tree, folder: Path) -> None:
    made = set()
    for path, file in tree.files.items():
        place = folder / path
        if place.parent not in made:
            place.parent.mkdir(parents=True, exist_ok=True)
            made.add(place.parent)
        place.write_bytes(file.content)
        if file.executable:
            place.chmod(0o755)


def environment(home: Path, folder: Path) -> dict[str, str]:
    """Nothing of the caller's: a file that needs a secret or a variable to be imported is wrong."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "LOGNAME": "airflow",
        "LANG": "C.UTF-8",
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        # The time here is the one that counts, and all of a traceback shows where an error is from.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "0",
        "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "20",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _codes(files: tuple[Imported, ...], described: DagRelease, tree: Tree) -> Mapping[str, tuple[str, ...]]:
    """Of each file with DAGs, its code and that of what it imports."""
    found = {}
    for file in files:
        near = memory.closure(file.path, described.imports) if file.dags else ()
        found[file.path] = tuple(tree.files[path].content.decode(errors="replace") for path in sorted(near))
    return found
