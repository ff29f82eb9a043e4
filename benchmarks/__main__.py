"""``python -m benchmarks [start|throughput|dags|gate] [--rounds N]``: prints each figure and the ratios."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import repository as repository_of
from benchmarks.dags.mapped import TASKS
from benchmarks.repository import HELPERS
from benchmarks.subjects import BIN, WATCH_S, Standalone, StockCelery, Tradewind, cpu_s, run_to_success, until
from tradewind.local.airflow import Airflow

FILES, DAGS = 10_000, 2_000
PIPELINES = 1_000


def start(folder: Path, rounds: int) -> None:
    """From the command to the success of a task that was submitted as soon as it could be, alternating, warm."""
    ours, theirs = Tradewind(folder / "tradewind"), Standalone(folder / "standalone")
    times: dict[str, list[float]] = {ours.name: [], theirs.name: []}
    for round_ in range(rounds + 1):
        for subject in (ours, theirs):
            began = time.monotonic()
            with subject.running() as airflow:
                run_to_success(airflow, "one_task")
                elapsed = time.monotonic() - began
            if round_:  # the first round makes the databases
                times[subject.name].append(elapsed)
            print(f"start       {'warm' if round_ else 'cold'}  {subject.name:<20} {elapsed:6.1f} s", flush=True)
    report("start", times, ours.name, theirs.name)


def throughput(folder: Path, rounds: int) -> None:
    """Tasks a second of a DAG with 300 mapped tasks, as Tradewind runs Airflow and as it comes, alternating, warm.

    Both platforms are up all the time, so that a round takes a minute, not the minutes in which a machine changes.
    """
    ours, stock = Tradewind(folder / "ours"), StockCelery(folder / "stock")
    with ours.running() as first, stock.running() as second:
        platforms = {"stock settings": (stock, second), "tradewind": (ours, first)}
        for _, airflow in platforms.values():
            run_to_success(airflow, "mapped")  # every process of every worker imports what it needs
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
    """From a commit that changes one of 10,000 files until Airflow has the new list of tasks: a DAG's, a helper's.

    Ours: ``tradewind dags deploy``. Stock: the file is changed in the folder that Airflow reads, which is as large. One
    after the other, since stock settings parse all files again and again; each round changes another DAG and another
    helper.
    """
    repository, plain, empty = folder / "repository", folder / "plain", folder / "empty"
    empty.mkdir()
    repository_of.generate(repository, FILES, DAGS)
    shutil.copytree(repository, plain, ignore=shutil.ignore_patterns(".git"))
    ours, stock = Tradewind(folder / "ours", empty), StockCelery(folder / "stock", plain)
    deploy = ("dags", "deploy", "local", "--from", str(repository))

    def commit_and_deploy() -> None:
        repository_of.commit(repository)
        ours.command(*deploy, "--no-wait")

    with ours.running() as airflow:
        began = time.monotonic()
        done = json.loads(ours.command(*deploy, "--json"))
        waited = done["served_s"] + done["confirmed_s"]
        shipped = time.monotonic() - began - waited
        print(
            f"dags            tradewind       in force after {shipped:.1f} s, confirmed {waited:.0f} s later",
            flush=True,
        )
        began = time.monotonic()
        ours.command(*deploy)
        print(f"dags            tradewind       unchanged: {time.monotonic() - began:.1f} s", flush=True)
        times = {"tradewind": list(_changes("tradewind", airflow, repository, rounds, commit_and_deploy))}
        began = time.monotonic()
        ours.command(*deploy)
        print(
            f"dags            tradewind       all of it confirmed after {time.monotonic() - began:.1f} s more",
            flush=True,
        )
    with stock.running() as airflow:
        began = time.monotonic()
        until(lambda: airflow.call("GET", "/dags?limit=1")["total_entries"] >= DAGS, WATCH_S)
        print(f"dags            stock settings  all DAGs known after {time.monotonic() - began:.0f} s", flush=True)
        times["stock settings"] = list(_changes("stock settings", airflow, plain, rounds, lambda: None))
    report("dags, seconds until a change is served", times, "stock settings", "tradewind")


def _changes(
    name: str, airflow: Airflow, repository: Path, rounds: int, publish: Callable[[], None]
) -> Iterator[float]:
    """Seconds from each change until Airflow shows it."""
    for round_ in range(rounds):
        helper, dag = round_ % HELPERS, (round_ * 7 + 3) % DAGS
        for change, number, shown, task in (
            (repository_of.change_dag, dag, dag, f"own_{round_ + 1}"),
            (repository_of.change_helper, helper, helper + HELPERS, f"helper_{round_ + 1}"),
        ):
            change(repository, number, str(round_ + 1))
            began = time.monotonic()
            publish()
            path = f"/dags/d{shown:04}/tasks"
            until(lambda: task in {t["task_id"] for t in airflow.call("GET", path)["tasks"]}, WATCH_S)  # noqa: B023
            took = time.monotonic() - began
            print(f"dags            {name:<15} {task.split('_')[0]:<7} {took:6.1f} s", flush=True)
            yield took


def gate(folder: Path, rounds: int) -> None:
    """``tradewind dags test`` of 1,000 DAG files; Airflow loading them one after another, with the same findings.

    Serial is a process for each file, as the gate has it and as Airflow's DAG processor does it. Together is all files
    in one process, which is faster and where one file that hangs, exits or changes a module is the end of all.
    """
    repository, home = folder / "repository", folder / "home"
    repository_of.generate_pipelines(repository, PIPELINES)
    serial = [sys.executable, "-m", "benchmarks.serial", str(repository), str(home)]
    ours = [str(BIN / "tradewind"), "dags", "test", str(repository), "--json"]
    commands = {
        "serial": serial,
        "together": [*serial, "--together"],
        "cold": [*ours, "--no-cache"],
        "first": ours,
        "again": ours,
    }
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for round_ in range(rounds):
        for name, command in commands.items():
            if name == "again":
                repository_of.change_pipeline(repository, 100 + round_, str(round_ + 1))
            began = time.monotonic()
            said = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
            times[name].append(time.monotonic() - began)
            found = json.loads(said.stdout if command[0] == ours[0] else said.stdout.splitlines()[-1])
            reused = 0
            if isinstance(found, dict):
                reused = found["reused"]
                found = sorted([finding["rule"], finding["file"]] for finding in found["findings"] if finding["error"])
            print(f"gate            {name:<10} {times[name][-1]:6.1f} s  {reused:>4} as before  {found}", flush=True)
    report("gate, cold", times, "serial", "cold")
    report("gate, after one change", times, "serial", "again")
    report("gate, cold, without a process for each file", times, "together", "cold")
    report("gate, after one change, without a process for each file", times, "together", "again")


def report(what: str, times: dict[str, list[float]], first: str, second: str) -> None:
    """Print the ratio of the medians, and the range of the ratios round by round."""
    pairs = [a / b for a, b in zip(times[first], times[second], strict=True)]
    ratio = statistics.median(times[first]) / statistics.median(times[second])
    print(
        f"{what}: {first} / {second} = {ratio:.2f} (rounds {min(pairs):.2f} to {max(pairs):.2f}; medians "
        f"{statistics.median(times[first]):.1f} s and {statistics.median(times[second]):.1f} s)",
        flush=True,
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("what", nargs="*", default=["start", "throughput"], choices=list(MEASURED))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for what in options.what:
        with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
            MEASURED[what](Path(folder), options.rounds)


MEASURED = {"start": start, "throughput": throughput, "dags": dags, "gate": gate}


if __name__ == "__main__":
    main()
