"""Commands of operators and pipelines to the controller, and their results, without a network path to the controller.

One record, ``inbox``, has all commands that are not finished. So the controller finds new work with one small read, and
a client that sends a change learns at the same moment if another change is under way. Each command has its own record
for its result, below ``answers/``, which the controller updates while it works.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from tradewind.errors import TradewindError
from tradewind.protocol.controller_requests import DeployDags, Request, RollBackDags
from tradewind.protocol.message import read, written
from tradewind.storage.lease import LeaseKey, me
from tradewind.storage.records import ConflictError, Records

INBOX = "inbox"
ANSWERS = "answers/"
LEADER = "leader"
ATTEMPTS = 20
PATIENCE_S = 90.0
"""How long a client waits for the controller to begin: longer than a second copy needs to take over from the first."""
LOST_S = 10.0
"""How long a query waits if there has been no leader for long."""
ABANDONED_S = 600.0
"""A command that has waited this long has no client any more: the client ended without withdrawing it."""
GONE_S = 120.0
"""A leader counts as lost this long after the end of its lease, so that different clocks do not matter."""
KEPT_LINES = 200
MOST_ATTEMPTS = 10
"""If so many controllers ended in the middle of a command, the command is the cause."""
INSTEAD = (RollBackDags.do, DeployDags.do)
"""The first command is accepted while the second one is under way. The second one then stops watching."""

Tell = Callable[[str], None]
_T = TypeVar("_T")


def leadership(environment: str) -> LeaseKey:
    """The right to be the controller of an environment."""
    return LeaseKey(LEADER, f"the controller of {environment}", f"tradewind release status -e {environment}")


class BusyError(TradewindError):
    """Another change is under way."""


class UnansweredError(TradewindError):
    """No controller answers a command."""


@dataclass(frozen=True)
class Command:
    """A command: its name, its arguments, its author and its time.

    ``exclusive``: it changes something, so no other such command is accepted while it is under way.
    """

    id: str
    do: str
    arguments: Mapping[str, Any]
    by: str
    at: str
    exclusive: bool = True


@dataclass(frozen=True)
class Answer:
    """The progress of a command: ``running``, ``done`` or ``failed``, with its output and its result.

    ``checkpoint`` is the state with which another controller continues if this one dies. ``attempts`` is the number of
    controllers that have begun. ``dropped`` is the number of output lines that are no longer stored.
    """

    state: str = "running"
    said: tuple[str, ...] = ()
    dropped: int = 0
    result: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0


class CommandQueue:
    """Both sides of the queue: client and controller. ``environment`` is the name in messages."""

    def __init__(
        self,
        records: Records,
        environment: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        poll_s: float = 1.0,
    ) -> None:
        self._records = records
        self._environment = environment
        self._clock = clock
        self._sleep = sleep
        self._poll_s = poll_s

    # The client

    def ask(self, request: Request, tell: Tell = lambda _: None) -> Mapping[str, Any]:
        """Send a command to the controller, wait for it, and return its result.

        ``tell`` gets the controller's output in the meantime. If the same change is already under way, join it.

        Raises:
            BusyError: another change is under way.
            UnansweredError: no controller answers.
            TradewindError: the error of the controller.
        """
        command = self.send(request)
        try:
            return self.follow(command, tell)
        except KeyboardInterrupt:
            if not self.withdraw(command):
                tell(f"the controller of {self._environment} continues; run the same command again to join it")
            raise

    def send(self, request: Request) -> Command:
        """Send a command. BusyError if it changes something, and another change is under way."""
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="seconds")
        mine = Command(secrets.token_hex(8), request.do, written(request), me(), at, request.exclusive)

        def add(waiting: list[Command]) -> tuple[list[Command], Command]:
            for other in waiting:
                if request.exclusive and other.exclusive and (mine.do, other.do) != INSTEAD:
                    if _same(request, other):
                        return waiting, other
                    raise BusyError(
                        f"another change of {self._environment} is under way",
                        f"{other.do} by {other.by} since {other.at}",
                        "wait until it has ended",
                    )
            return [*waiting, mine], mine

        return self._change(add)

    def withdraw(self, command: Command) -> bool:
        """Withdraw a command that the controller has not begun. Returns whether that succeeded."""
        if self.answer(command) is not None:
            return False
        self._change(lambda waiting: ([other for other in waiting if other.id != command.id], None))
        return self.answer(command) is None

    def follow(self, command: Command, tell: Tell) -> Mapping[str, Any]:
        """Wait for the end of a command; see ``ask``."""
        asked = Asked(self, command, self._clock)
        while (result := asked.look(tell)) is None:
            self._sleep(self._poll_s)
        return result

    def answer(self, command: Command) -> Answer | None:
        """The progress of a command; None if no controller has begun it."""
        found = self._records.read(ANSWERS + command.id)
        return _answer(found[0]) if found else None

    def leader_is_gone(self, since_s: float = 0.0) -> bool:
        """Whether there has been no leader for ``since_s`` seconds."""
        found = self._records.read(LEADER)
        return found is None or found[0]["until"] + since_s < self._clock()

    def unanswered(self, why: str = "") -> UnansweredError:
        """The error if no controller answers."""
        return UnansweredError(
            f"the controller of {self._environment} does not answer",
            why or "nothing was changed",
            f"tradewind release status -e {self._environment}",
        )

    # The controller

    def waiting(self) -> list[Command]:
        """The commands that are not finished, in the order in which they were sent."""
        return self._read()[0]

    def begin(self, command: Command, *, first: bool) -> Answer | None:
        """Begin a command. Returns its progress, which another controller may have made; None if it must not run.

        ``first``: this controller has not begun it before.
        """
        answer = self.answer(command)
        if answer is None:
            answer = Answer(attempts=1)
            if self._clock() - datetime.fromisoformat(command.at).timestamp() > ABANDONED_S:
                late = TradewindError(f"{command.do} came too late", f"it was sent at {command.at}", "run it again")
                self.finish(command, replace(answer, state="failed", error=late.as_dict()))
                return None
            self.say(command, answer)
        elif answer.state == "running" and first:
            answer = replace(answer, attempts=answer.attempts + 1)
            if answer.attempts > MOST_ATTEMPTS:
                why = f"{MOST_ATTEMPTS} controllers ended in the middle of it"
                fatal = TradewindError(
                    f"{command.do} was given up", why, "read their logs, and check which release is active"
                )
                self.finish(command, replace(answer, state="failed", error=fatal.as_dict()))
                return None
            self.say(command, answer)
        # A client that withdraws a command reads its progress after that. So one of the two sees the other's write.
        if any(other.id == command.id for other in self.waiting()):
            return answer
        self.say(command, replace(answer, state="failed", error=TradewindError("it was withdrawn").as_dict()))
        return None

    def say(self, command: Command, answer: Answer) -> None:
        """Write the progress of a command. Only the leader does that."""
        name = ANSWERS + command.id
        said = answer.said[-KEPT_LINES:]
        document = asdict(answer) | {
            "said": said,
            "dropped": answer.dropped + len(answer.said) - len(said),
            "command": asdict(command),
        }
        for _ in range(ATTEMPTS):
            found = self._records.read(name)
            try:
                self._records.write(name, document, found[1] if found else None)
            except ConflictError:  # its own write, sent again after the response was lost
                continue
            return
        raise TradewindError(f"the result of {command.do} cannot be written")

    def finish(self, command: Command, answer: Answer) -> None:
        """Write the result of a command, and remove the command from the inbox."""
        self.say(command, answer)
        self._change(lambda waiting: ([other for other in waiting if other.id != command.id], None))

    def sweep(self, older_than_s: float) -> None:
        """Remove results that are older than this. On AWS, the bucket expires them."""
        kept = {command.id for command in self.waiting()}
        for name in self._records.names(ANSWERS):
            found = self._records.read(name)
            if found and name.removeprefix(ANSWERS) not in kept:
                asked = datetime.fromisoformat(found[0]["command"]["at"]).timestamp()
                if self._clock() - asked > older_than_s:
                    self._records.delete(name, found[1])

    def _read(self) -> tuple[list[Command], str | None]:
        found = self._records.read(INBOX)
        return ([_command(entry) for entry in found[0]["commands"]], found[1]) if found else ([], None)

    def _change(self, how: Callable[[list[Command]], tuple[list[Command], _T]]) -> _T:
        for _ in range(ATTEMPTS):
            waiting, version = self._read()
            left, result = how(waiting)
            if left == waiting:
                return result
            try:
                self._records.write(INBOX, {"commands": [asdict(command) for command in left]}, version)
            except ConflictError:
                self._sleep(secrets.randbelow(100) / 1000)
                continue
            return result
        raise TradewindError(
            f"the inbox of {self._environment} cannot be written", "too many clients write to it at once", "try again"
        )


def _same(request: Request, other: Command) -> bool:
    """Whether a command is this request, whichever version wrote it."""
    if other.do != request.do:
        return False
    try:
        return bool(read(type(request), other.arguments, other.do, "") == request)
    except TradewindError:
        return False


class Asked:
    """A command that was sent, whose progress a client polls."""

    def __init__(self, queue: CommandQueue, command: Command, clock: Callable[[], float] = time.time) -> None:
        self._queue = queue
        self._command = command
        self._clock = clock
        self._began = self._there = clock()
        self._seen = 0

    def look(self, tell: Tell = lambda _: None) -> Mapping[str, Any] | None:
        """The result; None while the command is not done. Raises as ``CommandQueue.ask``."""
        command, queue = self._command, self._queue
        waiting = any(other.id == command.id for other in queue.waiting())
        answer = queue.answer(command)
        if answer is None:
            if not waiting:  # by another client that had joined it
                raise TradewindError(f"{command.do} was withdrawn", "nothing was changed", "run it again")
            # If there has been no leader for long, a query waits for a shorter time than a change.
            lost = not command.exclusive and queue.leader_is_gone(since_s=GONE_S)
            if self._clock() - self._began > (LOST_S if lost else PATIENCE_S) and queue.withdraw(command):
                raise queue.unanswered()
            return None
        for line in answer.said[max(self._seen - answer.dropped, 0) :]:
            tell(line)
        self._seen = answer.dropped + len(answer.said)
        if answer.state == "done":
            return answer.result
        if answer.state == "failed":
            raise TradewindError.from_dict(answer.error)
        # A change of the leader takes some seconds.
        if not queue.leader_is_gone():
            self._there = self._clock()
        elif self._clock() - self._there > GONE_S:
            raise queue.unanswered("it ended in the middle; the next controller continues")
        return None


def _command(document: Mapping[str, Any]) -> Command:
    known = {field.name for field in fields(Command)}  # a newer command line may send more fields
    return Command(**{name: value for name, value in document.items() if name in known})


def _answer(document: Mapping[str, Any]) -> Answer:
    found = {name: document[name] for name in ("state", "dropped", "result", "error", "checkpoint")}
    return Answer(said=tuple(document["said"]), attempts=document.get("attempts", 1), **found)
