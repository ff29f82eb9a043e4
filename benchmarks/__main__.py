"""``python -m benchmarks [start|throughput|dags|gate] [--rounds N]``: prints each figure and the ratios."""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import repository as repository_of
from benchmarks.dags.mapped import TASKS
from benchmarks.repository import HELPERS
from benchmarks.subjects import BIN, WATCH_S, Standalone, StockCelery, Tradewind, cpu_s, run_to_success, until
from tradewind.dags.gate.import_client import environment
from tradewind.errors import TradewindError
from tradewind.local.airflow import Airflow

FILES, DAGS = 10_000, 2_000
PIPELINES = 1_000
CHANGES = 10
KINDS = ("dag", "helper")
STOCK_S = 3600.0
RARELY_S = 4.0
MEMORY = Path("/dev/shm")


def start(folder: Path, rounds: int) -> None:
    """Measure the time from the start command to the success of the first task, alternating, warm.

    The task is submitted as soon as the platform accepts it.
    """
    ours, theirs = Tradewind(folder / "tradewind"), Standalone(folder / "standalone")
    times: dict[str, list[float]] = {ours.name: [], theirs.name: []}
    for round_ in range(rounds + 1):
        for subject in (ours, theirs):
            began = time.monotonic()
            with subject.running() as airflow:
                run_to_success(airflow, "one_task")
                elapsed = time.monotonic() - began
            if round_:  # the first round is cold: it creates the databases
                times[subject.name].append(elapsed)
            print(f"start       {'warm' if round_ else 'cold'}  {subject.name:<20} {elapsed:6.1f} s", flush=True)
    report("start", times, ours.name, theirs.name)


def throughput(folder: Path, rounds: int) -> None:
    """Measure tasks a second of a DAG with 300 mapped tasks, with Tradewind's and with stock settings.

    Rounds alternate and are warm. Both platforms run all the time, so that a round takes only about a minute: the speed
    of the machine changes little in that time.
    """
    ours, stock = Tradewind(folder / "ours"), StockCelery(folder / "stock")
    with ours.running() as first, stock.running() as second:
        platforms = {"stock settings": (stock, second), "tradewind": (ours, first)}
        for _, airflow in platforms.values():
            run_to_success(airflow, "mapped")  # every process of every worker imports its modules
        for dag in ("mapped", "mapped_waiting"):
            times: dict[str, list[float]] = {name: [] for name in platforms}
            work: dict[str, list[float]] = {name: [] for name in platforms}
            for _ in range(rounds):
                for name, (subject, airflow) in platforms.items():
                    began, before = time.monotonic(), cpu_s(subject.folder)
                    run_to_success(airflow, dag)
                    times[name].append(time.monotonic() - began)
                    work[name].append(cpu_s(subject.folder) - before)
                    speed = TASKS / times[name][-1]
                    print(f"{dag:<15} {name:<15} {speed:6.2f} tasks/s  {work[name][-1]:6.1f} s of CPU", flush=True)
            report(f"{dag}, seconds for {TASKS} tasks", times, "stock settings", "tradewind")
            report(f"{dag}, seconds of CPU", work, "stock settings", "tradewind")


def dags(folder: Path, rounds: int) -> None:
    """Measure the time from a commit that changes one of 10,000 files until Airflow has the new tasks.

    A change is to one DAG file, or to a helper: then all DAGs that import the helper must have the new task. Each
    change is to another DAG or helper. The two platforms run one after the other.

    Tradewind: ``tradewind dags deploy``, CHANGES of each kind in a round, one after another.
    Stock: the same number of changes, made in the folder that Airflow reads, which has the same files. Stock Airflow
    parses all files in turn, and a change waits for its turn. So the changes are spread over the time that Airflow
    needed to find all files.
    """
    repository, plain, empty = folder / "repository", folder / "plain", folder / "empty"
    empty.mkdir()
    if rounds * CHANGES > HELPERS:
        raise ValueError(f"too many rounds: each change needs another helper, and there are {HELPERS}")
    repository_of.generate(repository, FILES, DAGS)
    shutil.copytree(repository, plain, ignore=shutil.ignore_patterns(".git"))
    ours, stock = Tradewind(folder / "ours", empty), StockCelery(folder / "stock", plain)
    deploy = ("dags", "deploy", "-e", "local", str(repository))
    times: dict[str, dict[str, list[float]]] = {name: {kind: [] for kind in KINDS} for name in ("tradewind", "stock")}

    def note(name: str, change: Change, shown: float) -> None:
        times[name][change.kind].append(shown - change.made)
        print(f"dags  {name:<9}  {change.kind:<6} {shown - change.made:6.1f} s", flush=True)

    with ours.running() as airflow:
        began = time.monotonic()
        done = json.loads(ours.command(*deploy, "--json"))
        waited = done["served_s"] + done["confirmed_s"]
        shipped = time.monotonic() - began - waited
        print(f"dags  tradewind  active after {shipped:.1f} s, confirmed {waited:.0f} s later", flush=True)
        began = time.monotonic()
        ours.command(*deploy)
        print(f"dags  tradewind  unchanged: {time.monotonic() - began:.1f} s", flush=True)
        for number in range(rounds * CHANGES):
            for kind in KINDS:
                change = _change(repository, kind, number)
                repository_of.commit(repository)
                ours.command(*deploy, "--no-confirm")
                until(change.shown_by(airflow), WATCH_S, STOCK_S)
                note("tradewind", change, time.monotonic())
        began = time.monotonic()
        ours.command(*deploy)
        print(f"dags  tradewind  all changes confirmed after {time.monotonic() - began:.1f} s more", flush=True)
    with stock.running() as airflow:
        began = time.monotonic()
        until(lambda: airflow.call("GET", "/dags?limit=1")["total_entries"] >= DAGS, WATCH_S, STOCK_S)
        once = time.monotonic() - began
        print(f"dags  stock      all DAGs known after {once:.0f} s", flush=True)
        waiting: list[Change] = []
        for number in range(rounds * CHANGES):
            for kind in KINDS:
                waiting.append(_change(plain, kind, number))
                _watch(airflow, waiting, time.monotonic() + once / CHANGES / len(KINDS), note)
        _watch(airflow, waiting, time.monotonic() + STOCK_S, note)
    if waiting:
        raise RuntimeError(f"stock settings did not show these changes within {STOCK_S:.0f} s: {waiting}")
    for kind, found in times["tradewind"].items():
        theirs = times["stock"][kind]
        print(
            f"dags, seconds until a changed {kind} is served: p95 of {len(found)} {p95(found):.1f}, median"
            f" {statistics.median(found):.1f}; stock settings {p95(theirs):.0f}, {statistics.median(theirs):.0f};"
            f" stock settings / tradewind = {p95(theirs) / p95(found):.1f} at p95,"
            f" {statistics.median(theirs) / statistics.median(found):.1f} in the median",
            flush=True,
        )


@dataclass(frozen=True)
class Change:
    """A change of a file: the DAGs that show it, the task that they have after it, and the time when it was made."""

    kind: str
    dags: tuple[str, ...]
    task: str
    made: float

    def shown_by(self, airflow: Airflow) -> Callable[[], bool]:
        """Return a function that asks Airflow if all these DAGs show the change; it asks each DAG only until then."""
        left = list(self.dags)

        def shown() -> bool:
            while left:
                try:
                    tasks = airflow.call("GET", f"/dags/{left[-1]}/tasks")["tasks"]
                except (TradewindError, LookupError):  # Airflow has no answer at the moment
                    return False
                if self.task not in {task["task_id"] for task in tasks}:
                    return False
                left.pop()
            return True

        return shown


def _change(repository: Path, kind: str, number: int) -> Change:
    value = str(number + 1)
    if kind == "dag":
        dag = (number * 7 + 3) % DAGS
        repository_of.change_dag(repository, dag, value)
        return Change(kind, (f"d{dag:04}",), f"own_{value}", time.monotonic())
    helper = number % HELPERS
    repository_of.change_helper(repository, helper, value)
    users = tuple(f"d{dag:04}" for dag in range(helper, DAGS, HELPERS))
    return Change(kind, users, f"helper_{value}", time.monotonic())


def _watch(airflow: Airflow, waiting: list[Change], until_s: float, note: Callable[[str, Change, float], None]) -> None:
    """Check for changes until Airflow shows them all, or until ``until_s`` on the monotonic clock.

    Checks are rare, because they cost processor time. A change counts as shown at the last check that did not show it:
    the remaining error favors stock settings.
    """
    looks = {change: change.shown_by(airflow) for change in waiting}
    before = time.monotonic()
    while waiting and time.monotonic() < until_s:
        time.sleep(min(RARELY_S, max(0.0, until_s - time.monotonic())))
        now = time.monotonic()
        for change in [change for change in waiting if looks[change]()]:
            waiting.remove(change)
            note("stock", change, max(before, change.made))
        before = now


def p95(times: list[float]) -> float:
    """The 95th percentile by nearest rank: a measured value."""
    return sorted(times)[max(0, math.ceil(0.95 * len(times)) - 1)]


def gate(folder: Path, rounds: int) -> None:
    """Compare ``tradewind dags test`` of 1,000 DAG files with Airflow, which loads them one after another.

    Both have the same findings. ``serial`` starts a process for each file, as Airflow's DAG processor does.
    ``together`` loads all files in one process: a file that hangs, exits or changes a module affects all others.
    The files are in memory if the machine has ``/dev/shm``. Some file systems (ext4 without a journal) create files
    more slowly after many files were removed in the minutes before.
    """
    with tempfile.TemporaryDirectory(prefix="tradewind-bench-", dir=MEMORY if MEMORY.is_dir() else folder) as place:
        _gate(Path(place), rounds)


def _gate(folder: Path, rounds: int) -> None:
    repository, home = folder / "repository", folder / "home"
    repository_of.generate_pipelines(repository, PIPELINES)
    home.mkdir()
    serial = [sys.executable, "-m", "benchmarks.serial", str(repository)]
    ours = [str(BIN / "tradewind"), "dags", "test", str(repository), "--json"]
    commands = {
        "serial": serial,
        "together": [*serial, "--together"],
        "cold": [*ours, "--no-cache"],
        "first": ours,
        "again": ours,
    }
    own = {"XDG_CACHE_HOME": str(folder / "cache"), "TMPDIR": str(folder)}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for round_ in range(rounds):
        for name, command in commands.items():
            if name == "again":
                repository_of.change_pipeline(repository, 100 + round_, str(round_ + 1))
            began = time.monotonic()
            by_airflow = command[0] != ours[0]
            given = environment(home, repository) if by_airflow else os.environ
            said = subprocess.run(command, capture_output=True, text=True, check=False, env=given | own)
            times[name].append(time.monotonic() - began)
            found = json.loads(said.stdout.splitlines()[-1] if by_airflow else said.stdout)
            reused = 0
            if isinstance(found, dict):
                reused = found["reused"]
                found = sorted([finding["rule"], finding["file"]] for finding in found["findings"] if finding["error"])
            print(f"gate            {name:<10} {times[name][-1]:6.1f} s  {reused:>4} reused  {found}", flush=True)
    report("gate, cold", times, "serial", "cold")
    report("gate, after one change", times, "serial", "again")
    report("gate, cold, all files in one process", times, "together", "cold")
    report("gate, after one change, all files in one process", times, "together", "again")


def report(what: str, times: dict[str, list[float]], first: str, second: str) -> None:
    """Print the ratio of the medians, and the range of the ratios round by round."""
    pairs = [a / b for a, b in zip(times[first], times[second], strict=True)]
    ratio = statistics.median(times[first]) / statistics.median(times[second])
    print(
        f"{what}: {first} / {second} = {ratio:.2f} (rounds {min(pairs):.2f} to {max(pairs):.2f}; medians "
        f"{statistics.median(times[first]):.1f} s and {statistics.median(times[second]):.1f} s)",
        flush=True,
    )


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the arguments: the measurements to run (all if none is named) and the number of rounds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("what", nargs="*", metavar="{" + ",".join(MEASURED) + "}", help="default: all")
    parser.add_argument("--rounds", type=int, default=3)
    found = parser.parse_args(arguments)
    if unknown := sorted(set(found.what) - set(MEASURED)):  # with `choices`, argparse refuses an empty list
        parser.error(f"unknown measurement: {', '.join(unknown)} (choose from {', '.join(MEASURED)})")
    found.what = found.what or list(MEASURED)
    return found


def main() -> None:
    """Entry point."""
    given = options()
    for what in given.what:
        with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
            MEASURED[what](Path(folder), given.rounds)


MEASURED = {"start": start, "throughput": throughput, "dags": dags, "gate": gate}


if __name__ == "__main__":
    main()
