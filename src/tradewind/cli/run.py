"""``tradewind run``: run a DAG on the platform of this machine and watch it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tradewind.cli import options, terminal
from tradewind.cli.options import File
from tradewind.errors import TradewindError
from tradewind.local.airflow import Airflow
from tradewind.local.platform import Platform

STYLES = {"success": "green", "running": "yellow", "failed": "bold red", "up_for_retry": "red", "queued": "cyan"}


def run(dag: Annotated[str, typer.Argument(help="The id of the DAG.")], file: File = None) -> None:
    """Run a DAG, show the state of its tasks until it ends, and say how it ended."""
    run_dag(options.platform(file), dag)


def run_dag(platform: Platform, dag: str) -> None:
    """Run ``dag`` to its end. TradewindError where it does not succeed."""
    status = platform.status()
    if status is None:
        raise TradewindError("the platform does not run", hint="tradewind up")
    user, password = platform.ask(do="login")["login"]
    airflow = Airflow(status["urls"]["web"], user, password)
    terminal.say(f"running {dag}")
    run_id = airflow.trigger(dag)
    state = _watch(airflow, dag, run_id)
    link = f"{status['urls']['web']}/dags/{dag}/runs/{run_id}"
    if state != "success":
        raise TradewindError(f"{dag} ended as {state}", hint=f"its logs: {link}")
    terminal.data(f"{dag} succeeded: {link}")


def _watch(airflow: Airflow, dag: str, run_id: str) -> str:
    """Show the run until it has ended; returns its last state."""
    state = ""
    with _display() as show:
        for run_state, tasks in airflow.follow(dag, run_id):
            show(tasks)
            state = run_state
    return state


@contextmanager
def _display() -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    if terminal.interactive():
        with Live(console=terminal.talk(), refresh_per_second=8) as live:
            yield lambda tasks: live.update(_table(tasks))
        return
    seen: dict[str, str] = {}

    def changes(tasks: list[dict[str, Any]]) -> None:
        for task in tasks:
            name = _name(task)
            if task["state"] and seen.get(name) != task["state"]:
                seen[name] = task["state"]
                terminal.say(f"  {name:<24} {task['state']}")

    yield changes


def _name(task: dict[str, Any]) -> str:
    return str(task["task_id"]) + (f"[{task['map_index']}]" if task["map_index"] >= 0 else "")


def _table(tasks: list[dict[str, Any]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for task in tasks:
        state = task["state"] or "-"
        duration = f"{task['duration']:.1f} s" if task["duration"] else ""
        table.add_row("", _name(task), Text(state, style=STYLES.get(state, "dim")), Text(duration, style="dim"))
    return table
