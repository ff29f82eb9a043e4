"""The supervisor of a task wakes up when the task's process ends. Real processes, through Airflow's own code."""

import os
from pathlib import Path

import pytest

from samples import ask_airflow, needs_airflow

pytestmark = [
    needs_airflow,
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="pidfd_open is Linux's"),
]

# A task that closes its sockets and continues: only the end of its process can wake its supervisor.
ASK = """
import json, os, signal, time, uuid
from unittest.mock import MagicMock
from airflow.sdk.execution_time.supervisor import ActivitySubprocess, WatchedSubprocess
from tradewind.runtime.tasks.coordinator import PromptSubprocess


def task():
    os.closerange(0, 64)
    signal.pause()


def woken(kind):
    start = WatchedSubprocess.start.__func__  # without the calls to the execution API
    process = start(kind, id=uuid.uuid4(), target=task, client=MagicMock())
    while process._open_sockets:
        process._service_subprocess(max_wait_time=60)
    before = process.selector.select(timeout=0)
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, for certain
    after = process.selector.select(timeout=0)
    code = process._service_subprocess(max_wait_time=0)
    return [len(before), len(after), code, len(process.selector.get_map() or ())]


def of_processes():
    links = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    return sum("pidfd" in os.readlink(link) for link in links if os.path.islink(link))


def kept():
    start = WatchedSubprocess.start.__func__
    process = start(PromptSubprocess, id=uuid.uuid4(), target=int, client=MagicMock())
    during = of_processes()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    process.selector.unregister(process._end)  # the exit code is seen before the event: nothing else closes it then
    assert process.wait() == 0
    return [during, of_processes()]  # the process object still lives: what is closed was closed by wait


events = {kind.__name__: woken(kind) for kind in (ActivitySubprocess, PromptSubprocess)}
print(json.dumps({**events, "kept": kept()}))
"""


def test_the_end_of_the_process_is_an_event(tmp_path: Path) -> None:
    events = ask_airflow(ASK, tmp_path)

    # Before the end, after it, the exit code, and the files that are still watched.
    assert events["PromptSubprocess"] == [0, 1, -9, 0]
    assert events["kept"] == [1, 0]
    assert events["ActivitySubprocess"] == [0, 0, -9, 0], "Airflow notices by itself now: the class can go"
