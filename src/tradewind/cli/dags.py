"""``tradewind dags``: build, deploy and roll back DAG releases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from tradewind.cli import options, terminal
from tradewind.cli.options import (
    LOCAL,
    AsJson,
    DagReleaseId,
    EnvOrHere,
    File,
    OtherDagRelease,
    Ref,
    SkipHooks,
    StorePlace,
    Wait,
)
from tradewind.dag_releases import store as stores
from tradewind.dag_releases.manifest import DagRelease
from tradewind.dags import build as releases
from tradewind.dags.source import Commit, Source, fetched, source_of
from tradewind.environments.interface import Environment
from tradewind.environments.project import Project
from tradewind.errors import ExitCode, TradewindError
from tradewind.protocol.controller_requests import DeployDags, DiffDags, ListDags, PruneDags, RollBackDags
from tradewind.releases.hooks import FOLDER, Deployment, Hooks
from tradewind.storage import lease
from tradewind.storage.artifacts import ArtifactStore, FolderArtifacts

USAGE = ExitCode.USAGE


def build(
    folder: Annotated[Path, typer.Argument(metavar="PATH", help="The folder of the DAG files.")] = Path(),
    ref: Ref = None,
    output: Annotated[
        Path, typer.Option("--output", metavar="PATH", help="The folder for the archive and its manifest.")
    ] = Path("build/dags"),
    store: StorePlace = None,
    as_json: AsJson = False,
) -> None:
    """Build a DAG release: an archive and its manifest."""
    release, archive, manifest = releases.make(source_of(folder, ref), output)
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
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH", help="The folder of the DAG files. Default: local.dags, or dags.path of the environment."
        ),
    ] = None,
    environment: EnvOrHere = LOCAL,
    ref: Ref = None,
    repository: Annotated[
        str | None,
        typer.Option(
            "--repo", metavar="URL", help="A git repository to fetch. Default: dags.repository, if it is set."
        ),
    ] = None,
    store: StorePlace = None,
    built: Annotated[
        str | None,
        typer.Option("--release", metavar="ID", help="Build nothing; deploy this DAG release from --store."),
    ] = None,
    confirm: Annotated[
        bool,
        typer.Option(
            "--confirm/--no-confirm", help="Wait for all files to be parsed; with --no-confirm, for the changed files."
        ),
    ] = True,
    skip_hooks: SkipHooks = False,
    wait: Wait = 0,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Build a DAG release and activate it.

    If a file cannot be imported, the previous DAG release is activated again.
    """
    if built and (not store or folder or ref or repository):
        raise TradewindError("--release needs --store, and excludes PATH, --ref and --repo", code=USAGE)
    project = options.project(file)
    chosen = project.environment(environment)
    controller, there = chosen.controller(), chosen.dags()
    options.when_free(wait, lambda: chosen.releases.refuse_while_deploying(project.outside.clock()))
    if built and store:
        release = stores.bring(_store(store), built, there.builds)
    else:
        source = _source(chosen, folder, ref, repository, project.state_dir.root / "repositories")
        release, archive, manifest = releases.make(source, there.builds)
        if store:
            stores.put(_store(store), archive, manifest)
    stores.put(there.store, *stores.files(there.builds, release.id))
    if there.kept:
        releases.forget(there.builds, there.kept)
    _say_origin(release)
    with _hooks(project, chosen, "dags deploy", release.id, skip_hooks=skip_hooks):
        done = controller.ask(DeployDags(release.id, confirm), terminal.say)
        report = {**done, **_recorded(chosen, "deployed", done, _reason(release))}
    _report(report, as_json)


def rollback(
    release: DagReleaseId = None,
    environment: EnvOrHere = LOCAL,
    skip_hooks: SkipHooks = False,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Activate an earlier DAG release. Default: the one before the active one."""
    project = options.project(file)
    chosen = project.environment(environment)
    controller = chosen.controller()
    with _hooks(project, chosen, "dags rollback", release or "", skip_hooks=skip_hooks):
        done = controller.ask(RollBackDags(release), terminal.say)
        report = {**done, **_recorded(chosen, "rolled-back", done, "DAG files alone")}
    _report(report, as_json)


def list_(environment: EnvOrHere = LOCAL, file: File = None, as_json: AsJson = False) -> None:
    """List the DAG releases of an environment, newest first."""
    found = options.environment(file, environment).controller().ask(ListDags())
    if as_json:
        terminal.data_json({"version": 1, **found})
        return
    table = [
        [
            row["id"],
            "active" if row["active"] else "",
            row["created"],
            (row["commit"] or "-")[:12] + ("*" if row["commit"] and row["dirty"] else ""),
            f"{row['files']:,}",
            row["subject"] or "",
        ]
        for row in found["releases"]
    ]
    terminal.table(["RELEASE", "", "CREATED", "COMMIT", "FILES", "SUBJECT"], table)


def diff(
    release: DagReleaseId = None,
    other: OtherDagRelease = None,
    environment: EnvOrHere = LOCAL,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Show the files in which two DAG releases differ.

    Also shows the files that import them. Default: compare the active DAG release with the previous one.
    """
    found = options.environment(file, environment).controller().ask(DiffDags(other, release))
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
    keep: Annotated[
        int, typer.Option("--keep", metavar="NUMBER", min=1, help="How many of the newest DAG releases to keep.")
    ] = 20,
    environment: EnvOrHere = LOCAL,
    file: File = None,
) -> None:
    """Remove old DAG releases.

    The active DAG release, the previous one and the DAG releases of unfinished runs stay.
    """
    removed = options.environment(file, environment).controller().ask(PruneDags(keep))["removed"]
    for release in removed:
        terminal.data(release)
    terminal.say(f"{len(removed)} removed")


def _source(environment: Environment, folder: Path | None, ref: str | None, url: str | None, kept: Path) -> Source:
    """The source of the DAG files. ``kept``: the folder for copies of repositories."""
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
        raise TradewindError(f"{place!r} does not name a bucket", hint="s3://BUCKET/PREFIX", code=USAGE)
    region = (
        os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    )  # S3 redirects to the region of the bucket
    return S3Artifacts(Aws(region).session(), bucket, f"{prefix.rstrip('/')}/" if prefix else "")


def _hooks(
    project: Project, chosen: Environment, command: str, release: str, *, skip_hooks: bool
) -> AbstractContextManager[None]:
    if skip_hooks:
        return nullcontext()
    facts = Deployment(command, chosen.name, release, chosen.releases.current_id() or "", lease.me())
    return Hooks(project.folder / FOLDER, terminal.say).around(facts)


def _recorded(chosen: Environment, event: str, done: Mapping[str, Any], reason: str) -> dict[str, str | None]:
    """Record a new release of the environment with these DAG files, if it has a release. Return its id."""
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
    terminal.say("active" if done["changed"] else "already active")


def _say_origin(release: DagRelease) -> None:
    origin = release.origin
    where = f"commit {origin.commit[:12]}" if origin.commit else "a folder that is not a git repository"
    count = f"{len(release.files)} file{'s' if len(release.files) > 1 else ''}"
    terminal.say(f"{count} of {where}{', with uncommitted changes' if origin.commit and origin.dirty else ''}")
