"""The state directory of one machine's platform: ``.tradewind/`` beside ``tradewind.yaml``, private to its owner."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tradewind.errors import TradewindError

NAME = ".tradewind"
ROOM_BYTES = 20_000_000
"""With less free space than this, a failure is most likely due to a full disk: PostgreSQL writes 16 MB at once."""


@dataclass(frozen=True)
class StateDirectory:
    """The state directory of one platform. Each checkout has its own."""

    root: Path

    @classmethod
    def beside(cls, file: Path) -> StateDirectory:
        """Return the state directory that belongs to a configuration file."""
        return cls(file.resolve().parent / NAME)

    @property
    def run(self) -> Path:
        """Files that exist only while the platform runs: lock, socket, journal, heartbeats."""
        return self.root / "run"

    @property
    def lock(self) -> Path:
        """The lock that the supervisor holds until it ends."""
        return self.run / "supervisor.lock"

    @property
    def socket(self) -> Path:
        """The supervisor's socket. A long path does not fit into a socket name: see ``supervisor_socket``."""
        return self.run / "control.sock"

    @property
    def journal(self) -> Path:
        """The supervisor's list of running processes."""
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
        """Files that DAGs write for the user (TRADEWIND_OUTPUT)."""
        return self.root / "output"

    @property
    def secrets(self) -> Path:
        """Generated secrets, readable by the owner only."""
        return self.root / "secrets.json"

    @property
    def ports(self) -> Path:
        """The chosen ports, kept so that addresses are the same at each start."""
        return self.root / "ports.json"

    @property
    def broker(self) -> Path:
        """The broker's data."""
        return self.root / "broker"

    @property
    def dags(self) -> Path:
        """The DAG releases: the counterpart of the shared file system, EFS, on AWS."""
        return self.root / "dags"

    @property
    def controller(self) -> Path:
        """The commands to the controller, and their results."""
        return self.root / "controller"

    @property
    def unpacked(self) -> Path:
        """The unpacked DAG releases that the processes use, like a container's own disk on AWS."""
        return self.run / "unpacked"

    @property
    def done(self) -> Path:
        """The records of the one-shot tasks that have succeeded on the current database."""
        return self.root / "done"

    def database(self, kind: str) -> Path:
        """Return the data folder of the database server of that kind."""
        return self.root / f"database-{kind}"

    def create(self) -> None:
        """Create the folders. Only the owner can enter the root."""
        self.root.mkdir(mode=0o700, exist_ok=True)
        self.root.chmod(0o700)
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        for folder in (self.run, self.logs, self.task_logs, self.airflow, self.output, self.broker, self.done):
            folder.mkdir(mode=0o700, exist_ok=True)
        for folder in (self.dags, self.dags / "releases"):  # containers read them as another user
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)

    def full_disk(self, known: bool = False) -> TradewindError | None:
        """Return the error for a full disk, or None if there is enough space for the platform's files.

        ``known``: a program has already reported a full disk.
        """
        free = shutil.disk_usage(self.root).free
        if free >= ROOM_BYTES and not known:
            return None
        return TradewindError(
            f"the disk with {self.root} is full",
            f"{free / 1e6:.0f} MB are free, and the platform needs about 200 MB",
            "free some disk space, then tradewind up",
        )

    def clear_run(self) -> None:
        """Remove the files that exist only while the platform runs."""
        shutil.rmtree(self.run, ignore_errors=True)

    def forget_database(self, kind: str) -> Path:
        """Remove a database and the records of its one-shot tasks; returns the folder of the next database."""
        shutil.rmtree(self.database(kind), ignore_errors=True)
        shutil.rmtree(self.done, ignore_errors=True)
        self.done.mkdir(mode=0o700)
        return self.database(kind)

    def wipe(self) -> None:
        """Remove everything: metadata, logs, secrets."""
        shutil.rmtree(self.root, ignore_errors=True)
