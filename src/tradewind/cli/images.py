"""``tradewind images``: build, push and list what is shipped."""

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
from tradewind.blueprint import Component
from tradewind.cli import options, terminal
from tradewind.cli.options import AsJson, File
from tradewind.config import Tradewind
from tradewind.errors import ExitCode, TradewindError
from tradewind.images.builder import choose, login_file
from tradewind.images.images import Image, Images, components
from tradewind.infrastructure.target_account import target_account

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[COMPONENT]...", help="The images. When not given: all of them.")
]
With = Annotated[
    str | None, typer.Option("--with", help="buildah, podman or docker. When not given: the first that is installed.")
]
Architecture = Annotated[
    str | None, typer.Option("--architecture", help="arm64 or x86_64. When not given: this machine's.")
]


def images_of(file: Path | None, builder: str | None = None, architecture: str | None = None) -> Images:
    """The images that belong to a configuration."""
    project = options.project(file)
    if architecture not in {None, "arm64", "x86_64"}:
        raise typer.BadParameter("must be arm64 or x86_64", param_hint="--architecture")
    return Images(project.tradewind, project.folder, project.home.root / "images", choose(builder), architecture)


def build_missing(images: Images, wanted: Iterable[Component], *, fresh: bool = False) -> list[Image]:
    """Build what is not there yet (``fresh``: all of it), showing progress; returns the images, all of them built."""
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
        bool, typer.Option("--fresh", help="Build also what is there, without anything that earlier builds left.")
    ] = False,
    file: File = None,
    builder: With = None,
    architecture: Architecture = None,
    as_json: AsJson = False,
) -> None:
    """Build the images whose content changed. An image is named by what it is made from."""
    wanted = components(names)
    built = build_missing(images_of(file, builder, architecture), wanted, fresh=fresh)
    if as_json:
        terminal.data_json({"version": 1, "images": [image.as_dict() for image in built]})
        return
    for image in built:
        terminal.data(f"{image.tag}  {image.id}")


def list_(file: File = None, builder: With = None, architecture: Architecture = None, as_json: AsJson = False) -> None:
    """List the images as they should be now, and whether they are built."""
    images = images_of(file, builder, architecture)
    found = [images.image(component) for component in components(None)]
    if as_json:
        terminal.data_json({"version": 1, "images": [image.as_dict() for image in found]})
        return
    rows = [[image.component.value, image.key, image.id or "not built"] for image in found]
    terminal.table(["COMPONENT", "KEY", "IMAGE"], rows)


def check(
    names: Names = None,
    report: Annotated[Path | None, typer.Option("--junit", help="Write a JUnit report there, too.")] = None,
    file: File = None,
    builder: With = None,
    architecture: Architecture = None,
    as_json: AsJson = False,
) -> None:
    """Look at built images from the inside: that they start, and hold nothing that helps an intruder. Exit code 3."""
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
    component: Annotated[str, typer.Argument(help="The image.")],
    file: File = None,
    builder: With = None,
    architecture: Architecture = None,
) -> None:
    """Print what an image is made of: its bill of materials, as SPDX in JSON."""
    (wanted,) = components([component])
    terminal.data(images_of(file, builder, architecture).bill(wanted))


def push(
    names: Names = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help="A registry without a login, such as 127.0.0.1:5000, instead of an account's ECR."),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option("--account", help="Whose ECR. When not given: the account that does not hold production."),
    ] = None,
    file: File = None,
    builder: With = None,
    architecture: Architecture = None,
    as_json: AsJson = False,
) -> None:
    """Push built images, and print how each is named in the registry: by its digest."""
    wanted = components(names)
    images = images_of(file, builder, architecture)
    with _registry(file, to, account) as (registry, login):
        pushed = {}
        for component in wanted:
            began = time.monotonic()
            pushed[component.value] = images.push(images.image(component), registry, login)
            terminal.say(f"pushed {component.value} in {time.monotonic() - began:.1f} s")
    if as_json:
        terminal.data_json({"version": 1, "images": pushed})
        return
    for reference in pushed.values():
        terminal.data(reference)


def scan(
    image: Annotated[str, typer.Argument(help="An image in ECR, as `images push` named it.")],
    account: Annotated[
        str | None,
        typer.Option("--account", help="Whose ECR. When not given: the account that does not hold production."),
    ] = None,
    fail_on: Annotated[
        str, typer.Option("--fail-on", help="The least severity that keeps an image from being deployed.")
    ] = "critical",
    allowed: Annotated[
        list[str] | None, typer.Option("--allow", metavar="CVE", help="A finding that is known. Can be repeated.")
    ] = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Wait for what ECR finds in a pushed image. Exit code 3 where that is too severe to be deployed."""
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
def _registry(file: Path | None, to: str | None, account: str | None) -> Iterator[tuple[str, Path | None]]:
    """The address of the registry, and a file with its login where it takes one."""
    if to is not None:
        yield to, None
        return
    project = options.project(file)
    chosen = target_account(project.tradewind, account or _first(project.tradewind))
    registry = f"{chosen.id}.dkr.ecr.{chosen.region}.amazonaws.com"
    try:
        secret = project.account(chosen.name).registry_login()
    except TradewindError as error:
        raise error.or_else("push to a registry of your own, without a login: --to HOST:PORT") from None
    with login_file(registry, secret) as login:
        yield registry, login


def _first(tradewind: Tradewind) -> str:
    """Where images are tried first. Production gets what was promoted."""
    found = [name for name, account in tradewind.accounts.items() if not account.production]
    if len(found) == 1:
        return found[0]
    raise TradewindError(
        "which account's registry is meant?",
        f"{len(found)} accounts do not hold production",
        f"--account {' | '.join(tradewind.accounts)}",
        code=ExitCode.USAGE,
    )


def show_build(image: Image, lines: Iterable[str]) -> None:
    """Show the steps of a build: the last one for a person, each with its time for a log."""
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
    """One instruction of the Dockerfile as it begins, however the builder tells it."""
    found = re.match(r"(?:\[\d+/\d+\] )?STEP \d+/\d+: (.*)", line) or re.match(r"#\d+ \[([^\]]+\] .*)", line)
    return found[1] if found else None
