"""``tradewind dags``: test DAG files, make releases of them, and put these in force."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tradewind import config
from tradewind.bundle.changes import changes
from tradewind.bundle.manifest import DagRelease
from tradewind.bundle.shared import RELEASES, SharedFolder
from tradewind.cli import options, terminal
from tradewind.cli.dags_test import gate
from tradewind.cli.options import LOCAL, AsJson, EnvironmentName, File, configuration_file
from tradewind.dags import release as releases
from tradewind.dags import store as stores
from tradewind.dags.deploy import Deployed, Deployment
from tradewind.dags.source import Commit, Source, fetched, source_of
from tradewind.dags.store import FolderStore, Store
from tradewind.dags.tree import collect
from tradewind.errors import ExitCode, TradewindError
from tradewind.local.airflow import Airflow
from tradewind.local.dag_watch import ApiWatch
from tradewind.local.paths import Home

USAGE = ExitCode.USAGE
_LISTED = {"id", "created", "commit", "dirty", "author", "subject"}

app = typer.Typer(no_args_is_help=True, help="Test DAG files, make releases of them, and put these in force.")
app.command(name="test")(gate)

Ref = Annotated[
    str | None,
    typer.Option(help="The commit, branch or tag. When not given: what lies there, marked where it was changed."),
]
Shared = Annotated[
    Path | None, typer.Option("--shared", metavar="FOLDER", help="Where the shared file system is mounted here.")
]
StorePlace = Annotated[
    str | None,
    typer.Option("--store", metavar="PLACE", help="Keep the release there, too: a folder, or s3://BUCKET/PREFIX."),
]


@app.command()
def build(
    folder: Annotated[Path, typer.Argument(help="The folder of the DAG files.")] = Path(),
    ref: Ref = None,
    to: Annotated[Path, typer.Option(help="Where the archive and its manifest are put.")] = Path("build/dags"),
    store: StorePlace = None,
    as_json: AsJson = False,
) -> None:
    """Make a release of DAG files: an archive and a manifest, named by what is in them."""
    release, archive, manifest = releases.build(collect(source_of(folder, ref)), to)
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


@app.command()
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
    shared: Shared = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until every file is confirmed, not only what has changed.")
    ] = True,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Make a release of DAG files and put it in force; where it cannot be imported, what was before is again."""
    if built and (not store or folder or ref or repository):
        raise TradewindError("--release needs --store, and nothing to make a release of", code=USAGE)
    deployment = _deployment(environment, shared, file)
    place = deployment.shared.folder / RELEASES
    if built and store:
        release = stores.bring(_store(store), built, place)
    else:
        release, archive, manifest = releases.build(collect(_source(environment, folder, ref, repository, file)), place)
        if store:
            stores.put(_store(store), archive, manifest)
    _say_origin(release)
    _report(deployment.deploy(release.id, wait, terminal.say), as_json)


@app.command()
def rollback(
    environment: EnvironmentName,
    to: Annotated[
        str | None, typer.Option("--to", metavar="ID", help="When not given: what was in force before.")
    ] = None,
    shared: Shared = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Put an earlier release of DAG files in force again."""
    deployment = _deployment(environment, shared, file)
    _report(deployment.deploy(to or deployment.shared.before(), False, terminal.say, take_back=False), as_json)


@app.command(name="list")
def list_(environment: EnvironmentName, shared: Shared = None, file: File = None, as_json: AsJson = False) -> None:
    """Show the releases of DAG files that are there, the newest first."""
    folder = _shared(environment, shared, file)
    now = folder.in_force()
    releases = folder.releases()
    if as_json:
        rows = [
            {name: value for name, value in release.as_dict().items() if name in _LISTED}
            | {"files": len(release.files), "in_force": bool(now and now.release == release.id)}
            for release in releases
        ]
        terminal.data_json({"version": 1, "in_force": vars(now) if now else None, "releases": rows})
        return
    table = [
        [
            release.id,
            "in force" if now and now.release == release.id else "",
            release.created,
            (release.origin.commit or "-")[:12] + ("*" if release.origin.commit and release.origin.dirty else ""),
            f"{len(release.files):,}",
            release.origin.subject or "",
        ]
        for release in releases
    ]
    terminal.table(["RELEASE", "", "MADE", "COMMIT", "FILES", "SUBJECT"], table)


@app.command()
def diff(
    environment: EnvironmentName,
    one: Annotated[str | None, typer.Argument(help="A release. When not given: what was in force before.")] = None,
    two: Annotated[str | None, typer.Argument(help="Another. When not given: what is in force.")] = None,
    shared: Shared = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Show which files two releases of DAG files differ in, and which others import these."""
    folder = _shared(environment, shared, file)
    now = folder.in_force()
    if two is None and now is None:
        raise TradewindError("no DAG release is in force", hint=f"tradewind dags deploy {environment}")
    newer = two or (now.release if now else "")
    older = one or folder.before()
    old, new = folder.read(older), folder.read(newer)
    found = changes(old, new)
    before, after = old.files, new.files
    kinds = dict.fromkeys(found.gone, "deleted")
    kinds |= {path: "added" for path in after if path not in before}
    kinds |= {path: "changed" for path in after if path in before and before[path] != after[path]}
    importers = sorted(found.first - set(kinds))
    if as_json:
        rows = [{"path": path, "change": kind} for path, kind in sorted(kinds.items())]
        terminal.data_json(
            {
                "version": 1,
                "from": older,
                "to": newer,
                "files": rows,
                "importers": importers,
                "behind": len(found.behind),
            }
        )
        return
    for path, kind in sorted(kinds.items()):
        terminal.data(f"{kind:<8} {path}")
    for path in importers:
        terminal.data(f"imports  {path}")
    terminal.say(f"{older} to {newer}: {len(kinds)} differ, {len(importers)} import them")


@app.command()
def prune(
    environment: EnvironmentName,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest stay.")] = 20,
    file: File = None,
) -> None:
    """Remove old releases of DAG files; never what is in force, what was before, and what unfinished runs use."""
    removed = _deployment(environment, None, file).prune(keep)
    for release in removed:
        terminal.data(release.id)
    terminal.say(f"{len(removed)} removed")


def _shared(environment: str, shared: Path | None, file: Path | None) -> SharedFolder:
    if shared is not None:
        if not shared.is_dir():
            raise TradewindError(
                f"there is no folder {shared}", "the shared file system is not mounted there", code=USAGE
            )
        return SharedFolder(shared)
    if environment != LOCAL:
        raise TradewindError(
            f"the DAG files of {environment} are out of reach",
            "they are on its shared file system",
            "--shared FOLDER says where that is mounted",
            code=USAGE,
        )
    return SharedFolder(Home.beside(configuration_file(file)).dags)


def _deployment(environment: str, shared: Path | None, file: Path | None) -> Deployment:
    """Where DAG files go, watched where Airflow can be asked."""
    folder = _shared(environment, shared, file)
    if shared is not None:
        return Deployment(folder, None)
    platform = options.platform(file)
    login = platform.ask(do="login")["login"]
    url = platform.ask(do="status")["urls"]["web"]
    return Deployment(folder, ApiWatch(Airflow(url, *login)))


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
    from tradewind.infrastructure.aws import Aws
    from tradewind.infrastructure.dag_store import S3Store

    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    if not bucket:
        raise TradewindError(f"{place!r} names no bucket", hint="s3://BUCKET/PREFIX", code=USAGE)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"  # S3 leads to its own
    return S3Store(Aws(region).session(), bucket, f"{prefix.rstrip('/')}/" if prefix else "")


def _report(done: Deployed, as_json: bool) -> None:
    if as_json:
        terminal.data_json(
            {
                "version": 1,
                "release": done.now.release,
                "changed": done.changed,
                "before": done.now.before,
                "served_s": done.served_s,
                "confirmed_s": done.confirmed_s,
            }
        )
        return
    terminal.data(done.now.release)
    terminal.say("in force" if done.changed else "in force already")


def _say_origin(release: DagRelease) -> None:
    origin = release.origin
    where = f"commit {origin.commit[:12]}" if origin.commit else "a folder without commits"
    count = f"{len(release.files)} file{'s' if len(release.files) > 1 else ''}"
    terminal.say(f"{count} of {where}{', changed since' if origin.commit and origin.dirty else ''}")
