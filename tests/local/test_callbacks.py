"""Callbacks in the DAG processor, on the real platform: their files are parsed as often as other files."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from called import KINDS, WITHOUT, Kind, Notes, write
from running import Meanwhile, Running, eventually
from tests.counts import CALLBACK_DAGS, CALLBACK_MINUTES

pytestmark = pytest.mark.local
UNFINISHED = "/dags/~/dagRuns?state=queued&state=running&limit=1"
EVERY = [*KINDS.values(), *[WITHOUT] * (len(KINDS) // 5)]
PLUGINS = Path(__file__).parent / "plugins"


def notes_of(platform: Running) -> Notes:
    return Notes(Path(platform.status()["output"]) / "called")


def test_callbacks_run_and_their_files_are_parsed_as_often_as_others(platform: Running) -> None:
    kinds = {"succeeds": KINDS["succeeds"], "fails": KINDS["fails"], "without": WITHOUT}
    for dag, kind in kinds.items():
        write(platform.folder / "dags", dag, kind)
    notes = notes_of(platform)
    runs = {dag: platform.trigger(dag) for dag in kinds}
    eventually(lambda: notes.called() == {("succeeds", "success"): 1, ("fails", "failure"): 1})
    before = notes.parses()
    eventually(lambda: notes.parses()["without"] >= before["without"] + 2)
    since = {dag: notes.parses()[dag] - before[dag] for dag in kinds}
    # One parse more if these files had their turn first.
    assert max(since["succeeds"], since["fails"]) <= since["without"] + 1, since
    assert notes.called() == {("succeeds", "success"): 1, ("fails", "failure"): 1}
    assert {dag: platform.state(dag, run) for dag, run in runs.items()} == {
        "succeeds": "success", "fails": "failed", "without": "success",
    }  # fmt: skip


@pytest.fixture
def many(tmp_path: Path) -> Iterator[tuple[Running, dict[str, Kind]]]:
    """A platform with many DAGs with callbacks of every kind, and a fifth as many without; and these DAGs by name."""
    running = Running.create(tmp_path)
    # After a release, files are parsed in the order of their names. Each kind is spread over that order.
    kinds = dict(
        zip((f"d{number:04}" for number in range(CALLBACK_DAGS * len(EVERY) // len(KINDS))), cycle(EVERY), strict=False)
    )
    for dag, kind in kinds.items():
        write(tmp_path / "dags", dag, kind)
    shutil.copytree(PLUGINS, tmp_path / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    # Parsing takes half of a CPU: constant parsing would hide that files with callbacks are parsed more often.
    settings = {
        "dag_processor.min_file_process_interval": max(15, len(kinds) // 2),
        "core.plugins_folder": tmp_path / "plugins",
        "email.email_backend": "noting.send_mail",
    }
    file = tmp_path / "tradewind.yaml"
    lines = ", ".join(f"{key}: {value}" for key, value in settings.items())
    file.write_text(
        file.read_text().replace("network:", f"airflow: {{settings: {{{lines}}}}}\n    network:")
        + "  workers: 2\n  slots: 8\n"
    )
    running.tradewind("up")
    yield running, kinds
    running.tradewind("down", "--now")
    assert running.left_behind() == []


class Runs(Meanwhile):
    """Starts runs of one DAG after the other, and keeps ``wanted`` runs in flight."""

    def __init__(self, platform: Running, dags: list[str], wanted: int) -> None:
        super().__init__()
        self.platform, self.wanted = platform, wanted
        self.started: list[tuple[str, str]] = []
        self._dags = cycle(dags)

    def step(self) -> float:
        if self.platform.airflow.call("GET", UNFINISHED)["total_entries"] < self.wanted:
            dag = next(self._dags)
            self.started.append((dag, self.platform.trigger(dag)))
        return 0.5


@pytest.mark.soak
def test_many_callbacks_of_every_kind_for_long(many: tuple[Running, dict[str, Kind]]) -> None:
    platform, kinds = many
    notes = notes_of(platform)
    eventually(lambda: set(notes.parses()) == set(kinds))
    processor = platform.row("dag-processor")["pid"]
    before, end = notes.parses(), time.monotonic() + CALLBACK_MINUTES * 60
    with Runs(platform, list(kinds), 12) as load:
        # Meanwhile three releases, each with other changed files: some callbacks belong to older releases.
        for number in range(3):
            eventually(
                lambda share=number + 1: time.monotonic() > end - CALLBACK_MINUTES * 60 * (4 - share) / 4,
                CALLBACK_MINUTES * 60,
            )
            for place, (dag, kind) in enumerate(kinds.items()):
                if place // len(EVERY) % 3 == number:
                    write(platform.folder / "dags", dag, kind, again=str(number))
        eventually(lambda: time.monotonic() > end, CALLBACK_MINUTES * 60)
    parses = notes.parses() - before
    eventually(lambda: platform.airflow.call("GET", UNFINISHED)["total_entries"] == 0)
    expected = {(dag, called) for dag, _ in load.started for called in kinds[dag].called}
    eventually(lambda: expected <= set(notes.called()), 120)
    shares = {
        some: sum(parses[dag] for dag in kinds if (kinds[dag] is WITHOUT) == some)
        / sum((kind is WITHOUT) == some for kind in kinds.values())
        for some in (True, False)
    }
    listened = sum(len(file.read_text().splitlines()) for file in (notes.folder.parent / "listened").iterdir())
    print(
        f"{len(load.started)} runs, {notes.called().total()} callbacks of {len(expected)} kinds and DAGs, "
        f"{listened} times told to listeners; each file was parsed {shares[False]:.1f} times with callbacks, "
        f"{shares[True]:.1f} without"
    )
    assert shares[True] >= 1
    assert shares[False] <= 1.1 * shares[True]
    assert listened >= len(load.started)
    assert platform.row("dag-processor")["pid"] == processor
