"""``tradewind run``: run a DAG on the platform of this machine and watch it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from tradewind.cli import options, run_progress, terminal
from tradewind.cli.options import LOCAL, File, HereOnly
from tradewind.cli.run_progress import tally
from tradewind.errors import ExitCode, TradewindError
from tradewind.local import dag_run, failure
from tradewind.local.airflow import Airflow
from tradewind.local.dag_lookup import DagFolder, Lookup
from tradewind.local.dag_run import Look, Start
from tradewind.local.platform import Platform
from tradewind.local.supervisor_requests import GetLogin


def run(
    dag: Annotated[str, typer.Argument(help="The id of the DAG.")],
    logical_date: Annotated[
        str | None,
        typer.Option(
            "--logical-date",
            metavar="DATE",
            help="ISO 8601, in UTC if it has no time zone; `none` for a run without a logical date. Default: now.",
        ),
    ] = None,
    conf: Annotated[
        str | None,
        typer.Option("--conf", metavar="JSON", help="The conf of the run: a JSON object, or @ and the path of a file."),
    ] = None,
    _: HereOnly = LOCAL,
    file: File = None,
) -> None:
    """Run a DAG, and show the states of its tasks. Exit code 1 if the run fails."""
    wanted = start_of(logical_date, conf)
    run_dag(options.platform(file), dag, wanted)


def start_of(logical_date: str | None, conf: str | None) -> Start:
    """Parse the options into a Start. The TradewindError lists every mistake."""
    found: dict[str, Any] = {}
    problems = []
    for name, text, read in (("logical_date", logical_date, _date), ("conf", conf, _conf)):
        try:
            if text is not None:
                found[name] = read(text)
        except ValueError as error:
            problems.append(f"--{name.replace('_', '-')} {error}")
    if problems:
        raise TradewindError(
            "; ".join(problems),
            hint="for example --logical-date 2026-01-31T06:00+01:00 or none, --conf '{\"n\": 3}' or @FILE",
            code=ExitCode.USAGE,
        )
    return Start(**found)


def _date(text: str) -> datetime | None:
    if text.lower() == "none":
        return None
    try:
        date = datetime.fromisoformat(text)
        date = date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a date in ISO 8601") from None
    if date > datetime.now(UTC):
        raise ValueError(f"{text} is in the future: Airflow would start no task before then")
    return date


def _conf(text: str) -> dict[str, Any]:
    file = text if text.startswith("@") else ""
    where = f"{file} is" if file else "is"
    try:
        document = json.loads(Path(file[1:]).read_text("utf-8") if file else text, parse_constant=_refuse)
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    except RecursionError:
        raise ValueError(f"{where} nested too deeply") from None
    except ValueError as error:  # also if the file is not UTF-8
        raise ValueError(f"{where} not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ValueError(f"{where} not a JSON object, which begins with {{")
    return document


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def run_dag(platform: Platform, dag: str, wanted: Start | None = None) -> None:
    """Run ``dag`` and wait for its end. TradewindError if it does not succeed."""
    status = platform.status()
    if status is None:
        raise platform.missing()
    user, password = platform.ask(GetLogin()).login
    airflow = Airflow(status["urls"]["web"], user, password)
    found = Lookup(airflow, DagFolder(platform), terminal.say).find(dag)
    terminal.say(f"running {dag}")
    run_id = dag_run.start(airflow, dag, wanted or Start())
    if found["is_paused"]:  # after the start: a DAG that Airflow refuses to run stays paused
        dag_run.unpause(airflow, dag)
        schedule = f"; its schedule: {found['timetable_summary']}" if found["timetable_summary"] else ""
        terminal.say(f"note: {dag} was paused; it is active now{schedule}")
    look = _watch(airflow, dag, run_id)
    link = f"{status['urls']['web']}/dags/{dag}/runs/{run_id}"
    if look.state != "success":
        why = failure.explain(airflow, dag, look)
        for line in why.lines:
            terminal.say(line)
        raise TradewindError(f"{dag} ended as {look.state}", why.summary, f"its logs: {link}")
    for remark in failure.remarks(dag, look):
        terminal.say(f"note: {remark}")
    terminal.data(f"{dag} succeeded: {link}")


def _watch(airflow: Airflow, dag: str, run_id: str) -> Look:
    """Show the run until it ends, and return its last state."""
    with run_progress.display() as show:
        for look in dag_run.follow(airflow, dag, run_id):
            show(tally(look.tasks), look.state in dag_run.ENDED)
    return look
