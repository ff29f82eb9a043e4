"""``tradewind release``: what runs in an environment as one object, deployed and taken back as one."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tradewind import config
from tradewind.cli import images, infrastructure, terminal
from tradewind.cli.options import LOCAL, AsJson, EnvironmentName, File, configuration_file
from tradewind.cli.outside import outside
from tradewind.config import ConfigError, Environment
from tradewind.delivery.engine import Engine, Limits, Listener, in_force, keep, known
from tradewind.delivery.local import LocalTarget
from tradewind.delivery.release import Release
from tradewind.delivery.target import Phase, Progress, Target
from tradewind.errors import ExitCode, TradewindError
from tradewind.images.builder import Podman
from tradewind.images.images import Image, components
from tradewind.infrastructure.deploy import Deployer
from tradewind.infrastructure.stack import Stack, environment_stack
from tradewind.local.paths import Home
from tradewind.local.platform import Platform
from tradewind.platform import Component, services
from tradewind.records import lease
from tradewind.records.records import FolderRecords, Records


def records_of(file: Path | None, environment: str = LOCAL) -> Records:
    """Where the releases of an environment are kept: beside the configuration, or in its account's state bucket."""
    if environment == LOCAL:
        return FolderRecords(Home.beside(configuration_file(file)).root / "releases")
    from tradewind.records.s3 import S3Records  # boto3 takes long to import

    tradewind, deployer = infrastructure.deployer(file)
    stack = environment_stack(tradewind, environment)
    return S3Records(deployer.cloud_of(stack).session(), stack.bucket)


def engine_of(file: Path | None, environment: str) -> Engine:
    """What deploys to an environment. TradewindError where there is none."""
    target: Target
    if environment == LOCAL:
        path = configuration_file(file)
        found = config.load(path).local_environment
        platform = Platform(Home.beside(path))
        if platform.status() is None:
            raise platform.missing(
                "releases go to one that runs from images", "tradewind up --containers --database mysql"
            )
        target = LocalTarget(platform, Podman("podman").fetch)
    else:
        tradewind, deployer = infrastructure.deployer(file)
        found = tradewind.environment(environment)
        target = _on_aws(deployer, environment_stack(tradewind, environment), found)
    limits = Limits(draining_s=max(worker.longest_task_hours for worker in found.workers.values()) * 3600)
    used = outside()
    return Engine(environment, records_of(file, environment), target, limits, used.clock, used.sleep)


def _on_aws(deployer: Deployer, stack: Stack, environment: Environment) -> Target:
    from tradewind.delivery.ecs import EcsTarget, Layout

    outputs = infrastructure.outputs_of(deployer, stack)
    return EcsTarget(Layout.from_outputs(outputs), services(environment), deployer.cloud_of(stack).session())


def create(
    given: Annotated[
        list[str] | None,
        typer.Option("--image", metavar="COMPONENT=IMAGE", help="An image by digest, instead of the one built here."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="ENVIRONMENT", help="Take what is not given from the release in force there."),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What a person should know about it.")] = "",
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Make a release of the images as they should be now; builds what is missing. Prints its id."""
    store = records_of(file, source or LOCAL)
    base = in_force(store, source) if source else None
    chosen = (dict(base.images) if base else {}) | dict(_pairs(given or []))
    left = [component for component in Component if component.value not in chosen]
    if left and source not in {None, LOCAL}:
        raise TradewindError(
            f"a first release for {source} needs every image",
            f"there is none of {', '.join(left)}",
            "tradewind images push, then one --image COMPONENT=IMAGE for each",
            code=ExitCode.USAGE,
        )
    built = _build(file, left) if left else []
    releases = known(store)
    parent = base or (releases[-1] if releases else None)
    release = Release(
        images=chosen | {image.component.value: str(image.id) for image in built},
        parent=parent.id if parent else "",
        author=lease.me(),
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        note=note,
    )
    release = keep(store, release)
    if as_json:
        terminal.data_json(release.as_dict())
        return
    terminal.data(release.id)


def deploy(
    environment: EnvironmentName,
    release: Annotated[str | None, typer.Argument(help="Its id. When not given: the newest release.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the history.")] = "",
    file: File = None,
) -> None:
    """Bring a release into an environment; where a gate fails, what ran before is brought back."""
    engine = engine_of(file, environment)
    wanted = engine.release(release) if release else _newest(engine)
    terminal.say(f"deploying {wanted.id} to {environment}")
    _bring(engine, wanted, reason)


def redeploy(file: Path | None, environment: str, reason: str) -> bool:
    """Bring the release in force to services whose description has changed; whether there is one."""
    current = in_force(records_of(file, environment), environment)
    if current is None:
        return False
    terminal.say(f"deploying {current.id} again, to what was changed")
    _bring(engine_of(file, environment), current, reason)
    return True


def rollback(
    environment: EnvironmentName,
    to: Annotated[str | None, typer.Option("--to", help="A release. When not given: the one before.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the history.")] = "",
    file: File = None,
) -> None:
    """Bring back an earlier release."""
    engine = engine_of(file, environment)
    wanted = engine.release(to) if to else engine.previous()
    terminal.say(f"going back to {wanted.id} in {environment}")
    _bring(engine, wanted, reason or "rollback")


def resume(environment: EnvironmentName, file: File = None) -> None:
    """Finish what a deployment that was killed has left."""
    finished = engine_of(file, environment).resume(_listener())
    terminal.data(f"{finished.id} is in force in {environment}" if finished else "there is nothing to finish")


def status(environment: EnvironmentName, file: File = None, as_json: AsJson = False) -> None:
    """Show which release is in force, and whether all that runs is of it. Exit code 3 where it is not."""
    found = engine_of(file, environment).status()
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
    releases = known(records_of(file, environment))
    if as_json:
        terminal.data_json({"version": 1, "releases": [release.as_dict() for release in releases]})
        return
    rows = [[release.id, release.created, release.author, release.note] for release in releases]
    terminal.table(["RELEASE", "CREATED", "BY", "NOTE"], rows)


def diff(
    first: Annotated[str, typer.Argument(help="A release.")],
    second: Annotated[str, typer.Argument(help="Another one.")],
    environment: Annotated[str, typer.Option("--in", help="The environment whose releases they are.")] = LOCAL,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Show what differs between two releases."""
    by_id = {release.id: release for release in known(records_of(file, environment))}
    missing = [name for name in (first, second) if name not in by_id]
    if missing:
        raise TradewindError(
            f"there is no release {', '.join(missing)}", hint="tradewind release list", code=ExitCode.USAGE
        )
    one, two = (by_id[name].as_dict() for name in (first, second))
    changes = {f"image {c}": (one["images"].get(c, ""), two["images"].get(c, "")) for c in map(str, Component)}
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
    lease.lock(records_of(file, environment), lease.of_environment(environment), reason, time.time)
    terminal.data(f"{environment} is locked")


def unlock(environment: EnvironmentName, file: File = None) -> None:
    """Remove the lock, whoever has it."""
    removed = lease.unlock(records_of(file, environment), lease.of_environment(environment))
    terminal.data(f"{environment} {'is unlocked' if removed else 'was not locked'}")


def history(environment: EnvironmentName, file: File = None, as_json: AsJson = False) -> None:
    """Show every release that came into an environment, and what became of it."""
    store = records_of(file, environment)
    names = store.names(f"environments/{environment}/ledger/")
    entries = [found[0] for name in names if (found := store.read(name))]
    if as_json:
        terminal.data_json({"version": 1, "environment": environment, "history": entries})
        return
    rows = [[e["at"], e["event"], e["release"], e["by"], str(e.get("reason", "")).partition("\n")[0]] for e in entries]
    terminal.table(["WHEN", "WHAT", "RELEASE", "BY", "WHY"], rows)


def _bring(engine: Engine, wanted: Release, reason: str) -> None:
    engine.deploy(wanted, _listener(), reason)
    terminal.data(f"{wanted.id} is in force in {engine.environment}")


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


def _newest(engine: Engine) -> Release:
    releases = known(engine.records)
    if not releases:
        source = "" if engine.environment == LOCAL else f" --from {engine.environment}"
        raise TradewindError("there is no release yet", hint=f"tradewind release create{source}", code=ExitCode.USAGE)
    return releases[-1]


def _listener() -> Listener:
    """Tells each thing once: a line whenever what is waited for changes."""
    began = time.monotonic()
    last: dict[str, str] = {}

    def listen(name: str, progress: Progress) -> None:
        text = progress.detail or ("done" if progress.phase is Phase.DONE else str(progress.stage))
        line = f"{'done' if progress.phase is Phase.DONE else progress.phase:<8} {text}"
        if last.get(name) == line:
            return
        last[name] = line
        terminal.say(f"{time.monotonic() - began:7.1f} s  {name:<14} {line}")

    return listen


def _show(found: dict[str, Any]) -> None:
    terminal.data(f"{found['environment']}: {found['release'] or 'no release yet'}")
    if unfinished := found["unfinished"]:
        terminal.say(f"unfinished: {unfinished['release']} (tradewind release resume {found['environment']})")
    if lock_ := found["lock"]:
        terminal.say(f"locked by {lock_['owner']} since {lock_['since']}: {lock_['reason']}")
    terminal.table(["SERVICE", "IMAGE"], [[name, ", ".join(images_)] for name, images_ in found["running"].items()])
