"""``tradewind up``: start the whole platform on this machine."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tradewind.blueprint import Component
from tradewind.cli import down, images, logs, options, run, terminal
from tradewind.cli.options import File
from tradewind.cli.progress import progress
from tradewind.config import Tradewind
from tradewind.environments.project import Project
from tradewind.errors import ExitCode, TradewindError
from tradewind.local.daemon import Request
from tradewind.local.platform import Platform, told
from tradewind.local.runtime import check_podman
from tradewind.local.supervisor_requests import GetLogin


def up(
    file: File = None,
    environment: Annotated[
        str | None,
        typer.Option(
            "--environment", "-e", help="The environment to run. When not given: local.environment, or the first."
        ),
    ] = None,
    dags: Annotated[Path | None, typer.Option("--dags", help="The folder with DAG files to run.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, max=16, help="How many workers.")] = None,
    database: Annotated[
        Literal["embedded", "mysql"] | None,
        typer.Option("--database", help="The metadata database: embedded or mysql."),
    ] = None,
    containers: Annotated[
        bool,
        typer.Option("--containers", help="Run the services from their images, with podman; builds what is missing."),
    ] = False,
    dag: Annotated[str | None, typer.Option("--run", metavar="DAG", help="Run this DAG once all is healthy.")] = None,
    attach: Annotated[
        bool, typer.Option("--attach", "-a", help="Stay, show all logs, and stop everything at Ctrl-C.")
    ] = False,
) -> None:
    """Start the whole platform on this machine, and wait until all of it is healthy.

    Ctrl-C while it starts stops what has started.
    """
    project = options.project(file)
    changes = {"workers": workers, "database": database}
    request = Request(
        file=str(project.file.resolve()),
        environment=environment,
        dags=str(dags.resolve()) if dags else None,
        local={name: value for name, value in changes.items() if value is not None},
    )
    # What is wrong with the file or the options is told before anything is touched.
    tradewind, _, _ = request.resolve()
    if containers:
        _check_containers(tradewind)
    platform = Platform(project.home)
    running = platform.status()
    if containers and not running:
        request = replace(request, images=_images(project))
    if running:
        _check_same(running, request)
        terminal.say("the platform runs already")
        status = running
    else:
        status = _start(platform, request)
    if dag:
        run.run_dag(platform, dag)
    _tell(platform, status)
    if attach:
        _stay(platform)


def _check_containers(tradewind: Tradewind) -> None:
    check_podman()
    if tradewind.local.database != "mysql":
        raise TradewindError(
            "the images speak to MySQL only, as on AWS",
            "local.database is embedded, which is PostgreSQL",
            "tradewind up --containers --database mysql",
            code=ExitCode.USAGE,
        )


def _images(project: Project) -> dict[str, str]:
    """The images of the release in force; before the first release, or where one is gone, those of this tree."""
    shop = images.images_of(project.file)
    if current := project.here().releases.current():
        if all(shop.is_here(image) for image in current.images.values()):
            terminal.say(f"the release {current.id} is in force")
            return dict(current.images)
        terminal.say(f"note: an image of {current.id}, which was in force, is gone; building what this tree says")
    return {image.component.value: str(image.id) for image in images.build_missing(shop, Component)}


def _start(platform: Platform, request: Request) -> dict[str, Any]:
    began = time.monotonic()
    if running := platform.left():
        terminal.say(f"the supervisor was killed; {told(running)}; ending these first")
    terminal.say(f"starting the platform in {platform.home.root}")
    platform.start(request)
    status: dict[str, Any] = {}
    try:
        with progress(began) as display:
            for status in platform.wait_until_healthy():
                display.show(status)
        terminal.say(f"healthy after {display.elapsed_s:.1f} s")
    except (TradewindError, KeyboardInterrupt):
        # Never half a platform: what has started goes again.
        terminal.say("stopping what has started")
        down.stop(platform)
        raise
    for remark in status["remarks"]:
        terminal.say(f"note: {remark}")
    return status


def _check_same(running: dict[str, Any], request: Request) -> None:
    """Refuse to pretend that a running platform is the one that was asked for."""
    differences = []
    if request.dags and request.dags != running["dags"]:
        differences.append(f"its DAG folder is {running['dags']}")
    if request.environment and request.environment != running["environment"]:
        differences.append(f"its environment is {running['environment']}")
    if differences:
        raise TradewindError(
            "another platform runs here already", " and ".join(differences), "tradewind down, then tradewind up again"
        )


def _tell(platform: Platform, status: dict[str, Any]) -> None:
    login = platform.ask(GetLogin())
    rows = [
        ("Airflow", status["urls"]["web"], "  login " + " / ".join(login.login)),
        ("Flower", status["urls"]["flower"], "  login " + " / ".join(login.flower_login)),
        ("DAGs", status["dags"], ""),
        ("Output", status["output"], ""),
    ]
    terminal.data(f"\nTradewind runs the environment {status['environment']} on this machine.\n")
    for name, value, more in rows:
        terminal.data(f"  {name:<8} {value}{more}")
    terminal.data("\nNext: tradewind status | tradewind logs -f | tradewind scale worker 3 | tradewind down")


def _stay(platform: Platform) -> None:
    try:
        logs.follow(platform, None)
    except KeyboardInterrupt:
        terminal.say("\nstopping (Ctrl-C again: at once)")
        try:
            down.stop(platform)
        except KeyboardInterrupt:
            down.stop(platform, now=True)
