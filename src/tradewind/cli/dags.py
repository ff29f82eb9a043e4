"""``tradewind dags``: test DAG files, make releases of them, and put these in force."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tradewind import config
from tradewind.bundle import store as stores
from tradewind.bundle.manifest import DagRelease
from tradewind.bundle.store import FolderStore, Store
from tradewind.cli import terminal
from tradewind.cli.controllers import controller_of
from tradewind.cli.options import LOCAL, AsJson, EnvironmentName, File, configuration_file
from tradewind.dags import release as releases
from tradewind.dags.source import Commit, Source, fetched, source_of
from tradewind.errors import ExitCode, TradewindError
from tradewind.local.paths import Home

USAGE = ExitCode.USAGE

Ref = Annotated[
    str | None,
    typer.Option(help="The commit, branch or tag. When not given: what lies there, marked where it was changed."),
]
StorePlace = Annotated[
    str | None,
    typer.Option("--store", metavar="PLACE", help="Keep the release there, too: a folder, or s3://BUCKET/PREFIX."),
]


def build(
    folder: Annotated[Path, typer.Argument(help="The folder of the DAG files.")] = Path(),
    ref: Ref = None,
    to: Annotated[Path, typer.Option(help="Where the archive and its manifest are put.")] = Path("build/dags"),
    store: StorePlace = None,
    as_json: AsJson = False,
) -> None:
    """Make a release of DAG files: an archive and a manifest, named by what is in them."""
    release, archive, manifest = releases.make(source_of(folder, ref), to)
    if store:
        stores.put(_store(store), archive, manifest)
    if as_json:
        found = {
            "version": 1,
            "release": release.id,
            "archive": str(archive),
            "manifest": str(manifest),
            "files": len(release.files),
            "bytes": sum(entry.size for entry in release.files.values()),
            "commit": release.origin.commit,
            "dirty": release.origin.dirty,
        }
        terminal.data_json(found)
        return
    terminal.data(release.id)
    _say_origin(release)
    terminal.say(f"{archive}, {manifest}")


def deploy(
    environment: EnvironmentName,
    folder: Annotated[
        Path | None,
        typer.Option("--from", help="The folder of the DAG files. When not given: the one that the file names."),
    ] = None,
    ref: Ref = None,
    repository: Annotated[
        str | None,
        typer.Option(
            "--repo", metavar="URL", help="A git repository to fetch. When not given: dags.repository, if any."
        ),
    ] = None,
    store: StorePlace = None,
    built: Annotated[
        str | None, typer.Option("--release", metavar="ID", help="One that is in the store, instead of making one.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until every file is confirmed, not only what has changed.")
    ] = True,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Make a release of DAG files and put it in force; where it cannot be imported, what was before is again."""
    if built and (not store or folder or ref or repository):
        raise TradewindError("--release needs --store, and nothing to make a release of", code=USAGE)
    controller = controller_of(environment, file)
    if built and store:
        release = stores.bring(_store(store), built, controller.builds)
    else:
        release, archive, manifest = releases.make(
            _source(environment, folder, ref, repository, file), controller.builds
        )
        if store:
            stores.put(_store(store), archive, manifest)
    stores.put(controller.store, *stores.files(controller.builds, release.id))
    if controller.kept:
        releases.forget(controller.builds, controller.kept)
    _say_origin(release)
    _report(controller.inbox.ask("dags.deploy", terminal.say, release=release.id, whole=wait), as_json)


def rollback(
    environment: EnvironmentName,
    to: Annotated[
        str | None, typer.Option("--to", metavar="ID", help="When not given: what was in force before.")
    ] = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Put an earlier release of DAG files in force again."""
    _report(controller_of(environment, file).inbox.ask("dags.rollback", terminal.say, to=to), as_json)


def list_(environment: EnvironmentName, file: File = None, as_json: AsJson = False) -> None:
    """Show the releases of DAG files that are there, the newest first."""
    found = controller_of(environment, file).inbox.ask("dags.list", alone=False)
    if as_json:
        terminal.data_json({"version": 1, **found})
        return
    table = [
        [
            row["id"],
            "in force" if row["in_force"] else "",
            row["created"],
            (row["commit"] or "-")[:12] + ("*" if row["commit"] and row["dirty"] else ""),
            f"{row['files']:,}",
            row["subject"] or "",
        ]
        for row in found["releases"]
    ]
    terminal.table(["RELEASE", "", "MADE", "COMMIT", "FILES", "SUBJECT"], table)


def diff(
    environment: EnvironmentName,
    one: Annotated[str | None, typer.Argument(help="A release. When not given: what was in force before.")] = None,
    two: Annotated[str | None, typer.Argument(help="Another. When not given: what is in force.")] = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Show which files two releases of DAG files differ in, and which others import these."""
    found = controller_of(environment, file).inbox.ask("dags.diff", alone=False, one=one, two=two)
    if as_json:
        terminal.data_json({"version": 1, **found})
        return
    for row in found["files"]:
        terminal.data(f"{row['change']:<8} {row['path']}")
    for path in found["importers"]:
        terminal.data(f"imports  {path}")
    count, importers = len(found["files"]), len(found["importers"])
    terminal.say(f"{found['from']} to {found['to']}: {count} differ, {importers} import them")


def prune(
    environment: EnvironmentName,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest stay.")] = 20,
    file: File = None,
) -> None:
    """Remove old releases of DAG files; never what is in force, what was before, and what unfinished runs use."""
    removed = controller_of(environment, file).inbox.ask("dags.prune", keep=keep)["removed"]
    for release in removed:
        terminal.data(release)
    terminal.say(f"{len(removed)} removed")


def _source(
    environment: str, folder: Path | None, ref: str | None, repository: str | None, file: Path | None
) -> Source:
    if folder is not None and repository is None:
        return source_of(folder, ref)
    found = configuration_file(file)
    tradewind = config.load(found)
    chosen = tradewind.local_environment if environment == LOCAL else tradewind.environment(environment)
    url = repository or chosen.dags.repository
    if url and (environment != LOCAL or repository):
        copy = fetched(url, Home.beside(found).root / "repositories")
        return Commit.of(copy, ref or chosen.dags.ref, str(folder or chosen.dags.path))
    return source_of(found.parent / (tradewind.local.dags or chosen.dags.path), ref)


def _store(place: str) -> Store:
    if not place.startswith("s3://"):
        return FolderStore(Path(place))
    from tradewind.bundle.s3_store import S3Store
    from tradewind.infrastructure.aws import Aws

    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    if not bucket:
        raise TradewindError(f"{place!r} names no bucket", hint="s3://BUCKET/PREFIX", code=USAGE)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"  # S3 leads to its own
    return S3Store(Aws(region).session(), bucket, f"{prefix.rstrip('/')}/" if prefix else "")


def _report(done: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        terminal.data_json({"version": 1, **done})
        return
    terminal.data(done["release"])
    terminal.say("in force" if done["changed"] else "in force already")


def _say_origin(release: DagRelease) -> None:
    origin = release.origin
    where = f"commit {origin.commit[:12]}" if origin.commit else "a folder without commits"
    count = f"{len(release.files)} file{'s' if len(release.files) > 1 else ''}"
    terminal.say(f"{count} of {where}{', changed since' if origin.commit and origin.dirty else ''}")
