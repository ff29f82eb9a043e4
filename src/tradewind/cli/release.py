"""``tradewind release``: deploy and roll back images, DAG files and configuration as one object."""

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
from tradewind.cli.options import (
    LOCAL,
    AsJson,
    DryRun,
    EnvOrHere,
    File,
    OtherRelease,
    Reason,
    ReleaseId,
    RequiredReleaseId,
    SkipHooks,
    Wait,
)
from tradewind.config import ConfigError
from tradewind.environments.interface import Environment
from tradewind.environments.project import Project
from tradewind.errors import ExitCode, TradewindError
from tradewind.images.images import Image, components
from tradewind.releases.hooks import FOLDER, Deployment, Hooks
from tradewind.releases.phases import Phase
from tradewind.releases.record import Release, has_digest
from tradewind.releases.rollout import Rollout
from tradewind.releases.target import Progress, State
from tradewind.storage import lease


def create(
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--image",
            metavar="COMPONENT=IMAGE",
            help="An image by digest. The other images and the DAG release come from the active release.",
        ),
    ] = None,
    dags: Annotated[
        str | None,
        typer.Option(
            "--dag-release",
            metavar="ID",
            help="The DAG release. Default: the DAG release of the active release, or none.",
        ),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="A remark that `release list` shows.")] = "",
    environment: EnvOrHere = LOCAL,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Create a release for an environment, and print its id.

    On this machine, without --image, the images are built from the source tree.
    """
    project = options.project(file)
    chosen_environment = project.environment(environment)
    fresh = chosen_environment.builds_here and not given
    base = None if fresh else chosen_environment.releases.current()
    chosen = (dict(base.images) if base else {}) | dict(_pairs(given or []))
    left = [component for component in Component if component.value not in chosen]
    if left and not chosen_environment.builds_here:
        raise TradewindError(
            f"the first release for {environment} needs every image",
            f"missing: {', '.join(left)}",
            "tradewind images push, then one --image COMPONENT=IMAGE for each",
            code=ExitCode.USAGE,
        )
    built = _build(file, left) if left else []
    releases = chosen_environment.releases.all()
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
    release = chosen_environment.releases.keep(release)
    if as_json:
        terminal.data_json(release.as_dict())
        return
    terminal.data(release.id)


def deploy(
    release: ReleaseId = None,
    environment: EnvOrHere = LOCAL,
    reason: Reason = "",
    dry_run: DryRun = False,
    skip_hooks: SkipHooks = False,
    wait: Wait = 0,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Deploy a release to an environment.

    Default: the newest release. If a check fails, the previous release is deployed again.
    """
    project = options.project(file)
    chosen = project.environment(environment)
    rollout = chosen.rollout()
    wanted = chosen.releases.release(release) if release else _newest(chosen)
    if dry_run:
        _show_plan(rollout, wanted, as_json)
        return
    terminal.say(f"deploying {wanted.id} to {environment}")
    _deploy(project, rollout, wanted, "release deploy", reason, wait, skip_hooks=skip_hooks, as_json=as_json)


def redeploy(project: Project, environment: str, reason: str, wait: float, *, skip_hooks: bool) -> bool:
    """Deploy the active release to the services whose description has changed. False if no release is active."""
    chosen = project.on_aws(environment)
    current = chosen.releases.current()
    if current is None:
        return False
    rollout = chosen.rollout()
    terminal.say(f"deploying {current.id} again, to the changed services")
    _deploy(project, rollout, current, "apply", reason, wait, skip_hooks=skip_hooks)
    return True


def rollback(
    release: ReleaseId = None,
    environment: EnvOrHere = LOCAL,
    keep_dags: Annotated[
        bool, typer.Option("--keep-dags", help="Keep the active DAG release; roll back only the images.")
    ] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    skip_hooks: SkipHooks = False,
    wait: Wait = 0,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Deploy an earlier release again, with its DAG files.

    Default: the release before the active one.
    """
    project = options.project(file)
    rollout = project.environment(environment).rollout()
    wanted = rollout.releases.release(release) if release else rollout.releases.previous()
    if keep_dags and (now := rollout.releases.current()):
        wanted = rollout.releases.keep(replace(wanted, dags=now.dags, parent=wanted.id, author=lease.me()))
    if dry_run:
        _show_plan(rollout, wanted, as_json)
        return
    terminal.say(f"rolling back {environment} to {wanted.id}")
    why = reason or "rollback"
    _deploy(project, rollout, wanted, "release rollback", why, wait, skip_hooks=skip_hooks, as_json=as_json)


def resume(environment: EnvOrHere = LOCAL, wait: Wait = 0, file: File = None) -> None:
    """Finish a deployment or rollback whose command was killed."""
    rollout = options.environment(file, environment).rollout()
    finished = options.when_free(wait, lambda: rollout.resume(_PrintedProgress()))
    terminal.data(f"{finished.id} is active in {environment}" if finished else "no deployment is unfinished")


def status(environment: EnvOrHere = LOCAL, file: File = None, as_json: AsJson = False) -> None:
    """Show the active release. Exit code 3 if a service runs another release."""
    found = options.environment(file, environment).rollout().status()
    if as_json:
        terminal.data_json(found)
    else:
        _show(found)
    if not found["consistent"]:
        raise typer.Exit(ExitCode.UNHEALTHY)


def list_(environment: EnvOrHere = LOCAL, file: File = None, as_json: AsJson = False) -> None:
    """List the releases, oldest first."""
    releases = options.environment(file, environment).releases.all()
    if as_json:
        terminal.data_json({"version": 1, "releases": [release.as_dict() for release in releases]})
        return
    rows = [[release.id, release.created, release.author, release.note] for release in releases]
    terminal.table(["RELEASE", "CREATED", "BY", "NOTE"], rows)


def show(
    release: RequiredReleaseId, environment: EnvOrHere = LOCAL, file: File = None, as_json: AsJson = False
) -> None:
    """Show the content of a release, and its history."""
    releases = options.environment(file, environment).releases
    found, evidence = releases.release(release), releases.evidence(release)
    if as_json:
        terminal.data_json({**found.as_dict(), "evidence": evidence})
        return
    about = {"dags": found.dags, "configuration": found.configuration, "commit": found.commit, "parent": found.parent}
    about |= {"created": f"{found.created} by {found.author}", "note": found.note}
    rows = [[f"image {name}", image] for name, image in sorted(found.images.items())]
    terminal.table([release, ""], [*rows, *([name, value] for name, value in about.items() if value)])
    for entry in evidence:
        reason = str(entry.get("reason", "")).partition("\n")[0]
        terminal.say(f"{entry['at']}  {entry['environment']}  {entry['event']} by {entry['by']}  {reason}".rstrip())


def diff(
    release: RequiredReleaseId,
    other: OtherRelease = None,
    environment: EnvOrHere = LOCAL,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Show the differences between two releases."""
    releases = options.environment(file, environment).releases
    before = releases.release(other) if other else releases.current()
    if before is None:
        raise TradewindError(
            f"no release is active in {environment}", "", "name the other release: --with RELEASE", code=ExitCode.USAGE
        )
    one, two = before.as_dict(), releases.release(release).as_dict()
    changes = {f"image {c}": (one["images"].get(c, ""), two["images"].get(c, "")) for c in map(str, Component)}
    changes |= {what: (one[what], two[what]) for what in ("dags", "configuration", "commit")}
    different = {key: values for key, values in changes.items() if values[0] != values[1]}
    if as_json:
        terminal.data_json({"version": 1, "changes": {k: {"from": a, "to": b} for k, (a, b) in different.items()}})
        return
    terminal.table(["", before.id, release], [[key, *values] for key, values in different.items()])


def lock(
    environment: EnvOrHere = LOCAL,
    reason: Reason = "",
    wait: Wait = 0,
    file: File = None,
) -> None:
    """Lock an environment: no deployment starts until `release unlock`."""
    if not reason:
        raise TradewindError(
            "a lock needs a reason, so that others know why they cannot deploy",
            "",
            f"tradewind release lock -e {environment} --reason TEXT",
            code=ExitCode.USAGE,
        )
    project = options.project(file)
    records, key = project.environment(environment).releases.records, lease.of_environment(environment)
    options.when_free(wait, lambda: lease.lock(records, key, reason, project.outside.clock))
    terminal.data(f"{environment} is locked")


def unlock(environment: EnvOrHere = LOCAL, file: File = None) -> None:
    """Unlock an environment, even if another operator has locked it."""
    removed = lease.unlock(options.environment(file, environment).releases.records, lease.of_environment(environment))
    terminal.data(f"{environment} {'is unlocked' if removed else 'was not locked'}")


def history(environment: EnvOrHere = LOCAL, file: File = None, as_json: AsJson = False) -> None:
    """Show every deployment and rollback of an environment."""
    entries = options.environment(file, environment).releases.history()
    if as_json:
        terminal.data_json({"version": 1, "environment": environment, "history": entries})
        return
    rows = [[e["at"], e["event"], e["release"], e["by"], str(e.get("reason", "")).partition("\n")[0]] for e in entries]
    terminal.table(["TIME", "EVENT", "RELEASE", "BY", "REASON"], rows)


def _deploy(
    project: Project,
    rollout: Rollout,
    wanted: Release,
    command: str,
    reason: str,
    wait: float,
    *,
    skip_hooks: bool,
    as_json: bool = False,
) -> None:
    def deploy() -> None:
        rollout.deploy(wanted, _PrintedProgress(), reason)

    if skip_hooks:
        options.when_free(wait, deploy)
    else:
        facts = Deployment(
            command, rollout.environment, wanted.id, rollout.releases.current_id() or "", lease.me(), reason
        )
        with Hooks(project.folder / FOLDER, terminal.say).around(facts):
            options.when_free(wait, deploy)
    draining = rollout.target.draining()
    if as_json:
        found = {"version": 1, "environment": rollout.environment, "release": wanted.id, "draining": draining}
        terminal.data_json(found)
        return
    terminal.data(f"{wanted.id} is active in {rollout.environment}")
    _say_draining(draining, rollout.environment)


def _say_draining(draining: Mapping[str, str], environment: str) -> None:
    for name, what in draining.items():
        terminal.say(f"{name}: {what} (tradewind release status -e {environment})")


def _show_plan(rollout: Rollout, wanted: Release, as_json: bool) -> None:
    planned = rollout.plan(wanted)
    if as_json:
        terminal.data_json({"version": 1, "environment": rollout.environment, "release": wanted.id, "phases": planned})
        return
    terminal.data(f"to deploy {wanted.id} to {rollout.environment}; nothing was changed")
    for phase in planned:
        terminal.data(f"{phase['phase']}: {phase['does']}")
        for change in phase["changes"]:
            before = ", ".join(map(_short, change["from"]))
            terminal.data(f"  {change['service']:<16} {before or 'nothing'} -> {_short(change['to'])}")


def _short(image: str) -> str:
    """The first digits of an image's digest."""
    return image.rpartition("sha256:")[2][:12] if "sha256:" in image else image


def _build(file: Path | None, wanted: list[Component]) -> list[Image]:
    """Build the images of these components. If the build fails, the hint also shows how to pass images instead."""
    try:
        return images.build_missing(images.images_of(file), wanted)
    except ConfigError:
        raise
    except TradewindError as error:
        flags = " ".join(f"--image {component.value}=IMAGE" for component in wanted)
        raise error.or_else(f"use images of a registry by digest: tradewind release create {flags}") from None


def _pairs(given: list[str]) -> list[tuple[str, str]]:
    pairs = [(name, image) for name, _, image in (entry.partition("=") for entry in given)]
    if wrong := [f"{name}={image}" for name, image in pairs if image and not has_digest(image)]:
        raise TradewindError(
            f"an image needs its digest: {', '.join(wrong)}",
            "",
            "--image COMPONENT=NAME@sha256:…; `tradewind images push` prints these names",
            code=ExitCode.USAGE,
        )
    components([name for name, _ in pairs] or None)  # raises an error that names unknown components
    return pairs


def _newest(environment: Environment) -> Release:
    releases = environment.releases.all()
    if not releases:
        option = "" if environment.builds_here else f" -e {environment.name}"
        raise TradewindError("there is no release yet", hint=f"tradewind release create{option}", code=ExitCode.USAGE)
    return releases[-1]


class _PrintedProgress:
    """A Listener that prints a line for each phase, and a line when the progress of a service changes."""

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
    terminal.data(f"{found['environment']}: {found['release'] or 'no active release'}")
    if unfinished := found["unfinished"]:
        terminal.say(f"unfinished: {unfinished['release']} (tradewind release resume -e {found['environment']})")
    if lock_ := found["lock"]:
        terminal.say(f"locked by {lock_['owner']} since {lock_['since']}: {lock_['reason']}")
    _say_draining(found["draining"], found["environment"])
    terminal.table(["SERVICE", "IMAGE"], [[name, ", ".join(images_)] for name, images_ in found["running"].items()])
