"""``tradewind dags test``: the gate that DAG files pass before they become a DAG release."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradewind.cli.options import LOCAL, AsJson, EnvOrHere, File, Junit
from tradewind.dags.gate.import_client import Importer
from tradewind.errors import ExitCode


def gate(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH", help="The folder of the DAG files. Default: local.dags, or dags.path of the environment."
        ),
    ] = None,
    environment: EnvOrHere = LOCAL,
    report: Junit = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", metavar="NUMBER", min=1, help="Files to import at the same time. Default: one per CPU."),
    ] = None,
    cache: Annotated[
        bool,
        typer.Option(
            "--cache/--no-cache",
            help="Import only changed files and their importers; with --no-cache, import all files.",
        ),
    ] = True,
    suite: Annotated[
        bool, typer.Option("--tests/--no-tests", help="Also run the tests of the DAG repository (pytest).")
    ] = True,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Test DAG files: imports, rules, and the tests of their repository.

    Each file is imported as if it were the only one. If the environment is running, the command also checks that the
    connections and variables of the DAGs exist. Exit code 3 if there is an error.
    """
    with Importer(jobs) as importer:
        # While the importer loads Airflow, this process loads the rest of Tradewind.
        from tradewind.cli import gate_report

        found = gate_report.environment_of(environment, folder, file)
        rules = gate_report.rules(found, folder)
        tested = gate_report.examine(rules, importer, cache, gate_report.known(found))
    own = gate_report.suite(rules) if suite and tested.passed else None
    if not gate_report.say(tested, own, rules.folder, report, as_json):
        raise typer.Exit(ExitCode.UNHEALTHY)
