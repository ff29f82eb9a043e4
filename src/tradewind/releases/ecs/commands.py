"""Commands to workers, over the broker: carried by tasks, since nobody outside the network reaches it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tradewind.releases.ecs.tasks import Tasks
from tradewind.releases.target import Phase, Progress, Stage

BATCH = 100
"""Workers that one command names: ECS takes 8,192 characters of overrides, and a name has 33."""

CONTROL = ("python", "-m", "tradewind.runtime.tasks.control")


@dataclass(frozen=True)
class Told:
    """A command to workers that is on its way: the ECS task that carries it, and to whom."""

    command: str
    workers: tuple[str, ...]
    task: str


class Commands:
    """What has been said to the workers of an environment, and what is on its way."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._telling: dict[str, Told] = {}
        self._said: dict[str, str] = {}

    def forget(self) -> None:
        """The next release asks anew."""
        self._said.clear()

    def tell(self, name: str, revision: str, command: str, workers: list[str], *options: str) -> Progress | None:
        """Tell workers something, over the broker; None when all have been told, and have answered as they should.

        Who was told last the same is not told again. One command of a service is on its way at a time, also after a
        kill: two could overtake each other.
        """
        stage = Stage.DRAINING if command == "duty" else Stage.TURNING
        mark = f"tradewind-control-{name}"
        if pending := self._answer(name):
            return replace(pending, stage=stage)
        left = [worker for worker in workers if self._said.get(worker) != command]
        if not left:
            return None
        if self._tasks.running(mark):
            return Progress(Phase.PENDING, f"{command}: an earlier command is still on its way", stage)
        now = tuple(left[:BATCH])
        task = self._tasks.start(name, revision, (*CONTROL, command, *options, *now), mark)
        if task:
            self._telling[name] = Told(command, now, task)
        return Progress(Phase.PENDING, f"{command}: {len(left)} workers are told", stage)

    def _answer(self, name: str) -> Progress | None:
        """What became of the command that is on its way; None when nothing is."""
        told = self._telling.get(name)
        if told is None:
            return None
        task = self._tasks.look_at(told.task)
        if task is None or task["lastStatus"] != "STOPPED":
            return Progress(Phase.PENDING, f"{told.command}: {len(told.workers)} workers are told")
        del self._telling[name]
        if task["containers"][0].get("exitCode") == 0:
            self._said.update(dict.fromkeys(told.workers, told.command))
            return None
        # It did not start, or not everybody answered as he should: whoever is there at the next look is asked again.
        return Progress(Phase.PENDING, f"{told.command}: not every worker answered as it should; asked again")
