"""The platform as commands use it: start it, wait for it, query it, stop it, clean up after it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tradewind.errors import TradewindError
from tradewind.local import lock, process, supervisor_requests
from tradewind.local.orphans import OrphanedProcess, journal, processes_left, same
from tradewind.local.paths import StateDirectory
from tradewind.local.supervisor_requests import A, GetStatus, StopPlatform

if TYPE_CHECKING:  # the daemon's imports would make every command start slower
    from tradewind.local.daemon import Request

POLL_S = 0.1
LAST_LINES = 12
_BLOCK = 16_384  # bytes of a log that are read first
SUPERVISOR_END_S = 10.0
DAEMON = "tradewind.local.daemon"
NOT_RUNNING = "the platform is not running"
AFTER_A_KILL = "tradewind up ends them and starts the platform again; tradewind down only ends them"


class Platform:
    """The platform of one state directory, running or not."""

    def __init__(self, state_dir: StateDirectory) -> None:
        self.state_dir = state_dir

    def status(self, usage: bool = False) -> dict[str, Any] | None:
        """Return the output of ``tradewind status --json`` (with ``usage``); None if no supervisor answers."""
        try:
            return supervisor_requests.ask(self.state_dir, GetStatus(usage))
        except ConnectionError:
            return None

    def ask(self, request: supervisor_requests.Request[A]) -> A:
        """Send a request to the platform. Raises TradewindError if it is not running."""
        try:
            return supervisor_requests.ask(self.state_dir, request)
        except ConnectionError as error:
            raise self.missing() from error

    def left(self) -> list[OrphanedProcess]:
        """Return the processes that a killed supervisor has left; empty if a supervisor runs, or no process does."""
        if not self.state_dir.run.exists() or lock.is_held(self.state_dir.lock):
            return []
        return processes_left(self.state_dir)

    def missing(self, why: str = "", hint: str = "tradewind up") -> TradewindError:
        """Return the error for a supervisor that does not answer. ``why`` and ``hint`` apply if nothing runs."""
        if lock.is_held(self.state_dir.lock):
            return TradewindError(
                "the supervisor does not answer",
                "it is starting or stopping, or it hangs",
                f"try again in a few seconds{self._kill()}",
            )
        if running := self.left():
            return TradewindError("the supervisor was killed", told(running), AFTER_A_KILL)
        return TradewindError(NOT_RUNNING, why, hint)

    def _kill(self) -> str:
        """Return the hint for a supervisor that hangs, if its processes show its process id."""
        for entry in journal(self.state_dir):
            with contextlib.suppress(psutil.Error):
                parent = found.parent() if (found := same(entry)) else None
                if parent and DAEMON in parent.cmdline():  # else it has ended, and another command is cleaning up
                    return f"; if that does not help, kill -9 {parent.pid}, then tradewind up"
        return ""

    def start(self, request: Request) -> None:
        """Start the supervisor; returns as soon as it answers. Raises TradewindError if it cannot start."""
        if not self.clean_up(grace_s=5.0):
            raise self.missing()
        self.state_dir.create()
        log = self.state_dir.logs / "supervisor.log"
        with log.open("a") as errors:
            daemon = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", DAEMON],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                text=True,
            )
        assert daemon.stdin
        assert daemon.stdout
        try:
            daemon.stdin.write(request.to_json() + "\n")
            daemon.stdin.close()
            line = daemon.stdout.readline()
        except BaseException:  # Ctrl-C too: the process that this command started must not stay
            daemon.terminate()
            daemon.wait()
            raise
        daemon.stdout.close()
        # The daemon outlives this command on purpose: Popen must not warn that the process still runs.
        daemon.returncode = 0
        if not line:
            raise TradewindError("the supervisor could not start", last_lines(log), f"see {log}")
        answer = json.loads(line)
        if "error" in answer:
            raise TradewindError.from_dict(answer["error"])

    def wait_until_healthy(self, until: Callable[[dict[str, Any]], bool] = lambda _: True) -> Iterator[dict[str, Any]]:
        """Yield the status repeatedly until all processes are healthy and ``until`` accepts it; the last one is.

        Raises:
            TradewindError: a process failed permanently (a one-shot task, or a crash loop), or the platform stopped.
        """
        while True:
            status = self.status()
            if status is None and self.left():
                raise self.missing()
            if status is None or status["stopping"]:
                raise TradewindError("the platform was stopped while it started", hint="tradewind up")
            yield status
            if status["healthy"] and until(status):
                return
            for row in status["processes"]:
                if row["state"] in {"failed", "crash-loop"}:
                    raise self.state_dir.full_disk() or _failure(row)
            time.sleep(POLL_S)

    def stop(self, now: bool = False) -> Iterator[dict[str, Any]]:
        """Stop all processes in order, and yield the status until none is left. Clean up after a killed supervisor."""
        try:
            supervisor_requests.ask(self.state_dir, StopPlatform(now))
        except ConnectionError:
            if not self.clean_up(grace_s=0.0 if now else 30.0):
                raise TradewindError(
                    "the platform is starting, or its supervisor hangs",
                    hint="tradewind down again in a few seconds",
                ) from None
            return
        supervisor: list[psutil.Process] = []
        while (status := self.status()) is not None:
            with contextlib.suppress(psutil.Error):
                supervisor = supervisor or [psutil.Process(status["supervisor_pid"])]
            yield status
            time.sleep(POLL_S)
        # The supervisor closes the socket first, then removes the folder, and ends last.
        self._wait_until_gone()
        psutil.wait_procs(supervisor, timeout=SUPERVISOR_END_S)

    def clean_up(self, grace_s: float) -> bool:
        """End the processes that a killed supervisor has left, in order; returns whether nothing runs now.

        Changes nothing if a supervisor runs.
        """
        if not self.state_dir.run.exists():
            return True
        held = lock.acquire(self.state_dir.lock)
        if held is None:
            return False
        try:
            entries = journal(self.state_dir)
            for services in process.stop_waves({entry["service"]: entry["requires"] for entry in entries}):
                wave = [entry for entry in entries if entry["service"] in services]
                members = [found for entry in wave if (found := same(entry))]
                process.end(members, min(grace_s, max((entry["grace_s"] for entry in wave), default=0.0)))
            process.end(process.strays(self.state_dir.root), 0.0)
            self.state_dir.clear_run()
        finally:
            os.close(held)
        return True

    def _wait_until_gone(self) -> None:
        while self.state_dir.run.exists():
            time.sleep(POLL_S)


def last_lines(log: Path, count: int = LAST_LINES) -> str:
    """Return the last lines of a log, read from its end."""
    size = _BLOCK
    try:
        with log.open("rb") as stream:
            end = stream.seek(0, 2)
            while True:
                stream.seek(max(0, end - size))
                lines = stream.read(end).splitlines()
                # The first line may be incomplete.
                if len(lines) > count or size >= end:
                    return "\n".join(line.decode(errors="replace") for line in lines[-count:])
                size *= 4
    except OSError:
        return ""


def told(running: Sequence[OrphanedProcess]) -> str:
    """Return the number and the names of the processes that a killed supervisor has left."""
    names = ", ".join(entry.name for entry in running)
    return f"{len(running)} process{'es run' if len(running) > 1 else ' runs'} without it: {names}"


def _failure(row: dict[str, Any]) -> TradewindError:
    lines = last_lines(Path(row["log"]))
    what = f"{row['name']} did not start" if row["state"] == "failed" else f"{row['name']} exits repeatedly"
    why = row["last_exit"] + (f"; its last lines:\n{lines}\n" if lines else "")
    return TradewindError(what, why, f"the whole log: {row['log']}")
