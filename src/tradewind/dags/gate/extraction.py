"""Reads the DAGs of a file, in the process that imported it, as plain data (``dag_facts``)."""

from __future__ import annotations

import builtins
import os
import re
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

PREFIX = "unusual_prefix_"
"""Airflow's prefix for the names of the modules of DAG files."""
_TOLD_S = 0.1
"""Seconds; faster imports are not reported."""
_TOLD = 5
_PLACE = re.compile(r'  File "([^"]+)", line (\d+)')
_OURS = re.compile(rf'^  File "{re.escape(__file__)}".*\n(?:    .*\n)*', re.MULTILINE)
"""The lines of `_Clock` in a traceback."""


_CELERY = "airflow.providers.celery.executors.celery_executor.CeleryExecutor"
"""The executor that sends tasks to workers. Other executors run tasks elsewhere, and most of them have no queues."""

_SAMPLE = """
from datetime import datetime, timedelta
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Asset, Param, TaskGroup, Variable, dag, task, task_group

with DAG(
    "sample", schedule="@daily", start_date=datetime(2026, 1, 1), catchup=False, params={"p": Param(1)}, tags=["x"],
    default_args={"owner": "x", "retries": 1, "execution_timeout": timedelta(hours=1)},
):
    @task
    def one(value):
        return value

    with TaskGroup("group"):
        bash = BashOperator(task_id="bash", bash_command="{{ ds }}", outlets=[Asset("x")])
    bash >> one.expand(value=[1, 2]) >> EmptyOperator(task_id="end")
    PythonOperator(task_id="python", python_callable=print)
"""


def prepare() -> None:
    """Load the modules that DAG files need, before their processes are forked, by reading a sample of common features.

    Airflow loads many of its modules when they are first used. Without this, each process would load them again.
    """
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:  # the caller removes it if this program is killed
        folder, path, modules = Path(name), list(sys.path), set(sys.modules)
        (folder / "sample.py").write_text(_SAMPLE)
        found = read(folder, "sample.py")
        if found.get("error"):
            raise RuntimeError(found["error"])  # Tradewind does not support this version of Airflow
        sys.path[:] = path
        for module in set(sys.modules) - modules:
            if module.startswith(PREFIX):
                del sys.modules[module]


def candidates(folder: Path, paths: Iterable[str]) -> frozenset[str]:
    """The ones of these files, relative to ``folder``, that Airflow would search for DAGs. ``.airflowignore`` applies.

    As ``airflow.utils.file.find_dag_file_paths``, which reads every file of the folder.
    """
    from airflow._shared.module_loading import find_path_from_directory
    from airflow.configuration import conf
    from airflow.utils.file import might_contain_dag

    syntax = conf.get_mandatory_value("core", "dag_ignore_file_syntax", fallback="glob")
    safe_mode = conf.getboolean("core", "dag_discovery_safe_mode", fallback=True)
    asked, found = set(paths), set()
    for place in find_path_from_directory(str(folder), ".airflowignore", syntax):
        path = os.path.relpath(place, folder)
        if path in asked:
            with suppress(Exception):  # Airflow skips such a file, too
                if (path.endswith(".py") or zipfile.is_zipfile(place)) and might_contain_dag(place, safe_mode):
                    found.add(path)
    return frozenset(found)


def read(folder: Path, path: str) -> dict[str, Any]:
    """Import one file; return its DAGs and its problems. The process must do nothing else.

    Keys: ``dags``; ``error``, ``rule``, ``at`` (a file) and ``line`` of a failed import; ``imports``: slow ones, as
    ``[seconds, module, file, line]``; ``varying``: ``[line, text]`` of code that makes each parse a new DAG version.
    """
    from airflow.dag_processing.dagbag import DagBag

    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # after all others, as Airflow does
    clock = _Clock(str(folder))
    builtins.__import__ = clock
    try:
        bag = DagBag(dag_folder=str(folder / path), collect_dags=False, bundle_path=folder)
        dags = bag.process_file(str(folder / path))
    finally:
        builtins.__import__ = clock.real
    found: dict[str, Any] = {"dags": [], "imports": clock.slow(), "varying": list(_varying(folder / path))}
    if bag.import_errors:
        return {**found, **_error("\n".join(bag.import_errors.values()), folder, path)}
    for name, times in Counter(dag.dag_id for dag in dags).items():
        if times > 1:
            return {**found, "error": f"{times} DAGs in this file have the id {name}", "rule": "duplicate"}
    for dag in dags:
        try:
            found["dags"].append(_dag(dag))
        except Exception as error:
            last = traceback.format_exception_only(error)[-1].strip()
            return {**found, "dags": [], "error": f"the DAG {dag.dag_id} cannot be serialized: {last}", "rule": "store"}
    found["dags"].sort(key=lambda entry: entry["id"])
    return found


class _Clock:
    """Replaces ``__import__``, and measures the imports in files of the folder."""

    def __init__(self, folder: str) -> None:
        self.real = builtins.__import__
        self._folder = folder + "/"
        self._took: dict[tuple[str, str, int], float] = {}

    def __call__(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        file = globals.get("__file__") if globals else None
        if not file or not file.startswith(self._folder):
            return self.real(name, globals, locals, fromlist, level)
        line = sys._getframe(1).f_lineno
        began = time.perf_counter()
        try:
            return self.real(name, globals, locals, fromlist, level)
        finally:
            took = time.perf_counter() - began
            if took >= _TOLD_S:
                self._took[name, file.removeprefix(self._folder), line] = round(took, 3)

    def slow(self) -> list[list[Any]]:
        """The slowest imports, slowest first. The time of an import counts for the imports around it, too."""
        slowest = sorted(self._took.items(), key=lambda item: -item[1])[:_TOLD]
        return [[took, name, file, line] for (name, file, line), took in slowest]


def _error(text: str, folder: Path, path: str) -> dict[str, Any]:
    """The error of an import. Its line is the last one in a file of the folder, which may be a helper module."""
    lines = text.strip().replace(f"{folder}/", "").splitlines() or ["the reason is unknown"]
    frames = [number for number, line in enumerate(lines) if line.startswith("  File ")]
    # The first line after the last frame that is not indented is the exception; some have details on further lines.
    behind = range(frames[-1] + 1 if frames else 0, len(lines))
    head = next((number for number in behind if not lines[number].startswith(" ")), len(lines) - 1)
    places = [(match[1], int(match[2])) for number in frames if (match := _PLACE.match(lines[number]))]
    ours = [(file, line) for file, line in places if not file.startswith("/") and (folder / file).is_file()]
    file, line = ours[-1] if ours else (path, 0)
    kinds = {"MemoryError": "memory", "AirflowDagCycleException": "cycle", "AirflowDagDuplicatedId": "duplicate"}
    rule = next((rule for kind, rule in kinds.items() if kind in lines[head]), "import")
    # The exception first, then the traceback from the first frame in the folder, without the frames of `_Clock`.
    first = next((number for number in frames if ours and lines[number].startswith(f'  File "{ours[0][0]}"')), head)
    shown = _OURS.sub("", "\n".join([*lines[first:head], ""])).rstrip()
    return {"error": "\n".join([*lines[head:], *filter(None, [shown])]), "rule": rule, "at": file, "line": line}


def _dag(dag: Any) -> dict[str, Any]:
    from airflow.serialization.serialized_objects import DagSerialization

    DagSerialization.to_dict(dag)
    timeout = dag.dagrun_timeout
    return {
        "id": dag.dag_id,
        "tags": sorted(map(str, dag.tags)),
        "timeout_s": timeout.total_seconds() if timeout else None,
        "tasks": [_task(task) for task in sorted(dag.tasks, key=lambda task: task.task_id)],
    }


def _task(task: Any) -> dict[str, Any]:
    timeout = task.execution_timeout
    return {
        "id": task.task_id,
        "owner": task.owner,
        "retries": task.retries or 0,
        "timeout_s": timeout.total_seconds() if timeout else None,
        "pool": task.pool,
        "queue": task.queue if _needs_a_worker(task) else "",
        "connections": sorted(set(_connections(task))),
        "copies": _copies(task),
    }


def _needs_a_worker(task: Any) -> bool:
    """Whether a run sends it to a worker. An empty task without callbacks, inlets and outlets only gets its state."""
    if task.inherits_from_empty_operator and not any(
        getattr(task, name, None) for name in ("on_execute_callback", "on_success_callback", "inlets", "outlets")
    ):
        return False
    from airflow.executors.executor_loader import ExecutorLoader

    try:
        found = (
            ExecutorLoader.lookup_executor_name_by_str(task.executor)
            if task.executor
            else ExecutorLoader.get_default_executor_name()
        )
    except Exception:
        return False  # an executor that does not exist is an error of its own
    return bool(found.module_path == _CELERY)


def _connections(task: Any) -> Iterator[str]:
    """Every argument of a task that is named ``…conn_id``, unless it is a template."""
    for name, value in {**vars(task), **getattr(task, "partial_kwargs", {})}.items():
        if name.endswith("conn_id") and isinstance(value, str) and value and "{{" not in value:
            yield value


def _copies(task: Any) -> int:
    """Into how many task instances a run expands this, as far as the file shows; 1 if unknown."""
    groups = [group._expand_input for group in task.iter_mapped_task_groups()]
    own = [task._get_specified_expand_input()] if task.is_mapped else []
    copies = 1
    for given in [*groups, *own]:
        values: Iterable[Any] = given.value.values() if isinstance(given.value, dict) else [given.value]
        for value in values:
            copies *= len(value) if isinstance(value, (list, tuple, dict)) else 1
    return copies


def _varying(path: Path) -> Iterator[list[Any]]:
    from airflow.utils.dag_version_inflation_checker import check_dag_file_stability

    try:
        warnings = check_dag_file_stability(path).warnings
    except Exception:
        return
    for warning in warnings.values():
        yield [warning.line, f"{warning.message}: {warning.code}"]
