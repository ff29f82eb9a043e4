"""The rules of the gate: errors and warnings from the results of imports. Pure."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tradewind.config.gate_settings import Gate
from tradewind.config.problems import nearest
from tradewind.dags.gate.dag_facts import Dag, Imported, Task
from tradewind.dags.imports import parsed
from tradewind.errors import TradewindError

DEFAULT_OWNER = "airflow"
"""The owner that Airflow gives to a task without one (``operators.default_owner``)."""
_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """One finding. An ``error`` blocks a release, a warning does not. ``line`` 0: unknown."""

    error: bool
    rule: str
    file: str
    text: str
    line: int = 0
    dag: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The public ``--json`` format; see docs/reference/json.md."""
        return {**vars(self), "line": self.line or None}


@dataclass(frozen=True)
class EnvironmentFacts:
    """The names that DAGs refer to and that an environment has.

    ``connections`` and ``variables``: only those that were requested. ``unfinished``: maps each DAG with unfinished
    runs to the tasks that these still have to run.
    """

    connections: frozenset[str]
    variables: frozenset[str]
    pools: frozenset[str]
    unfinished: Mapping[str, frozenset[str]]


class EnvironmentQuery(Protocol):
    """An environment that can be queried."""

    def has(self, connections: frozenset[str], variables: frozenset[str]) -> EnvironmentFacts:
        """Which of these it has, its pools, and its unfinished runs. TradewindError if it cannot be queried."""


def judge(files: Iterable[Imported], gate: Gate, queues: Collection[str] = ()) -> tuple[Finding, ...]:
    """The findings in the files alone, in their order. ``queues``: those that workers serve; empty if unknown."""
    files = list(files)
    places = defaultdict(list)
    for file in files:
        for dag in file.dags:
            places[dag.id].append(file.path)
    found: list[Finding] = []
    for file in files:
        if file.error:
            found.append(Finding(True, file.rule, file.at or file.path, _from(file) + file.error, file.line))
        for dag in file.dags:
            others = [path for path in places[dag.id] if path != file.path]
            if others:
                found.append(Finding(True, "duplicate", file.path, f"{dag.id} is also in {_some(others)}", 0, dag.id))
            found += _of_dag(file.path, dag, gate)
            found += _queues(file.path, dag, queues)
        if not file.error and file.seconds > gate.slow_import_s:
            found.append(_slow(file, gate))
        found += [Finding(False, "varying", file.path, text, line) for line, text in file.varying]
    return tuple(found)


def compare(
    files: Iterable[Imported], codes: Mapping[str, Iterable[str]], known: EnvironmentQuery, gate: Gate
) -> tuple[Finding, ...]:
    """The findings against an environment. ``codes``: for each file with DAGs, its code and that of all its imports."""
    files = list(files)
    needs = {file.path: _asked(codes.get(file.path, ())) for file in files}
    for file in files:
        needs[file.path]["connection"] |= {name for dag in file.dags for task in dag.tasks for name in task.connections}
    try:
        has = known.has(*(frozenset().union(*(need[kind] for need in needs.values())) for kind in _ENVIRONMENT))
    except TradewindError as away:
        return (Finding(False, "environment", "", f"the environment was not checked: {away}"),)
    there = {"connection": has.connections, "variable": has.variables}
    found: list[Finding] = []
    for file in files:
        for kind, names in needs[file.path].items():
            for name in sorted(names - there[kind]):
                if f"{_ENVIRONMENT[kind]}{name.upper()}" not in gate.variables:
                    # If its default connection is missing, a provider uses defaults of its own.
                    error = kind != "connection" or not name.endswith("_default")
                    found.append(Finding(error, kind, file.path, f"there is no {kind} {name}"))
        for dag in file.dags:
            for name, waits in _waiting(dag, lambda task: task.pool, has.pools):
                found.append(Finding(True, "pool", file.path, f"there is no pool {name}{waits}", 0, dag.id))
    return (*found, *_removed(files, has.unfinished, gate))


def _removed(files: list[Imported], unfinished: Mapping[str, frozenset[str]], gate: Gate) -> Iterator[Finding]:
    there = {dag.id: (file.path, {task.id for task in dag.tasks}) for file in files for dag in file.dags}
    end = "unfinished runs stay on their release"
    for dag, tasks in sorted(unfinished.items()):
        if dag not in there:
            yield Finding(gate.refuse_removed, "removed", "", f"the DAG {dag} was removed; {end}", 0, dag)
            continue
        path, has = there[dag]
        if gone := sorted(tasks - has):
            text = f"{_named(dag, gone)} {'were' if len(gone) > 1 else 'was'} removed; {end}"
            yield Finding(gate.refuse_removed, "removed", path, text, 0, dag)


def _of_dag(path: str, dag: Dag, gate: Gate) -> Iterator[Finding]:
    for task in dag.tasks:
        if task.copies > gate.fan_out:
            text = f"{dag.id}.{task.id} expands to {task.copies:,} tasks in each run; the limit is {gate.fan_out:,}"
            yield Finding(True, "fan-out", path, text, 0, dag.id)
    rules = gate.rules
    if rules.owner and (tasks := [task for task in dag.tasks if task.owner in {"", DEFAULT_OWNER}]):
        yield Finding(True, "owner", path, f"{_tasks(dag, tasks)} no owner", 0, dag.id)
    if tasks := [task for task in dag.tasks if task.retries < rules.retries]:
        text = f"{_tasks(dag, tasks)} fewer than {rules.retries} retries"
        yield Finding(True, "retries", path, text, 0, dag.id)
    if rules.tags and not dag.tags:
        yield Finding(True, "tags", path, f"{dag.id} has no tag", 0, dag.id)
    if rules.timeouts and dag.timeout_s is None and (tasks := [task for task in dag.tasks if task.timeout_s is None]):
        text = f"{_tasks(dag, tasks)} no execution_timeout, and its runs have no dagrun_timeout"
        yield Finding(True, "timeouts", path, text, 0, dag.id)


def _queues(path: str, dag: Dag, queues: Collection[str]) -> Iterator[Finding]:
    for name, waits in _waiting(dag, lambda task: task.queue, {*queues, ""}) if queues else ():
        text = f"no worker pool serves the queue {name}{waits}"
        yield Finding(True, "queue", path, f"{text}; see `workers` in tradewind.yaml", 0, dag.id)


def _waiting(dag: Dag, asked: Callable[[Task], str], there: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each missing name that tasks use, and the end of its finding: nearest name, tasks, existing names."""
    known = sorted(filter(None, there))
    for name in sorted({asked(task) for task in dag.tasks}.difference(there)):
        tasks = [task.id for task in dag.tasks if asked(task) == name]
        close = nearest(name, known)
        meant = f" (did you mean {close}?)" if close else ""
        waits = f"{_named(dag.id, tasks)} {'wait' if len(tasks) > 1 else 'waits'} forever"
        yield name, f"{meant}; {waits}; available: {_some(known) or 'none'}"


def _slow(file: Imported, gate: Gate) -> Finding:
    text = f"its import takes {file.seconds:.1f} s at every parse and every task; the limit is {gate.slow_import_s:g} s"
    line = 0
    if file.imports:
        # The innermost import is the cause: the last of those that took about as long as the longest.
        worst = [entry for entry in file.imports if entry.seconds > file.imports[0].seconds * 0.8][-1]
        text += f"; {worst.module} takes {worst.seconds:.1f} s of it, at {worst.file}:{worst.line}"
        line = worst.line if worst.file == file.path else 0
    return Finding(False, "slow", file.path, text, line)


def _from(file: Imported) -> str:
    """A prefix if the error is in a helper module that the file imports."""
    return f"imported by {file.path}: " if file.at not in {"", file.path} else ""


def _tasks(dag: Dag, tasks: list[Task]) -> str:
    return f"{_named(dag.id, [task.id for task in tasks])} {'have' if len(tasks) > 1 else 'has'}"


def _named(dag: str, tasks: list[str]) -> str:
    return f"task{'s' if len(tasks) > 1 else ''} {_some(tasks)} of {dag}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


_TEMPLATE = re.compile(r"\{\{(.+?)\}\}", re.DOTALL)
_LITERAL = r"""\(\s*["']([^"'{}]+)["']\s*\)"""
_IN_TEMPLATES = {
    "connection": (re.compile(rf"\bconn\.get{_LITERAL}"), re.compile(r"\bconn\.(?!get\b)(\w+)")),
    "variable": (
        re.compile(rf"\bvar\.(?:value|json)\.get{_LITERAL}"),
        re.compile(r"\bvar\.(?:value|json)\.(?!get\b)(\w+)"),
    ),
}
_IN_CODE = {
    ("BaseHook", "get_connection"): "connection",
    ("Connection", "get"): "connection",
    ("Variable", "get"): "variable",
}
_ENVIRONMENT = {"connection": "AIRFLOW_CONN_", "variable": "AIRFLOW_VAR_"}
"""Prefixes of the variables that Airflow's first secrets backend reads; the name follows in capitals."""


def _asked(codes: Iterable[str]) -> dict[str, set[str]]:
    """The connections and variables that code asks for by a literal name and without a default."""
    found: dict[str, set[str]] = {"connection": set(), "variable": set()}
    for code in codes:
        tree = parsed(code)
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for template in _TEMPLATE.findall(node.value):
                    for kind, patterns in _IN_TEMPLATES.items():
                        found[kind] |= {name for pattern in patterns for name in pattern.findall(template)}
            elif isinstance(node, ast.Call) and (kind := _kind(node.func)):
                given = [*node.args, *(word.value for word in node.keywords)]
                if len(given) == 1 and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
                    found[kind].add(given[0].value)
    return found


def _kind(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return _IN_CODE.get((function.value.id, function.attr), "")
    return ""
