"""The command tree."""

from __future__ import annotations

from typing import Annotated

import typer

import tradewind
from tradewind.cli import (
    apply,
    audit,
    bootstrap,
    config,
    dags,
    destroy,
    down,
    drift,
    images,
    logs,
    output,
    plan,
    reference,
    release,
    restart,
    run,
    scale,
    services,
    status,
    terminal,
    unlock,
    up,
)

app = typer.Typer(
    name="tradewind",
    help="Deploy and operate Apache Airflow at large scale on AWS; run the same platform on one machine.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(up.up)
app.command()(status.status)
app.command()(logs.logs)
app.command()(run.run)
app.command()(restart.restart)
app.command()(scale.scale)
app.command()(down.down)
app.command()(services.services)
app.command()(bootstrap.bootstrap)
app.command()(plan.plan)
app.command()(apply.apply)
app.command()(destroy.destroy)
app.command()(drift.drift)
app.command()(output.output)
app.command()(unlock.unlock)
app.command()(audit.audit)
app.command(hidden=True)(reference.reference)
app.add_typer(config.app, name="config")
app.add_typer(dags.app, name="dags")
app.add_typer(images.app, name="images")
app.add_typer(release.app, name="release")
app.command()(release.history)


def _version(value: bool) -> None:
    if value:
        terminal.data(tradewind.__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Deploy and operate Apache Airflow at large scale on AWS; run the same platform on one machine."""
