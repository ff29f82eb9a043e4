"""What a DAG file has, read in the process that imported it, as plain data (``facts``)."""

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
"""Airflow's, of the names that it gives to the modules of DAG files."""
_TOLD_S = 0.1
"""Imports that took less are not told."""
_TOLD = 5
_PLACE = re.compile(r'  File "([^"]+)", line (\d+)')
_OURS = re.compile(rf'^  File "{re.escape(__file__)}".*\n(?:    .*\n)*', re.MULTILINE)
"""What stands in a traceback for `_Clock`."""


_CELERY = "airflow.providers.celery.executors.celery_executor.CeleryExecutor"
"""What hands tasks to workers. Other executors run tasks somewhere else, and most of them have no queues."""

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
    """Load what files need, before their processes begin: by reading one that has a little of everything.

    Airflow loads many of its parts when they are first used, which each process would do anew.
    """
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:  # whoever ends this program removes that
        folder, path, modules = Path(name), list(sys.path), set(sys.modules)
        (folder / "sample.py").write_text(_SAMPLE)
        found = read(folder, "sample.py")
        if found.get("error"):
            raise RuntimeError(found["error"])  # this Airflow is not what Tradewind is made for
        sys.path[:] = path
        for module in set(sys.modules) - modules:
            if module.startswith(PREFIX):
                del sys.modules[module]


def candidates(folder: Path, paths: Iterable[str]) -> frozenset[str]:
    """Of these files, relative to ``folder``, those that Airflow would look for DAGs in: ``.airflowignore`` counts.

    As ``airflow.utils.file.find_dag_file_paths``, which looks into every file that is there.
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
            with suppress(Exception):  # Airflow leaves it out, too
                if (path.endswith(".py") or zipfile.is_zipfile(place)) and might_contain_dag(place, safe_mode):
                    found.add(path)
    return frozenset(found)


def read(folder: Path, path: str) -> dict[str, Any]:
    """Import one file; its DAGs, and what is wrong. For a process that nothing else is done in.

    Keys: ``dags``; ``error``, ``rule`` and ``line`` of what keeps it from being imported; ``imports``: slow ones, as
    ``[seconds, module, file, line]``; ``varying``: ``[line, text]`` of what makes a version of each parse.
    """
    from airflow.dag_processing.dagbag import DagBag

    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # behind all others, as Airflow has it
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
            return {**found, "error": f"{times} DAGs in it have the id {name}", "rule": "duplicate"}
    for dag in dags:
        try:
            found["dags"].append(_dag(dag))
        except Exception as error:
            last = traceback.format_exception_only(error)[-1].strip()
            return {**found, "dags": [], "error": f"the DAG {dag.dag_id} cannot be stored: {last}", "rule": "store"}
    found["dags"].sort(key=lambda entry: entry["id"])
    return found


class _Clock:
    """Stands in for ``__import__`` and sees how long the imports take that files of the folder ask for."""

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
        """The slowest, slowest first. What a file of the folder imports counts for who imported that file, too."""
        slowest = sorted(self._took.items(), key=lambda item: -item[1])[:_TOLD]
        return [[took, name, file, line] for (name, file, line), took in slowest]


def _error(text: str, folder: Path, path: str) -> dict[str, Any]:
    """An import's error: the line is the last one in a file of the folder, which may be a helper's."""
    lines = text.strip().replace(f"{folder}/", "").splitlines() or ["nobody knows why"]
    frames = [number for number, line in enumerate(lines) if line.startswith("  File ")]
    # What stands behind the last frame and is not indented is the exception; some have details on further lines.
    behind = range(frames[-1] + 1 if frames else 0, len(lines))
    head = next((number for number in behind if not lines[number].startswith(" ")), len(lines) - 1)
    places = [(match[1], int(match[2])) for number in frames if (match := _PLACE.match(lines[number]))]
    ours = [(file, line) for file, line in places if not file.startswith("/") and (folder / file).is_file()]
    file, line = ours[-1] if ours else (path, 0)
    kinds = {"MemoryError": "memory", "AirflowDagCycleException": "cycle", "AirflowDagDuplicatedId": "duplicate"}
    rule = next((rule for kind, rule in kinds.items() if kind in lines[head]), "import")
    # The exception first, then how it came to it, without what is Airflow's and Python's own.
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
    """Whether a run hands it to a worker. A task that does nothing, and tells nothing, only gets its state."""
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
        return False  # what does not exist is an error of its own
    return bool(found.module_path == _CELERY)


def _connections(task: Any) -> Iterator[str]:
    """Of a task: every argument that is called ``…conn_id``, where it is no template."""
    for name, value in {**vars(task), **getattr(task, "partial_kwargs", {})}.items():
        if name.endswith("conn_id") and isinstance(value, str) and value and "{{" not in value:
            yield value


def _copies(task: Any) -> int:
    """Into how many task instances a run expands this, as far as the file says: 1 where nothing else is known."""
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
