"""``tradewind dags``: test DAG files, make releases of them, and put these in force."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tradewind.cli import options, terminal
from tradewind.cli.options import AsJson, EnvironmentName, File
from tradewind.dag_releases import store as stores
from tradewind.dag_releases.manifest import DagRelease
from tradewind.dags import build as releases
from tradewind.dags.source import Commit, Source, fetched, source_of
from tradewind.environments.interface import Environment
from tradewind.errors import ExitCode, TradewindError
from tradewind.protocol.controller_requests import DeployDags, DiffDags, ListDags, PruneDags, RollBackDags
from tradewind.storage.artifacts import ArtifactStore, FolderArtifacts

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
    project = options.project(file)
    chosen = project.environment(environment)
    controller, there = chosen.controller(), chosen.dags()
    chosen.releases.refuse_while_deploying(project.outside.clock())
    if built and store:
        release = stores.bring(_store(store), built, there.builds)
    else:
        source = _source(chosen, folder, ref, repository, project.home.root / "repositories")
        release, archive, manifest = releases.make(source, there.builds)
        if store:
            stores.put(_store(store), archive, manifest)
    stores.put(there.store, *stores.files(there.builds, release.id))
    if there.kept:
        releases.forget(there.builds, there.kept)
    _say_origin(release)
    done = controller.ask(DeployDags(release.id, wait), terminal.say)
    _report({**done, **_recorded(chosen, "deployed", done, _reason(release))}, as_json)


def rollback(
    environment: EnvironmentName,
    to: Annotated[
        str | None, typer.Option("--to", metavar="ID", help="When not given: what was in force before.")
    ] = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Put an earlier release of DAG files in force again."""
    chosen = options.environment(file, environment)
    done = chosen.controller().ask(RollBackDags(to), terminal.say)
    _report({**done, **_recorded(chosen, "rolled-back", done, "DAG files alone")}, as_json)


def list_(environment: EnvironmentName, file: File = None, as_json: AsJson = False) -> None:
    """Show the releases of DAG files that are there, the newest first."""
    found = options.environment(file, environment).controller().ask(ListDags())
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
    found = options.environment(file, environment).controller().ask(DiffDags(one, two))
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
    removed = options.environment(file, environment).controller().ask(PruneDags(keep))["removed"]
    for release in removed:
        terminal.data(release)
    terminal.say(f"{len(removed)} removed")


def _source(environment: Environment, folder: Path | None, ref: str | None, url: str | None, kept: Path) -> Source:
    """Where its DAG files come from. ``kept``: the folder for copies of repositories."""
    if folder is not None and url is None:
        return source_of(folder, ref)
    dags = environment.described.dags
    if url := url or environment.dag_repository:
        return Commit.of(fetched(url, kept), ref or dags.ref, str(folder or dags.path))
    return source_of(environment.dag_folder, ref)


def _store(place: str) -> ArtifactStore:
    if not place.startswith("s3://"):
        return FolderArtifacts(Path(place))
    from tradewind.aws.boto import Aws
    from tradewind.storage.s3_artifacts import S3Artifacts

    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    if not bucket:
        raise TradewindError(f"{place!r} names no bucket", hint="s3://BUCKET/PREFIX", code=USAGE)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"  # S3 leads to its own
    return S3Artifacts(Aws(region).session(), bucket, f"{prefix.rstrip('/')}/" if prefix else "")


def _recorded(chosen: Environment, event: str, done: Mapping[str, Any], reason: str) -> dict[str, str | None]:
    """Other DAG files make another release of an environment that has one; its id."""
    made = chosen.releases.change_dags(str(done["release"]), event, chosen.outside.clock(), reason)
    return {"environment_release": made.id if made else None}


def _reason(release: DagRelease) -> str:
    origin = release.origin
    return f"DAG files of {origin.commit[:12]}: {origin.subject or ''}".strip(": ") if origin.commit else "DAG files"


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
