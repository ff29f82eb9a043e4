"""What operators and pipelines ask of the controller, and what it answers: no way into its network is needed.

One record, ``inbox``, has all that is asked and not answered yet. So it is one small read to see whether there is
anything to do, and whoever asks for a change sees in the same moment whether another one is under way. Each command has
a record of its own for its answer, below ``answers/``, which is written while the work goes on.
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
"""How long somebody waits for the controller to begin: longer than it takes a second copy to notice that the first is
gone."""
LOST_S = 10.0
"""How long a question waits where nobody has led for long."""
ABANDONED_S = 600.0
"""Nobody waits so long for a beginning: whoever asked has ended without taking it back."""
GONE_S = 120.0
"""Past the end of its lease, a leader is gone, whatever the clocks of two machines say."""
KEPT_LINES = 200
MOST_ATTEMPTS = 10
"""A command in the middle of which so many controllers ended is what ends them."""
INSTEAD = (RollBackDags.do, DeployDags.do)
"""The first may be asked for while the second is under way, which then watches no longer."""

Tell = Callable[[str], None]
_T = TypeVar("_T")


def leadership(environment: str) -> LeaseKey:
    """The right to be the controller of an environment."""
    return LeaseKey(LEADER, f"the controller of {environment}", f"tradewind release status {environment}")


class BusyError(TradewindError):
    """Another change is under way."""


class UnansweredError(TradewindError):
    """No controller answers."""


@dataclass(frozen=True)
class Command:
    """What is asked: what to do, with which arguments; by whom, and when.

    ``alone``: it changes something, so that no other such command is taken while this one is under way.
    """

    id: str
    do: str
    arguments: Mapping[str, Any]
    by: str
    at: str
    alone: bool = True


@dataclass(frozen=True)
class Answer:
    """How far a command is: ``running``, ``done`` or ``failed``; what was said, and what came of it.

    ``begun`` is what the controller must remember where it dies and another one goes on; ``attempts``, how many have
    begun. ``dropped`` lines of what was said are no longer here.
    """

    state: str = "running"
    said: tuple[str, ...] = ()
    dropped: int = 0
    result: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] = field(default_factory=dict)
    begun: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0


class CommandQueue:
    """Both sides of it. ``environment`` is its name, for people."""

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

    # Who asks

    def ask(self, request: Request, tell: Tell = lambda _: None) -> Mapping[str, Any]:
        """Have the controller do something, and wait for it: what came of it.

        ``tell`` is given what the controller says meanwhile. The same change that is under way is joined.

        Raises:
            BusyError: another change is under way.
            UnansweredError: no controller answers.
            TradewindError: what the controller says went wrong.
        """
        command = self.send(request)
        try:
            return self.follow(command, tell)
        except KeyboardInterrupt:
            if not self.withdraw(command):
                tell(f"the controller of {self._environment} goes on with it; the same command again joins it")
            raise

    def send(self, request: Request) -> Command:
        """Ask for something. TradewindError where it changes something, and another change is under way."""
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="seconds")
        mine = Command(secrets.token_hex(8), request.do, written(request), me(), at, request.alone)

        def add(waiting: list[Command]) -> tuple[list[Command], Command]:
            for other in waiting:
                if request.alone and other.alone and (mine.do, other.do) != INSTEAD:
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
        """Take back what the controller has not begun; whether that was so."""
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
        """How far a command is; None where nobody has begun."""
        found = self._records.read(ANSWERS + command.id)
        return _answer(found[0]) if found else None

    def leader_is_gone(self, since_s: float = 0.0) -> bool:
        """Whether no controller has led for so long."""
        found = self._records.read(LEADER)
        return found is None or found[0]["until"] + since_s < self._clock()

    def unanswered(self, why: str = "") -> UnansweredError:
        """What is told where no controller answers."""
        return UnansweredError(
            f"the controller of {self._environment} does not answer",
            why or "nothing was changed",
            f"is it running? tradewind release status {self._environment}",
        )

    # The controller

    def waiting(self) -> list[Command]:
        """What is asked and not finished, in the order in which it was asked."""
        return self._read()[0]

    def begin(self, command: Command, *, first: bool) -> Answer | None:
        """Take a command: how far another controller came with it, or nothing yet; None where nobody wants it.

        ``first``: the one who asks has not begun with it before.
        """
        answer = self.answer(command)
        if answer is None:
            answer = Answer(attempts=1)
            if self._clock() - datetime.fromisoformat(command.at).timestamp() > ABANDONED_S:
                late = TradewindError(f"{command.do} came too late", f"it was asked for at {command.at}", "ask again")
                self.finish(command, replace(answer, state="failed", error=late.as_dict()))
                return None
            self.say(command, answer)
        elif answer.state == "running" and first:
            answer = replace(answer, attempts=answer.attempts + 1)
            if answer.attempts > MOST_ATTEMPTS:
                why = f"{MOST_ATTEMPTS} controllers ended in the middle of it"
                fatal = TradewindError(
                    f"{command.do} was given up", why, "their logs may say why; look what is in force"
                )
                self.finish(command, replace(answer, state="failed", error=fatal.as_dict()))
                return None
            self.say(command, answer)
        # Whoever withdraws it looks for an answer after that; so one of the two sees what the other has done.
        if any(other.id == command.id for other in self.waiting()):
            return answer
        self.say(command, replace(answer, state="failed", error=TradewindError("it was withdrawn").as_dict()))
        return None

    def say(self, command: Command, answer: Answer) -> None:
        """Tell how far a command is. Only the leader does."""
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
            except ConflictError:  # its own, sent again after an answer was lost
                continue
            return
        raise TradewindError(f"the answer to {command.do} cannot be written")

    def finish(self, command: Command, answer: Answer) -> None:
        """Tell how a command has ended, and forget it."""
        self.say(command, answer)
        self._change(lambda waiting: ([other for other in waiting if other.id != command.id], None))

    def sweep(self, older_than_s: float) -> None:
        """Forget answers that are older. On AWS the bucket does that."""
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
        raise TradewindError(f"the inbox of {self._environment} cannot be written", "too many ask at once", "try again")


def _same(request: Request, other: Command) -> bool:
    """Whether a command asks for this, whichever version wrote it."""
    if other.do != request.do:
        return False
    try:
        return bool(read(type(request), other.arguments, other.do, "") == request)
    except TradewindError:
        return False


class Asked:
    """A command that was sent, followed from look to look."""

    def __init__(self, queue: CommandQueue, command: Command, clock: Callable[[], float] = time.time) -> None:
        self._queue = queue
        self._command = command
        self._clock = clock
        self._began = self._there = clock()
        self._seen = 0

    def look(self, tell: Tell = lambda _: None) -> Mapping[str, Any] | None:
        """What came of it; None while it is not done. Raises as ``CommandQueue.ask``."""
        command, queue = self._command, self._queue
        waiting = any(other.id == command.id for other in queue.waiting())
        answer = queue.answer(command)
        if answer is None:
            if not waiting:  # the other one who asked for the same
                raise TradewindError(f"{command.do} was withdrawn", "nothing was changed", "ask again")
            # Where none has led for long, a question is not worth as long a wait as a change is.
            lost = not command.alone and queue.leader_is_gone(since_s=GONE_S)
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
        # Between two leaders there is none for some seconds.
        if not queue.leader_is_gone():
            self._there = self._clock()
        elif self._clock() - self._there > GONE_S:
            raise queue.unanswered("it ended in the middle; the next one goes on")
        return None


def _command(document: Mapping[str, Any]) -> Command:
    known = {field.name for field in fields(Command)}  # a newer command line may say more
    return Command(**{name: value for name, value in document.items() if name in known})


def _answer(document: Mapping[str, Any]) -> Answer:
    found = {name: document[name] for name in ("state", "dropped", "result", "error", "begun")}
    return Answer(said=tuple(document["said"]), attempts=document.get("attempts", 1), **found)
