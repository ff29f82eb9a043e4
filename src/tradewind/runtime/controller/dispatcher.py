"""Take commands from the queue and run them: one change at a time, and reads beside it."""

from __future__ import annotations

import logging
import reprlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from tradewind.errors import TradewindError
from tradewind.protocol.command_queue import INSTEAD, Answer, Command, CommandQueue
from tradewind.protocol.controller_requests import UNKNOWN, Request
from tradewind.protocol.message import read

log = logging.getLogger(__name__)

VERSION_MISMATCH_HINT = "use the tradewind version that deployed the active release"


class StoppedError(BaseException):
    """The command must stop: this controller ends, or is no longer the leader. A later look continues the command.

    It is not an ``Exception``, so that code that continues after any failure stops, too.
    """


class Report(Protocol):
    """The reports of a running command: to its caller, and to a controller that continues it."""

    @property
    def checkpoint(self) -> Mapping[str, Any]:
        """The last ``note`` of a controller that ended during this command."""

    @property
    def superseded(self) -> bool:
        """Whether a later command replaces this one."""

    def tell(self, line: str) -> None:
        """Send a line to the caller, if possible. Raises StoppedError if the command must stop."""

    def save_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Store the state for a controller that must continue the command. It is stored when this returns."""


Handler = Callable[[Any, Report], Mapping[str, Any]]
"""Runs a request of one class (``protocol.controller_requests``), and returns its result."""


class Dispatcher:
    """Runs commands with ``handlers``, by the class of the request. ``stopped`` is set when all work must stop."""

    def __init__(
        self, inbox: CommandQueue, handlers: Mapping[type[Request], Handler], stopped: threading.Event
    ) -> None:
        self._inbox = inbox
        self._handlers = {request.do: (request, handler) for request, handler in handlers.items()}
        self._stopped = stopped
        self._change: threading.Thread | None = None
        self._current: Command | None = None
        self._superseded = threading.Event()
        self._begun: set[str] = set()

    def look(self) -> None:
        """Look for commands once. Reads are done when this returns; a change continues in its thread."""
        for command in self._inbox.waiting():
            if not command.exclusive:
                self._do(command)
            elif self._change is None or not self._change.is_alive():
                self._current, self._superseded = command, threading.Event()
                self._change = threading.Thread(target=self._do, args=(command,), name=command.do, daemon=True)
                self._change.start()
            elif self._current and (command.do, self._current.do) == INSTEAD:
                self._superseded.set()

    def wait(self) -> None:
        """Return when no change is running."""
        if self._change:
            self._change.join()

    def _do(self, command: Command) -> None:
        try:
            first = command.id not in self._begun
            self._begun.add(command.id)
            answer = self._inbox.begin(command, first=first)
            if answer is None:
                return
            report = _Report(self._inbox, command, answer, self._stopped, self._superseded)
            # If the command has ended already, the controller that ran it ended before it could remove the command.
            self._inbox.finish(command, self._end(command, report) if answer.state == "running" else answer)
        except StoppedError:
            log.info("%s is left to the next controller", command.do)
        except Exception:
            log.exception("%s could not be completed; it is tried again", command.do)

    def _end(self, command: Command, report: _Report) -> Answer:
        log.info("%s %s for %s", command.do, reprlib.repr(dict(command.arguments)), command.by)
        try:
            if command.do not in self._handlers:
                known = ", ".join(sorted(self._handlers))
                raise TradewindError(f"{UNKNOWN} {command.do!r}", f"it knows {known}")
            kind, handler = self._handlers[command.do]
            result = handler(
                read(kind, command.arguments, f"the command {command.do!r}", VERSION_MISMATCH_HINT), report
            )
            if self._stopped.is_set():
                raise StoppedError
        except TradewindError as error:
            log.info("%s failed: %s", command.do, error)
            failed = error
        except Exception as error:
            log.exception("%s failed", command.do)
            failed = TradewindError(f"the controller failed to run {command.do}", repr(error), "read its log")
        else:
            return replace(report.answer, state="done", result=dict(result))
        if self._stopped.is_set():
            raise StoppedError
        return replace(report.answer, state="failed", error=failed.as_dict())


class _Report:
    """See Report."""

    def __init__(
        self,
        inbox: CommandQueue,
        command: Command,
        answer: Answer,
        stopped: threading.Event,
        superseded: threading.Event,
    ) -> None:
        self._inbox = inbox
        self._command = command
        self._stopped = stopped
        self._superseded = superseded
        self.answer = answer

    @property
    def superseded(self) -> bool:
        return self._superseded.is_set()

    @property
    def checkpoint(self) -> Mapping[str, Any]:
        return self.answer.checkpoint

    def tell(self, line: str) -> None:
        try:
            self._write(replace(self.answer, said=(*self.answer.said, line)))
        except Exception:
            log.exception("progress could not be reported: %s", line)  # the command itself is more important

    def save_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        self._write(replace(self.answer, checkpoint=dict(checkpoint)))

    def _write(self, answer: Answer) -> None:
        if self._stopped.is_set():
            raise StoppedError
        self.answer = answer
        self._inbox.say(self._command, answer)
