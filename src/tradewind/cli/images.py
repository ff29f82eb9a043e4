"""``tradewind images``: build, check, push and list the images of the components."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live
from rich.text import Text

from tradewind import junit
from tradewind.aws.accounts import TargetAccount
from tradewind.blueprint import Component
from tradewind.cli import options, terminal
from tradewind.cli.options import Account, AsJson, File, Junit
from tradewind.config import Tradewind
from tradewind.environments.project import Project
from tradewind.errors import ExitCode, TradewindError
from tradewind.images.builder import choose, login_file
from tradewind.images.images import Image, Images, components
from tradewind.infrastructure.target_account import target_account

Names = Annotated[
    list[str] | None, typer.Argument(metavar="COMPONENT", help="webserver, scheduler, worker or flower. Default: all.")
]
Builder = Annotated[
    str | None, typer.Option("--builder", help="buildah, podman or docker. Default: the first that is installed.")
]
Architecture = Annotated[str | None, typer.Option("--architecture", help="arm64 or x86_64. Default: as this machine.")]


def images_of(file: Path | None, builder: str | None = None, architecture: str | None = None) -> Images:
    """The images that belong to a configuration."""
    project = options.project(file)
    if architecture not in {None, "arm64", "x86_64"}:
        raise typer.BadParameter("must be arm64 or x86_64", param_hint="--architecture")
    return Images(project.tradewind, project.folder, project.state_dir.root / "images", choose(builder), architecture)


def build_missing(images: Images, wanted: Iterable[Component], *, fresh: bool = False) -> list[Image]:
    """Build the missing images (``fresh``: all), and show progress. Return all wanted images, which are built now."""
    built = []
    for component in wanted:
        image = images.image(component)
        if image.id and not fresh:
            terminal.say(f"{component.value}: nothing changed")
        else:
            show_build(image, images.build(image, fresh=fresh))
        built.append(images.image(component))
    return built


def build(
    names: Names = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Build every image again, without the cache of earlier builds.")
    ] = False,
    file: File = None,
    builder: Builder = None,
    architecture: Architecture = None,
    as_json: AsJson = False,
) -> None:
    """Build the images whose sources have changed."""
    wanted = components(names)
    built = build_missing(images_of(file, builder, architecture), wanted, fresh=fresh)
    if as_json:
        terminal.data_json({"version": 1, "images": [image.as_dict() for image in built]})
        return
    for image in built:
        terminal.data(f"{image.tag}  {image.id}")


def list_(
    file: File = None, builder: Builder = None, architecture: Architecture = None, as_json: AsJson = False
) -> None:
    """List the images of this source tree, and whether they are built."""
    images = images_of(file, builder, architecture)
    found = [images.image(component) for component in components(None)]
    if as_json:
        terminal.data_json({"version": 1, "images": [image.as_dict() for image in found]})
        return
    rows = [[image.component.value, image.key, image.id or "not built"] for image in found]
    terminal.table(["COMPONENT", "KEY", "IMAGE"], rows)


def check(
    names: Names = None,
    report: Junit = None,
    file: File = None,
    builder: Builder = None,
    architecture: Architecture = None,
    as_json: AsJson = False,
) -> None:
    """Check built images from the inside. Exit code 3 if a check fails.

    An image must start, satisfy its dependencies, and hold no tools for an attacker.
    """
    images = images_of(file, builder, architecture)
    checked = [images.check(component) for component in components(names)]
    if report:
        junit.write(report, {one.component: [junit.Case(*check) for check in one.checks.items()] for one in checked})
    if as_json:
        terminal.data_json({"version": 1, "images": [image.as_dict() for image in checked]})
    else:
        rows = [[one.component, name, problem or "ok"] for one in checked for name, problem in one.checks.items()]
        terminal.table(["COMPONENT", "CHECK", ""], rows)
    if not all(image.passed for image in checked):
        raise typer.Exit(ExitCode.UNHEALTHY)


def sbom(
    component: Annotated[str, typer.Argument(help="webserver, scheduler, worker or flower.")],
    file: File = None,
    builder: Builder = None,
    architecture: Architecture = None,
) -> None:
    """Print the bill of materials of an image, as SPDX in JSON."""
    (wanted,) = components([component])
    terminal.data(images_of(file, builder, architecture).bill(wanted))


def push(
    names: Names = None,
    registry: Annotated[
        str | None,
        typer.Option(
            "--registry", metavar="HOST:PORT", help="Push to this registry instead of ECR. It must not need a login."
        ),
    ] = None,
    account: Account = None,
    file: File = None,
    builder: Builder = None,
    architecture: Architecture = None,
    as_json: AsJson = False,
) -> None:
    """Push built images, and print the name of each with its digest."""
    wanted = components(names)
    chosen = None if registry else _account(options.project(file), account)
    images = images_of(file, builder, architecture)
    with _registry(file, registry, chosen) as (address, login):
        pushed = {}
        for component in wanted:
            began = time.monotonic()
            pushed[component.value] = images.push(images.image(component), address, login)
            terminal.say(f"pushed {component.value} in {time.monotonic() - began:.1f} s")
    if as_json:
        terminal.data_json({"version": 1, "images": pushed})
        return
    for reference in pushed.values():
        terminal.data(reference)


def scan(
    image: Annotated[str, typer.Argument(help="The name of an image in ECR, from `images push`.")],
    account: Account = None,
    fail_on: Annotated[str, typer.Option("--fail-on", help="The lowest severity that fails the command.")] = "critical",
    allowed: Annotated[
        list[str] | None, typer.Option("--allow", metavar="CVE", help="A finding to ignore. Repeatable.")
    ] = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Wait for the scan of a pushed image in ECR.

    Exit code 3 if a finding has at least the severity of --fail-on.
    """
    from tradewind.images import scan as scans

    if fail_on.upper() not in scans.SEVERITIES:
        raise typer.BadParameter(f"must be one of {', '.join(scans.SEVERITIES).lower()}", param_hint="--fail-on")
    project = options.project(file)
    found = scans.findings(project.account(account or _first(project.tradewind)).session(), image)
    bad = [weakness for weakness in found if scans.is_bad(weakness, fail_on.upper(), allowed or ())]
    if as_json:
        terminal.data_json({"version": 1, "passed": not bad, "findings": [vars(weakness) for weakness in found]})
    else:
        rows = [[w.severity, w.name, w.package, "refused" if w in bad else ""] for w in found]
        terminal.table(["SEVERITY", "NAME", "PACKAGE", ""], rows)
    if bad:
        terminal.say(f"{len(bad)} findings are {fail_on} or worse: {', '.join(weakness.name for weakness in bad)}")
        raise typer.Exit(ExitCode.UNHEALTHY)


@contextmanager
def _registry(file: Path | None, given: str | None, chosen: TargetAccount | None) -> Iterator[tuple[str, Path | None]]:
    """The address of the registry, and a file with its login if it needs one."""
    if chosen is None:
        yield given or "", None
        return
    project = options.project(file)
    registry = f"{chosen.id}.dkr.ecr.{chosen.region}.amazonaws.com"
    try:
        secret = project.account(chosen.name).registry_login()
    except TradewindError as error:
        raise error.or_else("push to a registry without a login: --registry HOST:PORT") from None
    with login_file(registry, secret) as login:
        yield registry, login


def _account(project: Project, name: str | None) -> TargetAccount:
    """The account whose ECR gets the images. TradewindError, with the nearest name, if there is none of that name."""
    return target_account(project.tradewind, name or _first(project.tradewind))


def _first(tradewind: Tradewind) -> str:
    """The only account without production, which gets images first. Production gets promoted images."""
    found = [name for name, account in tradewind.accounts.items() if not account.production]
    if len(found) == 1:
        return found[0]
    raise TradewindError(
        "name the account of the registry",
        f"{len(found)} accounts have no production environment",
        f"--account {' | '.join(tradewind.accounts)}",
        code=ExitCode.USAGE,
    )


def show_build(image: Image, lines: Iterable[str]) -> None:
    """Show the steps of a build: in a terminal the current step, in a log each step with its time."""
    began = time.monotonic()
    name = image.component.value
    terminal.say(f"{name}: building {image.key}")
    if not terminal.interactive():
        for line in lines:
            if step := _step(line):
                terminal.say(f"{time.monotonic() - began:7.1f} s  {step}")
    else:
        with Live(console=terminal.talk(), refresh_per_second=4, transient=True) as live:
            for line in lines:
                if step := _step(line):
                    live.update(Text(f"  {time.monotonic() - began:5.0f} s  {step}", overflow="ellipsis", no_wrap=True))
    terminal.say(f"{name}: built in {time.monotonic() - began:.1f} s")


def _step(line: str) -> str | None:
    """The instruction of the Dockerfile that starts, from the output of any of the builders."""
    found = re.match(r"(?:\[\d+/\d+\] )?STEP \d+/\d+: (.*)", line) or re.match(r"#\d+ \[([^\]]+\] .*)", line)
    return found[1] if found else None
