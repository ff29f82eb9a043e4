"""``tradewind release``: what runs in an environment as one object, deployed and taken back as one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tradewind.blueprint import Component
from tradewind.cli import images, options, terminal
from tradewind.cli.options import AsJson, EnvironmentName, File
from tradewind.config import ConfigError
from tradewind.environments import LOCAL
from tradewind.environments.interface import Environment
from tradewind.errors import ExitCode, TradewindError
from tradewind.images.images import Image, components
from tradewind.releases.phases import Phase
from tradewind.releases.record import Release
from tradewind.releases.rollout import Rollout
from tradewind.releases.target import Progress, State
from tradewind.storage import lease

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done, and change nothing.")]


def create(
    given: Annotated[
        list[str] | None,
        typer.Option("--image", metavar="COMPONENT=IMAGE", help="An image by digest, instead of the one built here."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="ENVIRONMENT", help="Take what is not given from the release in force there."),
    ] = None,
    dags: Annotated[
        str | None,
        typer.Option(
            "--dags", metavar="ID", help="The release of DAG files that comes with it. When not given: that of --from."
        ),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What a person should know about it.")] = "",
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Make a release of the images as they should be now; builds what is missing. Prints its id."""
    project = options.project(file)
    environment = project.environment(source or LOCAL)
    base = environment.releases.current() if source else None
    chosen = (dict(base.images) if base else {}) | dict(_pairs(given or []))
    left = [component for component in Component if component.value not in chosen]
    if left and not environment.builds_here:
        raise TradewindError(
            f"a first release for {source} needs every image",
            f"there is none of {', '.join(left)}",
            "tradewind images push, then one --image COMPONENT=IMAGE for each",
            code=ExitCode.USAGE,
        )
    built = _build(file, left) if left else []
    releases = environment.releases.all()
    parent = base or (releases[-1] if releases else None)
    release = Release(
        images=chosen | {image.component.value: str(image.id) for image in built},
        dags=dags if dags is not None else base.dags if base else "",
        configuration=project.fingerprint,
        commit=project.commit,
        parent=parent.id if parent else "",
        author=lease.me(),
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        note=note,
    )
    release = environment.releases.keep(release)
    if as_json:
        terminal.data_json(release.as_dict())
        return
    terminal.data(release.id)


def deploy(
    environment: EnvironmentName,
    release: Annotated[str | None, typer.Argument(help="Its id. When not given: the newest release.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the history.")] = "",
    dry_run: DryRun = False,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Bring a release into an environment; where a gate fails, what ran before is brought back."""
    found = options.environment(file, environment)
    rollout = found.rollout()
    wanted = found.releases.release(release) if release else _newest(found)
    if dry_run:
        _show_plan(rollout, wanted, as_json)
        return
    terminal.say(f"deploying {wanted.id} to {environment}")
    _bring(rollout, wanted, reason)


def redeploy(environment: Environment, reason: str) -> bool:
    """Bring the release in force to services whose description has changed; whether there is one."""
    current = environment.releases.current()
    if current is None:
        return False
    terminal.say(f"deploying {current.id} again, to what was changed")
    _bring(environment.rollout(), current, reason)
    return True


def rollback(
    environment: EnvironmentName,
    to: Annotated[str | None, typer.Option("--to", help="A release. When not given: the one before.")] = None,
    keep_dags: Annotated[
        bool, typer.Option("--keep-dags", help="The DAG files that are in force stay; only the images go back.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the history.")] = "",
    dry_run: DryRun = False,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Bring back an earlier release: its images and its DAG files."""
    rollout = options.environment(file, environment).rollout()
    wanted = rollout.releases.release(to) if to else rollout.releases.previous()
    if keep_dags and (now := rollout.releases.current()):
        wanted = rollout.releases.keep(replace(wanted, dags=now.dags, parent=wanted.id, author=lease.me()))
    if dry_run:
        _show_plan(rollout, wanted, as_json)
        return
    terminal.say(f"going back to {wanted.id} in {environment}")
    _bring(rollout, wanted, reason or "rollback")


def resume(environment: EnvironmentName, file: File = None) -> None:
    """Finish what a deployment that was killed has left."""
    finished = options.environment(file, environment).rollout().resume(_Told())
    terminal.data(f"{finished.id} is in force in {environment}" if finished else "there is nothing to finish")


def status(environment: EnvironmentName, file: File = None, as_json: AsJson = False) -> None:
    """Show which release is in force, and whether all that runs is of it. Exit code 3 where it is not."""
    found = options.environment(file, environment).rollout().status()
    if as_json:
        terminal.data_json(found)
    else:
        _show(found)
    if not found["consistent"]:
        raise typer.Exit(ExitCode.UNHEALTHY)


def list_(
    environment: Annotated[str, typer.Argument(help="Whose; see `deploy`.")] = LOCAL,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """List the releases, newest last."""
    releases = options.environment(file, environment).releases.all()
    if as_json:
        terminal.data_json({"version": 1, "releases": [release.as_dict() for release in releases]})
        return
    rows = [[release.id, release.created, release.author, release.note] for release in releases]
    terminal.table(["RELEASE", "CREATED", "BY", "NOTE"], rows)


def show(
    release: Annotated[str, typer.Argument(help="Its id.")],
    environment: Annotated[str, typer.Option("--in", help="An environment whose account keeps it.")] = LOCAL,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Show what a release is made of, and what became of it in every environment."""
    releases = options.environment(file, environment).releases
    found, evidence = releases.release(release), releases.evidence(release)
    if as_json:
        terminal.data_json({**found.as_dict(), "evidence": evidence})
        return
    about = {"dags": found.dags, "configuration": found.configuration, "commit": found.commit, "parent": found.parent}
    about |= {"made": f"{found.created} by {found.author}", "note": found.note}
    rows = [[f"image {name}", image] for name, image in sorted(found.images.items())]
    terminal.table([release, ""], [*rows, *([name, value] for name, value in about.items() if value)])
    for entry in evidence:
        reason = str(entry.get("reason", "")).partition("\n")[0]
        terminal.say(f"{entry['at']}  {entry['environment']}  {entry['event']} by {entry['by']}  {reason}".rstrip())


def diff(
    first: Annotated[str, typer.Argument(help="A release.")],
    second: Annotated[str, typer.Argument(help="Another one.")],
    environment: Annotated[str, typer.Option("--in", help="The environment whose releases they are.")] = LOCAL,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Show what differs between two releases."""
    by_id = {release.id: release for release in options.environment(file, environment).releases.all()}
    missing = [name for name in (first, second) if name not in by_id]
    if missing:
        raise TradewindError(
            f"there is no release {', '.join(missing)}", hint="tradewind release list", code=ExitCode.USAGE
        )
    one, two = (by_id[name].as_dict() for name in (first, second))
    changes = {f"image {c}": (one["images"].get(c, ""), two["images"].get(c, "")) for c in map(str, Component)}
    changes |= {what: (one[what], two[what]) for what in ("dags", "configuration", "commit")}
    different = {key: values for key, values in changes.items() if values[0] != values[1]}
    if as_json:
        terminal.data_json({"version": 1, "changes": {k: {"from": a, "to": b} for k, (a, b) in different.items()}})
        return
    terminal.table(["", first, second], [[key, *values] for key, values in different.items()])


def lock(
    environment: EnvironmentName,
    reason: Annotated[str, typer.Option("--reason", help="Why nobody may deploy.")],
    file: File = None,
) -> None:
    """Keep everybody from deploying, until `tradewind release unlock`."""
    lease.lock(
        options.environment(file, environment).releases.records, lease.of_environment(environment), reason, time.time
    )
    terminal.data(f"{environment} is locked")


def unlock(environment: EnvironmentName, file: File = None) -> None:
    """Remove the lock, whoever has it."""
    removed = lease.unlock(options.environment(file, environment).releases.records, lease.of_environment(environment))
    terminal.data(f"{environment} {'is unlocked' if removed else 'was not locked'}")


def history(environment: EnvironmentName, file: File = None, as_json: AsJson = False) -> None:
    """Show every release that came into an environment, and what became of it."""
    entries = options.environment(file, environment).releases.history()
    if as_json:
        terminal.data_json({"version": 1, "environment": environment, "history": entries})
        return
    rows = [[e["at"], e["event"], e["release"], e["by"], str(e.get("reason", "")).partition("\n")[0]] for e in entries]
    terminal.table(["WHEN", "WHAT", "RELEASE", "BY", "WHY"], rows)


def _bring(rollout: Rollout, wanted: Release, reason: str) -> None:
    rollout.deploy(wanted, _Told(), reason)
    terminal.data(f"{wanted.id} is in force in {rollout.environment}")
    _say_draining(rollout.target.draining(), rollout.environment)


def _say_draining(draining: Mapping[str, str], environment: str) -> None:
    for name, what in draining.items():
        terminal.say(f"{name}: {what} (tradewind release status {environment})")


def _show_plan(rollout: Rollout, wanted: Release, as_json: bool) -> None:
    planned = rollout.plan(wanted)
    if as_json:
        terminal.data_json({"version": 1, "environment": rollout.environment, "release": wanted.id, "phases": planned})
        return
    terminal.data(f"{wanted.id} in {rollout.environment} would do this; nothing was changed")
    for phase in planned:
        terminal.data(f"{phase['phase']}: {phase['does']}")
        for change in phase["changes"]:
            before = ", ".join(map(_short, change["from"]))
            terminal.data(f"  {change['service']:<16} {before or 'nothing'} -> {_short(change['to'])}")


def _short(image: str) -> str:
    """An image as people tell it from others: the beginning of its digest."""
    return image.rpartition("sha256:")[2][:12] if "sha256:" in image else image


def _build(file: Path | None, wanted: list[Component]) -> list[Image]:
    """The images of these components, built. Where that cannot be, the error also says how to do without."""
    try:
        return images.build_missing(images.images_of(file), wanted)
    except ConfigError:
        raise
    except TradewindError as error:
        flags = " ".join(f"--image {component.value}=IMAGE" for component in wanted)
        raise error.or_else(f"name images that a registry has, by digest: tradewind release create {flags}") from None


def _pairs(given: list[str]) -> list[tuple[str, str]]:
    pairs = [(name, image) for name, _, image in (entry.partition("=") for entry in given)]
    components([name for name, _ in pairs] or None)  # tells which names are wrong
    return pairs


def _newest(environment: Environment) -> Release:
    releases = environment.releases.all()
    if not releases:
        source = "" if environment.builds_here else f" --from {environment.name}"
        raise TradewindError("there is no release yet", hint=f"tradewind release create{source}", code=ExitCode.USAGE)
    return releases[-1]


class _Told:
    """See Listener. Tells each thing once: a line for each phase, and one whenever what is waited for changes."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._last: dict[str, str] = {}

    def phase(self, phase: Phase) -> None:
        self._last.clear()
        terminal.say(f"{time.monotonic() - self._began:7.1f} s  {phase.name}: {phase.does}")

    def look(self, name: str, progress: Progress) -> None:
        done = progress.state is State.DONE
        text = progress.detail or ("done" if done else str(progress.stage))
        line = f"{'done' if done else progress.state:<8} {text}"
        if self._last.get(name) == line:
            return
        self._last[name] = line
        terminal.say(f"{time.monotonic() - self._began:7.1f} s    {name:<14} {line}")


def _show(found: dict[str, Any]) -> None:
    terminal.data(f"{found['environment']}: {found['release'] or 'no release yet'}")
    if unfinished := found["unfinished"]:
        terminal.say(f"unfinished: {unfinished['release']} (tradewind release resume {found['environment']})")
    if lock_ := found["lock"]:
        terminal.say(f"locked by {lock_['owner']} since {lock_['since']}: {lock_['reason']}")
    _say_draining(found["draining"], found["environment"])
    terminal.table(["SERVICE", "IMAGE"], [[name, ", ".join(images_)] for name, images_ in found["running"].items()])
