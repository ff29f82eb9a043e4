"""Start Airflow programs without importing Airflow for each of them: ``python -m tradewind.local.fork_server``.

It imports the common modules once, and forks for each program that the supervisor requests (``forked.py`` is the
supervisor's side). A request is one packet on the socket that is its standard input. The packet has two descriptors: a
file with JSON (``arguments`` for ``tradewind.launch``, ``env`` and ``folder``), and the log. Only the fork reads the
file, so that no program has the secrets of another in its memory. The fork server responds with ``{"started": PID}``,
and later with ``{"ended": PID, "code": CODE}``, one packet each; CODE is negative for a signal.

The imported modules must not depend on settings that differ between the programs (addresses, ports, secrets). A test
checks this.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import setproctitle

from tradewind import launch

LIBRARY = "_AIRFLOW__AS_LIBRARY"
"""A variable of Airflow: if it is set, importing Airflow reads no database address and configures no log."""

MODULES = (
    "airflow.models.dagrun",
    "airflow.jobs.scheduler_job_runner",
    "airflow.jobs.triggerer_job_runner",
    "airflow.dag_processing.manager",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "celery.apps.worker",
    "celery.bin.worker",
    "fastapi",
    "flask_appbuilder",
    "kombu.transport.redis",
    "psycopg2",
    "pymysql",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "uvicorn",
)
MARK = "TRADEWIND_INSTANCE"
ROOM = 64
"""Bytes of the first variable's value, see ``mark``."""
PACKET_BYTES = 4096


def load() -> None:
    """Import the modules that the programs share. A program that needs a missing module reports the error itself."""
    gc.set_threshold(launch.YOUNG, launch.MIDDLE, launch.OLD)
    os.environ[LIBRARY] = "1"
    for name in MODULES:
        with suppress(ImportError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(name)
    setproctitle.getproctitle()  # it must find the title's memory before the environment changes
    gc.collect()
    gc.freeze()  # a garbage collection would write to each object, and so copy its page for each program


def mark(name: str) -> None:
    """Write the name of the program into the environment that the kernel shows for this process.

    The kernel shows the environment with which the fork server started. Its first variable has space for the name.
    """
    with suppress(OSError, ValueError, IndexError):
        begin = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[47])
        prefix = f"{MARK}=".encode()
        if ctypes.string_at(begin, len(prefix)) == prefix:
            value = name.encode()[: ROOM - 3]
            filler = b"\0_=" + b"_" * (ROOM - 3 - len(value))
            ctypes.memmove(begin + len(prefix), value + filler, ROOM)


def serve(connection: socket.socket) -> None:
    """Fork for each request until the supervisor closes the connection."""
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        selector.register(wake, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if wake in ready:
                os.read(wake, 4096)
                _tell_ended(connection)
            if connection in ready:
                packet, descriptors, _, _ = socket.recv_fds(connection, PACKET_BYTES, 2)
                if not packet:
                    return
                pid = os.fork()
                if not pid:
                    selector.close()
                    connection.close()
                    os.close(wake)
                    os.close(woken)
                    _become(*descriptors)
                for descriptor in descriptors:
                    os.close(descriptor)
                _tell(connection, {"started": pid})


def _tell_ended(connection: socket.socket) -> None:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _tell(connection, {"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _tell(connection: socket.socket, answer: dict[str, Any]) -> None:
    connection.sendall(json.dumps(answer).encode())


def _become(file: int, log: int) -> NoReturn:
    """Run the program in this fork until it ends, as in a new process."""
    with os.fdopen(file) as stream:
        request = json.load(stream)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setpgid(0, 0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for found, wanted in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(found, wanted)
    for extra in {nothing, log} - {0, 1, 2}:
        os.close(extra)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["env"])
    mark(request["env"].get(MARK, ""))
    setproctitle.setproctitle(f"tradewind {request['env'].get(MARK, '')}")
    sys.exit(_run(request["arguments"]))


def _run(arguments: list[str]) -> int:
    try:
        if "airflow" in sys.modules:
            from airflow import settings

            settings.initialize()
        launch.main(arguments)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(ended.code + "\n")
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def main() -> int:
    """Entry point."""
    connection = socket.socket(fileno=os.dup(0))
    load()
    serve(connection)
    return 0


if __name__ == "__main__":
    sys.exit(main())
