"""The options and arguments that commands share. Each is declared once, so that it means the same everywhere."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tradewind.errors import ExitCode, HeldError, TradewindError

if TYPE_CHECKING:  # loaded only by the commands that need them
    from tradewind import config
    from tradewind.environments.external import ExternalDependencies
    from tradewind.environments.interface import Environment
    from tradewind.environments.project import Project
    from tradewind.local.platform import Platform

LOCAL = "local"
"""The same value as ``environments.LOCAL``, whose module takes longer to import."""
ENV_VARIABLE = "TRADEWIND_ENV"
LOCK_POLL_S = 2.0
INSTEAD = {
    "up": "; to use the settings of {0} on this machine: tradewind up --as {0}",
    "status": "; for the releases of {0}: tradewind release status -e {0}",
}
"""By command of this machine: the end of a hint that names the command for another environment."""

_RELEASE = re.compile(r"r-[0-9a-f]{12}")
_DAG_RELEASE = re.compile(r"d-[0-9a-f]{16}")


def _aws_only(context: typer.Context, value: str | None) -> str | None:
    if value == LOCAL:
        raise TradewindError(
            f"`{context.info_name}` works on AWS only, and `local` is this machine",
            "",
            f"tradewind {context.info_name} -e ENV; `tradewind environments` lists them",
            code=ExitCode.USAGE,
        )
    return value


def _here_only(context: typer.Context, value: str) -> str:
    if value != LOCAL:
        name = str(context.info_name)
        instead = INSTEAD.get(name, "").format(value)
        leave = f"unset {ENV_VARIABLE}" if os.environ.get(ENV_VARIABLE) == value else f"leave out -e {value}"
        raise TradewindError(
            f"`{name}` works on this machine only, and the environment is {value!r}",
            "",
            f"{leave}{instead}",
            code=ExitCode.USAGE,
        )
    return value


def _release_id(value: str | None) -> str | None:
    if value is not None and not _RELEASE.fullmatch(value):
        raise typer.BadParameter(f"{value!r} is not the id of a release, which is `r-` and 12 hexadecimal digits")
    return value


def _dag_release_id(value: str | None) -> str | None:
    if value is not None and not _DAG_RELEASE.fullmatch(value):
        raise typer.BadParameter(f"{value!r} is not the id of a DAG release, which is `d-` and 16 hexadecimal digits")
    return value


def _environment_option(help_: str, callback: Callable[..., str | None] | None = None) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        "--env",
        "-e",
        metavar="ENV",
        envvar=ENV_VARIABLE,
        show_envvar=False,
        show_default=False,
        help=help_,
        callback=callback,
    )
    return option


File = Annotated[
    Path | None,
    typer.Option("--file", help="The configuration file. Default: tradewind.yaml in this folder or a parent folder."),
]
EnvOrHere = Annotated[str, _environment_option("The environment. Default: this machine (`local`).")]
Env = Annotated[str, _environment_option("The environment on AWS. Required.", _aws_only)]
EnvOrAll = Annotated[str | None, _environment_option("The environment on AWS.", _aws_only)]
OptionalEnv = Annotated[str | None, _environment_option("The environment. Default: the whole configuration.")]
HereOnly = Annotated[str, _environment_option("Only `local` is possible; needed if TRADEWIND_ENV is set.", _here_only)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would change.")]
Reason = Annotated[str, typer.Option("--reason", help="The reason, for the history.")]
Wait = Annotated[
    float,
    typer.Option(
        "--wait",
        metavar="MINUTES",
        min=0,
        show_default=False,
        help="How long to wait if the environment is locked or another command changes it. Default: 0.",
    ),
]
AllowDataLoss = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-data-loss",
        metavar="ADDRESS",
        help="Accept that the data of this Terraform resource is lost. Repeatable.",
    ),
]
Account = Annotated[
    str | None,
    typer.Option(
        "--account",
        metavar="ACCOUNT",
        help="The account. Default: the account without a production environment, if there is only one.",
    ),
]
Junit = Annotated[Path | None, typer.Option("--junit", metavar="PATH", help="Also write a JUnit report to this file.")]
Ref = Annotated[
    str | None,
    typer.Option("--ref", help="A commit, branch or tag. Default: the files as they are in the folder."),
]
StorePlace = Annotated[
    str | None,
    typer.Option("--store", metavar="PLACE", help="A folder or s3://BUCKET/PREFIX that stores DAG releases."),
]
SkipHooks = Annotated[
    bool, typer.Option("--skip-hooks", help="Do not run your programs hooks/pre-deploy and hooks/post-deploy.")
]
ReleaseId = Annotated[
    str | None, typer.Argument(metavar="RELEASE", help="The id of a release (`r-…`).", callback=_release_id)
]
RequiredReleaseId = Annotated[
    str, typer.Argument(metavar="RELEASE", help="The id of a release (`r-…`).", callback=_release_id)
]
OtherRelease = Annotated[
    str | None,
    typer.Option(
        "--with",
        metavar="RELEASE",
        help="The release to compare with. Default: the active release.",
        callback=_release_id,
    ),
]
OtherDagRelease = Annotated[
    str | None,
    typer.Option(
        "--with",
        metavar="RELEASE",
        help="The release to compare with. Default: the previous one.",
        callback=_dag_release_id,
    ),
]
DagReleaseId = Annotated[
    str | None, typer.Argument(metavar="RELEASE", help="The id of a DAG release (`d-…`).", callback=_dag_release_id)
]

_OUTSIDE: ContextVar[ExternalDependencies] = ContextVar("outside")
_Result = TypeVar("_Result")


@contextmanager
def using(given: ExternalDependencies) -> Iterator[None]:
    """Make every command that is called in the block use ``given``."""
    token = _OUTSIDE.set(given)
    try:
        yield
    finally:
        _OUTSIDE.reset(token)


def configuration_file(file: Path | None) -> Path:
    """The given file, or the file found in this folder or a parent folder. TradewindError if there is none."""
    if file is not None:
        return file
    from tradewind.config import find

    here = Path.cwd()
    found = find(here)
    # Relative if that is shorter: every message about the file begins with the path.
    return found.relative_to(here) if found.is_relative_to(here) else found


def project(file: Path | None) -> Project:
    """The project of a configuration. The configuration is read at its first use."""
    from tradewind.environments.external import ExternalDependencies
    from tradewind.environments.project import Project

    return Project(configuration_file(file), _OUTSIDE.get(ExternalDependencies()))


def environment(file: Path | None, name: str) -> Environment:
    """An environment of a configuration. TradewindError, with the nearest name, if there is none of that name."""
    return project(file).environment(name)


def described(file: Path | None, name: str) -> config.Environment:
    """The settings of an environment; for ``local``, of the environment whose settings this machine uses."""
    tradewind = project(file).tradewind
    return tradewind.local_environment if name == LOCAL else tradewind.environment(name)


def platform(file: Path | None) -> Platform:
    """This machine's platform for the configuration, running or not."""
    from tradewind.local.paths import StateDirectory
    from tradewind.local.platform import Platform

    return Platform(StateDirectory.beside(configuration_file(file)))


def when_free(minutes: float, act: Callable[[], _Result]) -> _Result:
    """Call ``act``, again while it raises HeldError. After ``minutes``, raise that error.

    Each holder is printed once. ``act`` must take its lock before it changes anything.
    """
    from tradewind.cli import terminal
    from tradewind.environments.external import ExternalDependencies

    outside = _OUTSIDE.get(ExternalDependencies())
    until = outside.clock() + 60 * minutes
    reported = ""
    while True:
        try:
            return act()
        except HeldError as error:
            if outside.clock() >= until:
                raise
            if str(error) != reported:
                reported = str(error)
                terminal.say(f"waiting: {reported}")
            outside.sleep(LOCK_POLL_S)
