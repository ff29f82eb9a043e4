"""Where one machine keeps its platform: ``.tradewind/`` beside ``tradewind.yaml``, for nobody else to read."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tradewind.errors import TradewindError

NAME = ".tradewind"
ROOM_BYTES = 20_000_000
"""With less than this, what fails most likely fails for want of room: PostgreSQL writes 16 MB at once."""


@dataclass(frozen=True)
class Home:
    """The folder of one platform. Two checkouts have two, and never meet."""

    root: Path

    @classmethod
    def beside(cls, file: Path) -> Home:
        """The home that belongs to a configuration file."""
        return cls(file.resolve().parent / NAME)

    @property
    def run(self) -> Path:
        """What exists only while the platform runs: lock, socket, journal, heartbeats."""
        return self.root / "run"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.run / "supervisor.lock"

    @property
    def socket(self) -> Path:
        """Where the supervisor listens. Long paths do not fit a socket's name: see ``control``."""
        return self.run / "control.sock"

    @property
    def journal(self) -> Path:
        """The processes that run."""
        return self.run / "processes.json"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.root / "logs"

    @property
    def task_logs(self) -> Path:
        """Airflow's logs of every attempt of every task."""
        return self.root / "task-logs"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.root / "airflow"

    @property
    def output(self) -> Path:
        """What DAGs may write for a person to look at (TRADEWIND_OUTPUT)."""
        return self.root / "output"

    @property
    def secrets(self) -> Path:
        """Generated secrets, readable by the owner only."""
        return self.root / "secrets.json"

    @property
    def ports(self) -> Path:
        """The ports that were chosen, so that addresses stay the same from start to start."""
        return self.root / "ports.json"

    @property
    def broker(self) -> Path:
        """The broker's data."""
        return self.root / "broker"

    @property
    def dags(self) -> Path:
        """Releases of DAG files: the shared file system that EFS is on AWS."""
        return self.root / "dags"

    @property
    def controller(self) -> Path:
        """What is asked of the controller, and its answers."""
        return self.root / "controller"

    @property
    def unpacked(self) -> Path:
        """The releases that this machine's processes use, as on a container's own disk."""
        return self.run / "unpacked"

    @property
    def done(self) -> Path:
        """Which one-offs have done their work on the database that is there."""
        return self.root / "done"

    def database(self, kind: str) -> Path:
        """The data of the database server of that kind."""
        return self.root / f"database-{kind}"

    def create(self) -> None:
        """Make the folders; the root for the owner only."""
        self.root.mkdir(mode=0o700, exist_ok=True)
        self.root.chmod(0o700)
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        for folder in (self.run, self.logs, self.task_logs, self.airflow, self.output, self.broker, self.done):
            folder.mkdir(mode=0o700, exist_ok=True)
        for folder in (self.dags, self.dags / "releases"):  # containers read them, as somebody else
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)

    def full_disk(self, known: bool = False) -> TradewindError | None:
        """What to say of a failure where there is no room left for the platform's files; None where there is.

        ``known``: a program has said so.
        """
        free = shutil.disk_usage(self.root).free
        if free >= ROOM_BYTES and not known:
            return None
        return TradewindError(
            f"the disk with {self.root} is full",
            f"{free / 1e6:.0f} MB are free, and the platform needs about 200 MB",
            "make room, then tradewind up again",
        )

    def clear_run(self) -> None:
        """Remove what exists only while the platform runs."""
        shutil.rmtree(self.run, ignore_errors=True)

    def forget_database(self, kind: str) -> Path:
        """Remove a database and what was done to it; returns where the next one goes."""
        shutil.rmtree(self.database(kind), ignore_errors=True)
        shutil.rmtree(self.done, ignore_errors=True)
        self.done.mkdir(mode=0o700)
        return self.database(kind)

    def wipe(self) -> None:
        """Remove everything: metadata, logs, secrets."""
        shutil.rmtree(self.root, ignore_errors=True)
