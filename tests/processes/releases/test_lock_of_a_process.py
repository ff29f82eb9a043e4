"""A lock is free as soon as the process that held it has ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fleet_of_fakes import Clock

from tradewind.storage import lease
from tradewind.storage.records import FolderRecords

TAKE = """
import sys, time
from pathlib import Path
from tradewind.storage import lease
from tradewind.storage.records import FolderRecords
lease.Lease.take(FolderRecords(Path(sys.argv[1])), lease.of_environment("dev"), "deploys", lambda: float(sys.argv[2]))
"""


def test_the_lock_of_a_process_that_ended_is_free_at_once(tmp_path: Path) -> None:
    clock = Clock()
    subprocess.run([sys.executable, "-c", TAKE, str(tmp_path), str(clock())], check=True)

    taken = lease.Lease.take(FolderRecords(tmp_path), lease.of_environment("dev"), "rolls back", clock)

    taken.release()
