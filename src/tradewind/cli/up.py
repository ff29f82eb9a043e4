"""``tradewind up``: start the whole platform on this machine."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tradewind.blueprint import Component
from tradewind.cli import down, images, logs, options, run, terminal
from tradewind.cli.options import LOCAL, File, HereOnly
from tradewind.cli.progress import progress
from tradewind.config import Tradewind
from tradewind.environments.project import Project
from tradewind.errors import ExitCode, TradewindError
from tradewind.local.daemon import Request
from tradewind.local.platform import Platform, told
from tradewind.local.runtime import check_podman
from tradewind.local.supervisor_requests import GetLogin


def up(
    environment: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="ENV",
            help="Use the settings of ENV. Default: local.environment, or the first in the promotion path.",
        ),
    ] = None,
    dags: Annotated[
        Path | None,
        typer.Option(
            "--dags", help="The folder with the DAG files. Default: local.dags, or dags.path of the environment."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="NUMBER", min=1, max=16, help="The number of workers. Default: local.workers."
        ),
    ] = None,
    database: Annotated[
        Literal["embedded", "mysql"] | None,
        typer.Option(
            "--database",
            help="The metadata database: embedded (PostgreSQL) or an installed mysql. Default: local.database.",
        ),
    ] = None,
    containers: Annotated[
        bool,
        typer.Option("--containers", help="Run the services from their images, with podman. Builds missing images."),
    ] = False,
    dag: Annotated[
        str | None, typer.Option("--run", metavar="DAG", help="Run this DAG when the platform is healthy.")
    ] = None,
    attach: Annotated[
        bool, typer.Option("--attach", "-a", help="Show all logs until Ctrl-C, which stops the platform.")
    ] = False,
    _: HereOnly = LOCAL,
    file: File = None,
) -> None:
    """Start the platform on this machine.

    The command returns when the platform is healthy. Ctrl-C during the start stops all its processes.
    """
    project = options.project(file)
    changes = {"workers": workers, "database": database}
    request = Request(
        file=str(project.file.resolve()),
        environment=environment,
        dags=str(dags.resolve()) if dags else None,
        local={name: value for name, value in changes.items() if value is not None},
    )
    # Report mistakes in the file and the options before anything changes.
    tradewind = request.resolve()[0]
    if containers:
        _check_containers(tradewind)
    platform = Platform(project.state_dir)
    running = platform.status()
    if containers and not running:
        request = replace(request, images=_images(project))
    if running:
        _check_same(running, request)
        terminal.say("the platform is already running")
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
            "containers need MySQL, as on AWS",
            "local.database is `embedded`, which is PostgreSQL",
            "tradewind up --containers --database mysql",
            code=ExitCode.USAGE,
        )


def _images(project: Project) -> dict[str, str]:
    """The images of the active release. Without a release, or if an image was removed: those of this source tree."""
    shop = images.images_of(project.file)
    if current := project.here().releases.current():
        if all(shop.is_here(image) for image in current.images.values()):
            terminal.say(f"using the images of the active release {current.id}")
            return dict(current.images)
        terminal.say(f"note: an image of the active release {current.id} was removed; building from this source tree")
    return {image.component.value: str(image.id) for image in images.build_missing(shop, Component)}


def _start(platform: Platform, request: Request) -> dict[str, Any]:
    began = time.monotonic()
    if running := platform.left():
        terminal.say(f"the supervisor was killed; {told(running)}; stopping them first")
    terminal.say(f"starting the platform in {platform.state_dir.root}")
    platform.start(request)
    status: dict[str, Any] = {}
    try:
        with progress(began) as display:
            for status in platform.wait_until_healthy():
                display.show(status)
        terminal.say(f"healthy after {display.elapsed_s:.1f} s")
    except (TradewindError, KeyboardInterrupt):
        # Never leave a half-started platform.
        terminal.say("stopping the processes that have started")
        down.stop(platform)
        raise
    for remark in status["remarks"]:
        terminal.say(f"note: {remark}")
    return status


def _check_same(running: dict[str, Any], request: Request) -> None:
    """TradewindError if the running platform differs from the requested one."""
    differences = []
    if request.dags and request.dags != running["dags"]:
        differences.append(f"its DAG folder is {running['dags']}")
    if request.environment and request.environment != running["environment"]:
        differences.append(f"its environment is {running['environment']}")
    if differences:
        raise TradewindError(
            "another platform is already running here",
            " and ".join(differences),
            "tradewind down, then tradewind up again",
        )


def _tell(platform: Platform, status: dict[str, Any]) -> None:
    login = platform.ask(GetLogin())
    rows = [
        ("Airflow", status["urls"]["web"], "  login " + " / ".join(login.login)),
        ("Flower", status["urls"]["flower"], "  login " + " / ".join(login.flower_login)),
        ("DAGs", status["dags"], ""),
        ("Output", status["output"], ""),
    ]
    terminal.data(
        f"\nAirflow is running on this machine, with the settings of the environment {status['environment']}.\n"
    )
    for name, value, more in rows:
        terminal.data(f"  {name:<8} {value}{more}")
    terminal.data("\nNext: tradewind status | tradewind logs -f | tradewind scale --workers 3 | tradewind down")


def _stay(platform: Platform) -> None:
    try:
        logs.follow(platform, None)
    except KeyboardInterrupt:
        terminal.say("\nstopping (Ctrl-C again: without waiting for tasks)")
        try:
            down.stop(platform)
        except KeyboardInterrupt:
            down.stop(platform, now=True)
