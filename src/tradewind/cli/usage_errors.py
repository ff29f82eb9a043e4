"""Errors of command lines: the mistake, and the command to type instead, also for names of earlier versions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import typer

from tradewind.errors import ExitCode, TradewindError

COMMANDS = {
    "history": "release history",
    "unlock": "tf unlock",
    "config environments": "environments",
}
"""Commands that had another name in earlier revisions."""

MORE = {"release history": " -e ENV", "tf unlock": " LOCK -e ENV"}

_ENVIRONMENT_FIRST = frozenset(
    {
        "apply",
        "audit",
        "config show",
        "dags deploy",
        "dags diff",
        "dags list",
        "dags prune",
        "dags rollback",
        "destroy",
        "drift",
        "output",
        "plan",
        "release deploy",
        "release history",
        "release list",
        "release lock",
        "release resume",
        "release rollback",
        "release status",
        "release unlock",
        "services",
    }
)
"""Commands that named the environment by position; each has ``-e`` now."""

OPTIONS = {
    ("up", "--environment"): "--as",
    ("dags build", "--to"): "--output",
    ("dags deploy", "--from"): "the folder as the argument",
    ("dags deploy", "--no-wait"): "--no-confirm",
    ("dags rollback", "--to"): "the DAG release as the argument",
    ("images build", "--with"): "--builder",
    ("images check", "--with"): "--builder",
    ("images list", "--with"): "--builder",
    ("images push", "--with"): "--builder",
    ("images sbom", "--with"): "--builder",
    ("images push", "--to"): "--registry",
    ("release create", "--dags"): "--dag-release",
    ("release create", "--from"): "-e",
    ("release diff", "--in"): "-e",
    ("release rollback", "--to"): "the release as the argument",
    ("release show", "--in"): "-e",
}
"""Options that had another name in earlier revisions: (command, old name) to the text to write instead."""


def explained(error: typer.TyperException, arguments: Sequence[str]) -> TradewindError:
    """The error of a command line that Typer refuses, with the command to type.

    Args:
        error: from parsing.
        arguments: the command line without the program's name.
    """
    context: Any = getattr(error, "ctx", None)
    words = _path(context) if context else []
    command = " ".join(words)
    what = _sentence(error)
    hint = (
        _renamed_command(command, arguments)
        or _renamed_option(command, error)
        or _environment_by_position(command, context, arguments[len(words) :])
        or _missing_environment(command, error)
        or _second_release(command, context, arguments[len(words) :])
        or _workers_by_position(command, context, arguments[len(words) :])
        or " ".join(["tradewind", *words, "--help"])
    )
    return TradewindError(what, hint=hint, code=ExitCode.USAGE)


def _bound(found: re.Match[str]) -> str:
    return f"must be {found[2]} or {'less' if found[1] == 'less' else 'more'}"


def _path(context: Any) -> list[str]:
    """The words of the command after the program's name."""
    words: list[str] = []
    while context.parent is not None:
        words.insert(0, context.info_name)
        context = context.parent
    return words


def _sentence(error: typer.TyperException) -> str:
    text = error.format_message().rstrip(".").replace("Got unexpected", "unexpected").partition(" (Possible")[0]
    text = re.sub(r"Input should be (less|greater) than or equal to (\d+)", _bound, text)
    text = text.replace("extra argument(s) (", "argument ").rstrip(")") if "extra argument(s)" in text else text
    return text[:1].lower() + text[1:]


def _renamed_command(command: str, arguments: Sequence[str]) -> str:
    """``history dev`` and ``config environments --json`` begin with a name that no longer exists."""
    for old, new in COMMANDS.items():
        words = old.split()
        if list(arguments[: len(words)]) == words and command == " ".join(words[:-1]):
            given = next((one for one in arguments[len(words) :] if not one.startswith("-")), "ENV")
            return f"`{old}` was renamed: tradewind {new}" + MORE.get(new, "").replace("ENV", given)
    return ""


def _renamed_option(command: str, error: typer.TyperException) -> str:
    new = OPTIONS.get((command, getattr(error, "option_name", "")))
    return f"write {new}" if new else ""


def _missing_environment(command: str, error: typer.TyperException) -> str:
    parameter: Any = getattr(error, "param", None)
    if parameter is None or "--env" not in parameter.opts or "issing" not in type(error).__name__:
        return ""
    return f"tradewind {command} -e ENV; `tradewind environments` lists them"


def _environment_by_position(command: str, context: Any, arguments: Sequence[str]) -> str:
    """``release deploy prod r-1`` is ``release deploy r-1 -e prod``."""
    given = _positional(context, arguments) if command in _ENVIRONMENT_FIRST else []
    if not given or "--env" in arguments or "-e" in arguments:
        return ""
    environment, *objects = given
    if command in {"dags diff"} and len(objects) == 2:
        objects = [objects[1], "--with", objects[0]]
    return " ".join(["select the environment with -e: tradewind", command, *objects, "-e", environment])


def _second_release(command: str, context: Any, arguments: Sequence[str]) -> str:
    """``release diff ONE TWO`` is ``release diff TWO --with ONE``."""
    given = _positional(context, arguments) if command == "release diff" else []
    return f"tradewind release diff {given[1]} --with {given[0]}" if len(given) == 2 else ""


def _workers_by_position(command: str, context: Any, arguments: Sequence[str]) -> str:
    """``scale worker 3`` is ``scale --workers 3``."""
    if command != "scale" or not (given := _positional(context, arguments)):
        return ""
    return f"the number is an option: tradewind scale --workers {given[-1]}"


def _positional(context: Any, arguments: Sequence[str]) -> list[str]:
    """The arguments that are neither options nor values of options."""
    takes_value = {name for one in context.command.params if not getattr(one, "is_flag", True) for name in one.opts}
    found, skip = [], False
    for argument in arguments:
        if not skip and not argument.startswith("-"):
            found.append(argument)
        skip = not skip and argument in takes_value
    return found
