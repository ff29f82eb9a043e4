"""``tradewind dags test``: the gate that DAG files pass before they become a release."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradewind.cli.options import AsJson, File
from tradewind.dags.gate.importer import Importer
from tradewind.errors import ExitCode


def gate(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH", help="The folder of the DAG files. When not given: the one that the file names."
        ),
    ] = None,
    environment: Annotated[
        str | None,
        typer.Option(
            "--env",
            help="Whose rules hold, and who is asked for what it has. When not given: the platform of this machine, "
            "where it runs.",
        ),
    ] = None,
    report: Annotated[Path | None, typer.Option("--junit", help="Write a JUnit report there, too.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Files at once. When not given: as many as CPUs.")] = None,
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Import only what has changed.")] = True,
    suite: Annotated[bool, typer.Option("--tests/--no-tests", help="Run the repository's own tests, too.")] = True,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Test DAG files: import each as if there were no other, look for what breaks runs, and run the repository's tests.

    Exit code 3 where something keeps them from being released.
    """
    with Importer(jobs) as importer:
        # It loads Airflow, and this the rest of Tradewind meanwhile.
        from tradewind.cli import gated

        found = gated.environment_of(environment, folder, file)
        rules = gated.rules(found, folder)
        tested = gated.examine(rules, importer, cache, gated.known(found))
    own = gated.suite(rules) if suite and tested.passed else None
    if not gated.say(tested, own, rules.folder, report, as_json):
        raise typer.Exit(ExitCode.UNHEALTHY)
