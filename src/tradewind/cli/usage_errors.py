"""Errors of command lines: the mistake, and the command to type instead, also for names of earlier versions."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import typer

from tradewind.errors import ExitCode, TradewindError

ENV, OBJECT, DROP = "-e", "", "drop"
"""What became of a positional argument: the environment, the object, or nothing; else the name of an option."""


@dataclass(frozen=True)
class Earlier:
    """A command as it was: its name now, its positional arguments, and its options that have another name now.

    An option with the new name ``OBJECT`` is the positional argument now.
    """

    now: str
    positions: tuple[str, ...] = (ENV,)
    options: Mapping[str, str] = field(default_factory=dict)


_BUILDER = {"--with": "--builder"}
EARLIER = {
    "apply": Earlier("apply"),
    "audit": Earlier("audit"),
    "config environments": Earlier("environments", ()),
    "config show": Earlier("config show"),
    "dags build": Earlier("dags build", (OBJECT,), {"--to": "--output"}),
    "dags deploy": Earlier("dags deploy", (ENV,), {"--from": OBJECT, "--no-wait": "--no-confirm"}),
    "dags diff": Earlier("dags diff", (ENV, "--with", OBJECT)),
    "dags list": Earlier("dags list"),
    "dags prune": Earlier("dags prune"),
    "dags rollback": Earlier("dags rollback", (ENV,), {"--to": OBJECT}),
    "destroy": Earlier("destroy"),
    "drift": Earlier("drift"),
    "history": Earlier("release history"),
    "images build": Earlier("images build", (), _BUILDER),
    "images check": Earlier("images check", (), _BUILDER),
    "images list": Earlier("images list", (), _BUILDER),
    "images push": Earlier("images push", (), {**_BUILDER, "--to": "--registry"}),
    "images sbom": Earlier("images sbom", (OBJECT,), _BUILDER),
    "output": Earlier("output"),
    "plan": Earlier("plan"),
    "release create": Earlier("release create", (), {"--dags": "--dag-release", "--from": ENV}),
    "release deploy": Earlier("release deploy", (ENV, OBJECT)),
    "release diff": Earlier("release diff", ("--with", OBJECT), {"--in": ENV}),
    "release list": Earlier("release list"),
    "release lock": Earlier("release lock"),
    "release resume": Earlier("release resume"),
    "release rollback": Earlier("release rollback", (ENV,), {"--to": OBJECT}),
    "release show": Earlier("release show", (OBJECT,), {"--in": ENV}),
    "release status": Earlier("release status"),
    "release unlock": Earlier("release unlock"),
    "scale": Earlier("scale", (DROP, "--workers")),
    "services": Earlier("services"),
    "unlock": Earlier("tf unlock", (ENV, OBJECT)),
    "up": Earlier("up", (), {"--environment": "--as"}),
}
"""The commands of earlier revisions that have another spelling now."""

_FLAGS = frozenset({"--no-wait"})
"""Earlier options without a value."""


def explained(error: typer.TyperException, arguments: Sequence[str]) -> TradewindError:
    """The error of a command line that Typer refuses, with the command to type.

    Args:
        error: from parsing.
        arguments: the command line without the program's name.
    """
    context: Any = getattr(error, "ctx", None)
    words = _path(context) if context else []
    hint = (
        _translated(error, context, words, arguments)
        or _missing_environment(" ".join(words), error)
        or " ".join(["tradewind", *words, "--help"])
    )
    return TradewindError(_sentence(error), hint=hint, code=ExitCode.USAGE)


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


def _bound(found: re.Match[str]) -> str:
    return f"must be {found[2]} or {'less' if found[1] == 'less' else 'more'}"


def _missing_environment(command: str, error: typer.TyperException) -> str:
    parameter: Any = getattr(error, "param", None)
    if parameter is None or "--env" not in parameter.opts or "issing" not in type(error).__name__:
        return ""
    return f"tradewind {command} -e ENV; `tradewind environments` lists them"


def _translated(error: typer.TyperException, context: Any, words: list[str], arguments: Sequence[str]) -> str:
    """The command line in the grammar of now, if it is one of an earlier revision; else empty."""
    if context is None:
        return ""
    known = [*words, *arguments[len(words) : len(words) + 1]] if hasattr(context.command, "commands") else words
    earlier = EARLIER.get(" ".join(known))
    option = getattr(error, "option_name", None)
    if earlier is None or (option is not None and option not in earlier.options):
        return ""
    positional, rest = _split(context, earlier, arguments[len(known) :])
    named = "-e" in rest or "--env" in rest
    positions = [one for one in earlier.positions if not (named and one == ENV)][: len(positional)]
    if len(positional) != len(positions):
        return ""
    found = [value for role, value in zip(positions, positional, strict=True) if role == OBJECT]
    for role, value in zip(positions, positional, strict=True):
        if role not in {OBJECT, DROP}:
            rest += [role, value]
    moved = [value for name, value in itertools.pairwise(rest) if name == OBJECT]
    kept = [value for at, value in enumerate(rest) if value != OBJECT and (at == 0 or rest[at - 1] != OBJECT)]
    line = [*earlier.now.split(), *found, *moved, *kept]
    return shlex.join(["tradewind", *line]) if line != list(arguments) else ""


def _split(context: Any, earlier: Earlier, arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The positional arguments, and the options with their values; earlier names become those of now."""
    takes_value = {name for one in context.command.params if not getattr(one, "is_flag", True) for name in one.opts}
    takes_value |= {*earlier.options, "--file"} - _FLAGS
    positional: list[str] = []
    rest: list[str] = []
    value_next = False
    for argument in arguments:
        if value_next or argument.startswith("-"):
            rest.append(argument if value_next else earlier.options.get(argument, argument))
            value_next = not value_next and argument in takes_value
        else:
            positional.append(argument)
    return positional, rest
