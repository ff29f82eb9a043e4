"""``python -m benchmarks [start|throughput] [--rounds N]``: prints each figure and the ratios."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.dags.mapped import TASKS
from benchmarks.subjects import Standalone, StockCelery, Tradewind, cpu_s, run_to_success


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
    parser.add_argument("what", nargs="*", default=["start", "throughput"], choices=["start", "throughput"])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for what in options.what:
        with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
            {"start": start, "throughput": throughput}[what](Path(folder), options.rounds)


if __name__ == "__main__":
    main()
