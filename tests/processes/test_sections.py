"""How ``python -m tests`` runs its sections."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests import __main__ as runner
from tests.__main__ import Run, Section

MEET = """
import pathlib, sys, time
mine, other = map(pathlib.Path, sys.argv[1:])
mine.touch()
until = time.monotonic() + 60
while not other.exists():
    assert time.monotonic() < until
    time.sleep(0.01)
print("met")
"""


def section(name: str, code: str, *arguments: Path, waits: bool = False) -> Section:
    return Section(name, (sys.executable, "-S", "-c", code, *map(str, arguments)), waits=waits)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(kept=tmp_path, room=True)


def test_those_that_wait_run_beside_the_others(run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    run.all([section("works", MEET, one, two), section("waits", MEET, two, one, waits=True)])

    assert run.failed == []
    assert set(run.times.sections) == {"works", "waits"}
    said = capfd.readouterr().out
    for name in ("works", "waits"):
        assert f"\n== {name}\nmet\n== {name}: " in said
    assert sorted(tmp_path.iterdir()) == [one, two]


def test_without_room_they_run_one_after_another(tmp_path: Path) -> None:
    run = Run(kept=tmp_path, room=False)
    order = tmp_path / "order"
    write = "import sys; open(sys.argv[1], 'a').write(sys.argv[2])"
    run.all(
        [
            section("1", write, order, Path("1"), waits=True),
            section("2", write, order, Path("2")),
            section("3", write, order, Path("3"), waits=True),
        ]
    )

    assert order.read_text() == "123"


def test_what_follows_a_section_that_failed_is_not_run(run: Run, tmp_path: Path) -> None:
    run.all([section("fails", "raise SystemExit(1)"), section("next", "open('x', 'w')")])

    assert run.failed == ["fails"]
    assert "next" not in run.times.sections


def test_each_section_says_what_it_lacks_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("TRADEWIND_SKIP_NOTHING", "1")

    assert runner.main(["Terraform", "images"]) == 1

    said = capsys.readouterr().err
    assert "error: skipped Terraform: not in the PATH: terraform" in said
    assert "error: skipped images: not in the PATH: " in said
