"""The grammar of the command line: one object, ``-e`` for the environment, one meaning for an option."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from tradewind.cli import usage_errors
from tradewind.cli.app import app
from tradewind.cli.planned import PLANNED
from tradewind.errors import ExitCode, TradewindError

WIDTH = 80
READS = {"check", "diff", "drift", "environments", "history", "list", "output", "plan", "services", "show", "status"}
"""Verbs of commands that read: each has ``--json``."""
NO_JSON_YET = {"config schema"}


def _leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield " ".join(words), command
        return
    for name, inner in command.commands.items():
        yield from _leaves(inner, (*words, name))


ROOT: Any = typer.main.get_command(app)
LEAVES = dict(_leaves(ROOT))
SHOWN = {name: command for name, command in LEAVES.items() if not command.hidden}


def _refusal(*arguments: str) -> TradewindError:
    """The error of a command line that cannot be parsed, or that a callback of an option refuses."""
    try:
        app(list(arguments), standalone_mode=False)
    except typer.TyperException as error:
        return usage_errors.explained(error, arguments)
    except TradewindError as error:
        return error
    raise AssertionError(f"{arguments} was accepted")


@pytest.mark.parametrize("name", LEAVES)
def test_a_command_has_one_object_at_most(name: str) -> None:
    arguments = [one for one in LEAVES[name].params if one.param_type_name == "argument"]

    assert len(arguments) <= 1
    assert all(one.metavar != "ENV" for one in arguments)


def test_an_option_means_the_same_everywhere() -> None:
    meanings: dict[str, set[str]] = defaultdict(set)
    for command in SHOWN.values():
        for option in command.params:
            if option.param_type_name == "option":
                for spelling in option.opts:
                    meanings[spelling].add(option.help.partition(". ")[0].rstrip("."))

    several = {spelling: found for spelling, found in meanings.items() if len(found) > 1}
    # These may differ: in the default of the environment and of the account, and in the kind of release to compare.
    assert set(several) == {"-e", "--env"}, several
    assert all(one.startswith(("The environment", "Only `local`")) for one in several["--env"])


def test_a_short_spelling_stands_for_one_option() -> None:
    longs: dict[str, set[str]] = defaultdict(set)
    for command in SHOWN.values():
        for option in command.params:
            for short in (name for name in option.opts if name.startswith("-") and not name.startswith("--")):
                longs[short] |= {name for name in option.opts if name.startswith("--")}

    assert {short: names for short, names in longs.items() if len(names) > 1} == {}


@pytest.mark.parametrize("name", [name for name in SHOWN if name.split()[-1] in READS])
def test_a_command_that_reads_prints_json(name: str) -> None:
    assert "--json" in {spelling for option in SHOWN[name].params for spelling in option.opts}


@pytest.mark.parametrize("name", [name for name in SHOWN if name.split()[-1] in {"deploy", "rollback"}])
def test_a_deployment_can_skip_its_hooks(name: str) -> None:
    assert "--skip-hooks" in {spelling for option in SHOWN[name].params for spelling in option.opts}


def test_every_environment_option_reads_the_variable() -> None:
    found = [one for command in SHOWN.values() for one in command.params if "--env" in one.opts]

    assert len(found) > 30
    assert {one.envvar for one in found} == {"TRADEWIND_ENV"}


@pytest.mark.parametrize("group", [ROOT, *(one for one in ROOT.commands.values() if hasattr(one, "commands"))])
def test_the_list_of_commands_is_not_cut(group: Any) -> None:
    widest = max(map(len, group.commands))

    for command in group.commands.values():
        if not command.hidden:
            assert not command.get_short_help_str(WIDTH - widest - 6).endswith("..."), command.name


def test_planned_commands_keep_to_the_grammar_and_do_not_exist() -> None:
    taken = {name.split()[0] for name in LEAVES} | set(LEAVES)
    for one in PLANNED:
        command, *rest = one.usage.split()
        objects = [word for word in rest if word.isupper() and word not in {"ENV", "FROM"}]
        assert command not in taken, one.usage
        assert len(objects) <= 1, one.usage


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("plan prod", "plan -e prod"),
        ("apply prod --audited 0abc", "apply --audited 0abc -e prod"),
        ("destroy prod --yes", "destroy --yes -e prod"),
        ("drift prod", "drift -e prod"),
        ("output prod --json", "output --json -e prod"),
        ("audit prod", "audit -e prod"),
        ("services prod --settings", "services --settings -e prod"),
        ("config show prod", "config show -e prod"),
        ("config environments --names", "environments --names"),
        ("history prod --json", "release history --json -e prod"),
        ("history", "release history"),
        ("unlock prod 17", "tf unlock 17 -e prod"),
        ("release deploy prod", "release deploy -e prod"),
        (
            "release deploy prod r-0123456789ab --reason 'month end'",
            "release deploy r-0123456789ab --reason 'month end' -e prod",
        ),
        ("release rollback prod", "release rollback -e prod"),
        ("release rollback prod --to r-0123456789ab", "release rollback r-0123456789ab -e prod"),
        ("release rollback -e prod --to r-0123456789ab", "release rollback r-0123456789ab -e prod"),
        ("release resume prod", "release resume -e prod"),
        ("release status prod", "release status -e prod"),
        ("release list prod", "release list -e prod"),
        ("release lock prod --reason x", "release lock --reason x -e prod"),
        ("release unlock prod", "release unlock -e prod"),
        ("release show r-0123456789ab --in prod", "release show r-0123456789ab -e prod"),
        ("release diff r-0123456789ab r-ba9876543210", "release diff r-ba9876543210 --with r-0123456789ab"),
        (
            "release diff r-0123456789ab r-ba9876543210 --in prod",
            "release diff r-ba9876543210 -e prod --with r-0123456789ab",
        ),
        ("release create --from prod --image worker=x", "release create -e prod --image worker=x"),
        ("release create --dags d-1", "release create --dag-release d-1"),
        ("dags deploy prod --from dags", "dags deploy dags -e prod"),
        ("dags deploy prod --no-wait --ref main", "dags deploy --no-confirm --ref main -e prod"),
        ("dags rollback prod", "dags rollback -e prod"),
        ("dags rollback prod --to d-0123456789abcdef", "dags rollback d-0123456789abcdef -e prod"),
        ("dags list prod", "dags list -e prod"),
        ("dags diff prod", "dags diff -e prod"),
        (
            "dags diff prod d-0123456789abcdef d-fedcba9876543210",
            "dags diff d-fedcba9876543210 -e prod --with d-0123456789abcdef",
        ),
        ("dags prune prod --keep 3", "dags prune --keep 3 -e prod"),
        ("dags build folder --to out", "dags build folder --output out"),
        ("images push --to 127.0.0.1:5000", "images push --registry 127.0.0.1:5000"),
        ("images build --with podman", "images build --builder podman"),
        ("images sbom worker --with podman", "images sbom worker --builder podman"),
        ("scale worker 3", "scale --workers 3"),
        ("up --environment prod --workers 1", "up --as prod --workers 1"),
    ],
)
def test_an_earlier_spelling_is_answered_with_the_new_one(old: str, new: str) -> None:
    error = _refusal(*shlex.split(old))

    assert error.code is ExitCode.USAGE
    assert error.hint == f"tradewind {new}"
    # The hint is right: it parses.
    name = next(one for one in sorted(LEAVES, key=len, reverse=True) if new.startswith(one))
    LEAVES[name].make_context(name, shlex.split(new.removeprefix(name)))


def test_every_command_of_earlier_revisions_leads_to_one_of_now() -> None:
    assert {one.now for one in usage_errors.EARLIER.values()} <= set(LEAVES)
    assert [name for name, one in usage_errors.EARLIER.items() if one == usage_errors.Earlier(name, ())] == []


@pytest.mark.parametrize("name", [name for name, one in SHOWN.items() if any("AWS" in str(p.help) for p in one.params)])
def test_a_command_of_aws_refuses_this_machine(name: str) -> None:
    words = [*name.split(), *(["lock"] if name == "tf unlock" else [])]

    assert "`local` is this machine" in str(_refusal(*words, "-e", "local"))


@pytest.mark.parametrize("name", ["up", "status", "logs", "run x", "restart web", "scale --workers 1", "down"])
def test_a_command_of_this_machine_refuses_another_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_ENV", "prod")

    error = _refusal(*name.split())

    assert (str(error).partition(" ")[0], error.code) == (f"`{name.split()[0]}`", ExitCode.USAGE)
    assert "unset TRADEWIND_ENV" in error.hint


@pytest.mark.parametrize("name", ["apply", "audit", "destroy", "drift", "output", "plan"])
def test_a_command_of_aws_needs_an_environment(name: str) -> None:
    error = _refusal(name)

    assert error.code is ExitCode.USAGE
    assert f"tradewind {name} -e" in error.hint


def test_a_typing_mistake_is_answered_with_the_nearest_command() -> None:
    assert "Did you mean 'deploy'" in str(_refusal("release", "deply"))
    assert _refusal("release", "deply").hint == "tradewind release --help"
    assert _refusal("plan", "--foo").hint == "tradewind plan --help"


def test_an_error_without_a_command_is_explained_too() -> None:
    error = usage_errors.explained(typer.TyperException("Not readable."), ["plan"])

    assert (str(error), error.hint) == ("not readable", "tradewind --help")
