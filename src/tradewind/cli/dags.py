"""``tradewind dags``: test DAG files, and bring them onto the shared file system."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tradewind import junit
from tradewind.cli import terminal
from tradewind.cli.options import AsJson
from tradewind.dags import check as checks
from tradewind.dags import release as releases
from tradewind.dags.imports import Remembered
from tradewind.dags.source import source_of
from tradewind.dags.sync import sync as synchronise
from tradewind.dags.tree import collect
from tradewind.errors import ExitCode

app = typer.Typer(no_args_is_help=True, help="Test DAG files, and bring them onto the shared file system.")

Folder = Annotated[Path, typer.Argument(help="The folder of the DAG files.")]


@app.command()
def check(
    folder: Folder,
    budget: Annotated[
        float, typer.Option("--budget", min=1, max=600, help="Seconds that the import of one file may take.")
    ] = checks.BUDGET_S,
    report: Annotated[Path | None, typer.Option("--junit", help="Write a JUnit report there, too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Import every DAG file as Airflow does, each in a process of its own. Exit code 3 where one cannot be imported."""
    files = checks.check(folder, budget)
    if report:
        junit.write(report, {"dags": [junit.Case(file.path, file.problem, file.seconds) for file in files]})
    wrong = [file for file in files if file.problem]
    if as_json:
        terminal.data_json({"version": 1, "passed": not wrong, "files": [file.as_dict() for file in files]})
    else:
        rows = [[file.path, ", ".join(file.dags), f"{file.seconds:.1f} s", _short(file.problem)] for file in files]
        terminal.table(["FILE", "DAGS", "IMPORT", ""], rows)
        for file in wrong:
            terminal.say(f"\n{file.path}:\n{file.problem}")
    if wrong:
        raise typer.Exit(ExitCode.UNHEALTHY)


@app.command()
def sync(
    folder: Folder,
    target: Annotated[Path, typer.Argument(help="The folder that Airflow reads, on the shared file system.")],
    as_json: AsJson = False,
) -> None:
    """Make the shared folder equal to this one: modules before the DAG files that import them."""
    done = synchronise(folder, target)
    if as_json:
        terminal.data_json({"version": 1, "written": list(done.written), "removed": list(done.removed)})
        return
    for name in done.written:
        terminal.data(f"wrote    {name}")
    for name in done.removed:
        terminal.data(f"removed  {name}")
    terminal.say(f"{len(done.written)} written, {len(done.removed)} removed")


@app.command()
def build(
    folder: Annotated[Path, typer.Argument(help="The folder of the DAG files.")] = Path(),
    ref: Annotated[
        str | None,
        typer.Option(help="The commit, branch or tag. When not given: what lies there, marked where it was changed."),
    ] = None,
    to: Annotated[Path, typer.Option(help="Where the archive and its manifest are put.")] = Path("build/dags"),
    as_json: AsJson = False,
) -> None:
    """Make a release of DAG files: an archive and a manifest, named by what is in them."""
    tree = collect(source_of(folder, ref))
    to.mkdir(parents=True, exist_ok=True)
    remembered = Remembered(to / ".imports.json")
    release = releases.describe(tree, datetime.now(UTC).isoformat(timespec="seconds"), remembered)
    archive, manifest = releases.write(release, tree, to)
    remembered.save()
    origin = release.origin
    if as_json:
        found = {
            "version": 1,
            "release": release.id,
            "archive": str(archive),
            "manifest": str(manifest),
            "files": len(release.files),
            "bytes": sum(entry.size for entry in release.files.values()),
            "commit": origin.commit,
            "dirty": origin.dirty,
        }
        terminal.data_json(found)
        return
    terminal.data(release.id)
    where = f"commit {origin.commit[:12]}" if origin.commit else "a folder without commits"
    count = f"{len(release.files)} file{'s' if len(release.files) > 1 else ''}"
    terminal.say(f"{count} of {where}{', changed since' if origin.commit and origin.dirty else ''}")
    terminal.say(f"{archive}, {manifest}")


def _short(problem: str) -> str:
    return problem.splitlines()[-1][:80] if problem else "ok"
