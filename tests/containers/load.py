"""Tasks that are always in flight, and what became of each."""

from __future__ import annotations

import random

from running import Meanwhile, Running, eventually
from tests.counts import LOAD

SLOTS = 16


def durations(chance: random.Random, count: int = 8) -> list[float]:
    """Seconds of some tasks, from 1 to 30: most are short, as in life."""
    return [round(min(30.0, 1 + chance.expovariate(1 / 4)), 1) for _ in range(count)]


class Load(Meanwhile):
    """Runs that are started one after another, so that tasks are always in flight."""

    def __init__(self, running: Running) -> None:
        super().__init__()
        self.running = running
        self.runs: list[tuple[str, int]] = []
        self._chance = random.Random(7)

    def step(self) -> float:
        seconds = durations(self._chance)
        self.runs.append((self.running.trigger("load", seconds=seconds), len(seconds)))
        # A part of what the slots could do: always busy, the canary need not wait behind a queue, and a slow machine
        # has some of itself left, since the start of a task takes more of it than the task.
        return sum(seconds) / SLOTS / (LOAD / 100)

    def images(self) -> set[str]:
        """Wait for all runs; the images that tasks ran in. Fails where a task failed, was lost or ran twice."""
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
