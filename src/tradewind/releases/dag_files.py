"""Deploy the DAG files of a release during a rollout: the controller does the work, on a command from here."""

from __future__ import annotations

import time
from collections.abc import Callable

from tradewind.errors import TradewindError
from tradewind.protocol.command_queue import Asked, BusyError, CommandQueue
from tradewind.protocol.controller_requests import DeployDags, RollBackDags
from tradewind.releases.target import Progress, Stage, State
from tradewind.storage.records import Records


class DagFiles:
    """The DAG files of one environment. ``records`` belong to its controller; ``clock`` is Unix time in seconds.

    No call waits: a rollout renews its lease between two calls.
    """

    def __init__(self, records: Records, environment: str, clock: Callable[[], float] = time.time) -> None:
        self._queue = CommandQueue(records, environment, clock)
        self._clock = clock
        self._asked: tuple[tuple[str, str | None], Asked] | None = None
        self._told = ""

    def bring(self, release: str, instead_of: str | None) -> Progress:
        """Take one step towards the DAG files that ``releases.target.Target.dags`` describes.

        A rollout waits until every file is confirmed. A rollback only activates the DAG files: the DAG processor that
        parses them may be broken, and is rolled back later.
        """
        if not release and not instead_of:
            return Progress(State.DONE)
        only = None if release else instead_of
        try:
            if self._asked is None or self._asked[0] != (release, instead_of):
                back = RollBackDags(release or None, only, wait=False)
                command = self._queue.send(DeployDags(release) if instead_of is None else back)
                self._asked = (release, instead_of), Asked(self._queue, command, self._clock)
                self._told = "waiting for the controller"
            done = self._asked[1].look(self._hear)
        except BusyError as error:
            return Progress(State.PENDING, f"{error.what}: {error.why}", Stage.CORDONING)
        except TradewindError as error:
            self._asked = None
            return Progress(State.FAILED, f"{error.what}: {error.why}" if error.why else error.what, Stage.CORDONING)
        if done is None:
            return Progress(State.PENDING, self._told, Stage.CORDONING)
        self._asked = None
        return Progress(State.DONE, str(done["release"]))

    def _hear(self, line: str) -> None:
        self._told = line
