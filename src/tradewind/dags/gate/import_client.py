"""Starts the program that imports DAG files (``import_program``), and reads its results."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from tradewind.dags.gate import processors
from tradewind.errors import TradewindError

if TYPE_CHECKING:  # the caller starts the program before it loads these modules
    from tradewind.config.gate_settings import Gate
    from tradewind.dags.tree import Tree

_READ_LATE = ("AIRFLOW_CONN_", "AIRFLOW_VAR_")
"""Prefixes of variables that Airflow reads when a file uses them, and that may be unset when Airflow is loaded."""


class Importer:
    """``import_program`` as a process of its own, for the duration of the block.

    It begins with the slowest step, loading Airflow, while the caller lists the files. ``jobs``: files at once; by
    default, as many as there are processors. ``began``: by ``time.monotonic``.
    """

    def __init__(self, jobs: int | None = None) -> None:
        self._jobs = jobs or processors.available()
        self.began = time.monotonic()

    def __enter__(self) -> Self:
        self.began = time.monotonic()
        with ExitStack() as stack:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="tradewind-gate-"))
            self._folder = Path(scratch).resolve() / "dags"
            self._home = self._folder.with_name("home")
            self._home.mkdir()
            # As root, files are imported under an unused real user id, and some programs check access by that id.
            self._folder.parent.chmod(0o755)
            self._home.chmod(0o777)
            self._complaints = stack.enter_context(self._folder.with_name("complaints").open("w+b"))
            self._program = _start(self._home, self._folder, {}, self._complaints)
            stack.callback(lambda: _end(self._program))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, tree: Tree, gate: Gate, paths: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Import these files of a release and yield their results, in any order. Call it once.

        Raises:
            TradewindError: Airflow cannot be loaded.
        """
        if not all(name.startswith(_READ_LATE) for name in gate.variables):
            _end(self._program)
            self._program = _start(self._home, self._folder, gate.variables, self._complaints)
        assert self._program.stdin
        assert self._program.stdout
        _unpack(tree, self._folder)
        first = {
            "folder": str(self._folder),
            "variables": dict(gate.variables),
            "import_timeout_s": gate.import_timeout_s,
            "memory_mb": gate.memory_mb,
            "processes": gate.processes,
            "jobs": self._jobs,
        }
        answered = 0
        with suppress(BrokenPipeError), self._program.stdin as stream:
            stream.writelines(json.dumps(line) + "\n" for line in [first, *paths])
        for line in self._program.stdout:
            found = json.loads(line)
            answered += 1
            yield found.pop("file"), {"seconds": 0.0, **found}
        if self._program.wait() != 0 or answered != len(paths):
            self._complaints.seek(0)
            why = self._complaints.read()[-2000:].decode(errors="replace").strip()
            raise TradewindError(
                "DAG files cannot be imported",
                why or f"the importing process ended with {self._program.returncode}",
                "make install",
            )


def _start(home: Path, folder: Path, variables: Mapping[str, str], complaints: IO[bytes]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tradewind.dags.gate.import_program"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        env=environment(home, folder) | dict(variables),
        cwd=home,
        text=True,
    )


def _end(program: subprocess.Popen[str]) -> None:
    assert program.stdin
    assert program.stdout
    with suppress(BrokenPipeError):
        program.stdin.close()
    program.kill()
    program.wait()
    program.stdout.close()


def environment(home: Path, folder: Path) -> dict[str, str]:
    """The environment of a program that imports DAG files. It has no variable of the caller: no import may need one."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "LOGNAME": "airflow",
        "LANG": "C.UTF-8",
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # A task may name the executor that every environment has.
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        # The gate enforces its own time limit, and needs whole tracebacks to find the origin of an error.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "0",
        "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "20",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


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
