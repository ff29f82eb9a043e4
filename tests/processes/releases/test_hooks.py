"""Hooks are real programs: their environment, and the deployment that a hook refuses."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tradewind.errors import ExitCode, TradewindError
from tradewind.releases.hooks import Deployment, Hooks

FACTS = Deployment("release deploy", "dev", "r-2", "r-1", "ada@laptop", "month end")
RECORD = "env | grep ^TRADEWIND_ | sort > {name}.txt; pwd >> {name}.txt"


class Clock:
    """A clock that a test sets."""

    now = 10.0

    def __call__(self) -> float:
        return self.now


def hook(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def hooks(tmp_path: Path, clock: Clock, told: list[str], monkeypatch: pytest.MonkeyPatch) -> Hooks:
    for name in [name for name in os.environ if name.startswith("TRADEWIND_")]:
        monkeypatch.delenv(name)
    return Hooks(tmp_path / "hooks", told.append, clock)


def test_there_need_be_none(hooks: Hooks, told: list[str]) -> None:
    with hooks.around(FACTS):
        pass

    assert told == []


def test_hooks_get_the_facts(hooks: Hooks, clock: Clock, told: list[str], tmp_path: Path) -> None:
    for name in ("pre-deploy", "post-deploy"):
        hook(hooks.folder, name, RECORD.format(name=name))

    with hooks.around(FACTS):
        assert not (tmp_path / "post-deploy.txt").exists()
        clock.now += 42.4

    assert (tmp_path / "pre-deploy.txt").read_text().splitlines() == [
        "TRADEWIND_BY=ada@laptop",
        "TRADEWIND_COMMAND=release deploy",
        "TRADEWIND_ENV=dev",
        "TRADEWIND_HOOK=pre-deploy",
        "TRADEWIND_PREVIOUS_RELEASE=r-1",
        "TRADEWIND_REASON=month end",
        "TRADEWIND_RELEASE=r-2",
        str(tmp_path),
    ]
    after = (tmp_path / "post-deploy.txt").read_text().splitlines()
    assert {"TRADEWIND_HOOK=post-deploy", "TRADEWIND_OUTCOME=deployed", "TRADEWIND_SECONDS=42"} <= set(after)
    assert told == [f"running {hooks.folder}/pre-deploy", f"running {hooks.folder}/post-deploy"]


def test_a_hook_before_refuses_the_deployment(hooks: Hooks, tmp_path: Path) -> None:
    hook(hooks.folder, "pre-deploy", "exit 7")
    hook(hooks.folder, "post-deploy", "touch ran")
    deployed = False

    with pytest.raises(TradewindError, match="r-2: exit code 7; the release was not deployed"), hooks.around(FACTS):
        deployed = True

    assert not deployed
    assert not (tmp_path / "ran").exists()


def test_a_failed_deployment_is_told_to_the_hook_after(hooks: Hooks, told: list[str], tmp_path: Path) -> None:
    hook(hooks.folder, "post-deploy", 'echo "$TRADEWIND_OUTCOME" > ran; exit 1')

    with pytest.raises(TradewindError, match="r-2 failed"), hooks.around(FACTS):
        raise TradewindError("r-2 failed")

    assert (tmp_path / "ran").read_text() == "failed\n"
    assert told[-1] == f"warning: {hooks.folder}/post-deploy failed: exit code 1"


def test_a_hook_after_that_fails_says_that_the_release_is_active(hooks: Hooks) -> None:
    hook(hooks.folder, "post-deploy", "exit 3")

    with pytest.raises(TradewindError, match="exit code 3; r-2 is active in dev") as caught, hooks.around(FACTS):
        pass

    assert caught.value.hint == "tradewind release rollback -e dev"


def test_a_hook_that_is_no_program_is_found_before_the_deployment(hooks: Hooks) -> None:
    hooks.folder.mkdir()
    (hooks.folder / "post-deploy").write_text("#!/bin/sh\n")
    deployed = False

    with pytest.raises(TradewindError, match="not executable") as caught, hooks.around(FACTS):
        deployed = True

    assert (deployed, caught.value.code) == (False, ExitCode.USAGE)
    assert caught.value.hint == f"chmod +x {hooks.folder}/post-deploy"

    hook(hooks.folder, "pre-deploy", "")
    (hooks.folder / "pre-deploy").write_bytes(b"\0not a program")
    (hooks.folder / "post-deploy").unlink()
    with pytest.raises(TradewindError, match="pre-deploy refused"), hooks.around(FACTS):
        pass


def test_what_a_hook_prints_does_not_mix_with_the_result(hooks: Hooks, capfd: pytest.CaptureFixture[str]) -> None:
    hook(hooks.folder, "pre-deploy", "echo checked; echo warned >&2")

    with hooks.around(FACTS):
        pass

    assert tuple(capfd.readouterr()) == ("", "checked\nwarned\n")


def test_an_interrupted_deployment_is_reported_as_failed(hooks: Hooks, tmp_path: Path) -> None:
    hook(hooks.folder, "post-deploy", 'echo "$TRADEWIND_OUTCOME" > ran')

    with pytest.raises(KeyboardInterrupt), hooks.around(FACTS):
        raise KeyboardInterrupt

    assert (tmp_path / "ran").read_text() == "failed\n"


@pytest.mark.parametrize(
    ("command", "hint"),
    [("apply", "tradewind release rollback -e dev"), ("dags deploy", "tradewind dags rollback -e dev")],
)
def test_the_hint_names_the_command_that_rolls_back(hooks: Hooks, command: str, hint: str) -> None:
    hook(hooks.folder, "post-deploy", "exit 3")

    with pytest.raises(TradewindError) as caught, hooks.around(replace(FACTS, command=command)):
        pass

    assert caught.value.hint == hint
