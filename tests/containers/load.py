"""Tasks that are always running, and the result of each."""

from __future__ import annotations

import random

from running import Meanwhile, Running, eventually
from tests.counts import LOAD

SLOTS = 16


def durations(chance: random.Random, count: int = 8) -> list[float]:
    """The durations of some tasks, from 1 to 30 seconds; most are short."""
    return [round(min(30.0, 1 + chance.expovariate(1 / 4)), 1) for _ in range(count)]


class Load(Meanwhile):
    """Starts one run after another, so that tasks are always running."""

    def __init__(self, running: Running) -> None:
        super().__init__()
        self.running = running
        self.runs: list[tuple[str, int]] = []
        self._chance = random.Random(7)

    def step(self) -> float:
        seconds = durations(self._chance)
        self.runs.append((self.running.trigger("load", seconds=seconds), len(seconds)))
        # Only a part of the slots: the canary must not wait in a queue. A slow machine needs idle time, too, because
        # the start of a task costs more than the task.
        return sum(seconds) / SLOTS / (LOAD / 100)

    def images(self) -> set[str]:
        """Wait for all runs, and return the images of their tasks. Fails if a task failed, was lost or ran twice."""
        seen: set[str] = set()
        for run_id, count in self.runs:
            state = eventually(lambda r=run_id: (s := self.running.state("load", r)) in {"success", "failed"} and s)
            tasks = [task for task in self.running.tasks("load", run_id) if task["task_id"] == "work"]
            assert state == "success", [(t["map_index"], t["state"], t["try_number"]) for t in tasks]
            assert [task["try_number"] for task in tasks] == [1] * count
            for task in tasks:
                name = f"{run_id}.{task['map_index']}".replace(":", "")
                ran = (self.running.folder / ".tradewind" / "output" / name).read_text().splitlines()
                assert len(ran) == 1, f"{name} ran {len(ran)} times"
                seen.update(ran)
        return seen
