"""How a service becomes a process: a program of this virtual environment, or a container of its image."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tradewind.blueprint import Access, Component, Service
from tradewind.blueprint.containers import DAGS, UNPACKED, WORK
from tradewind.errors import ExitCode, TradewindError
from tradewind.local.paths import StateDirectory

OUTPUT = "/opt/airflow/output"
HEARTBEAT_DIR = "/run/tradewind"
CONTAINER_USER = (50000, 0)
"""User and group of Airflow's images, and of Tradewind's."""

STATE_LABEL = "dev.tradewind.state-dir"


@dataclass(frozen=True)
class Places:
    """The folders of a service, with the paths that the service uses."""

    airflow: str
    dags: str
    unpacked: str
    task_logs: str
    dag_logs: str
    output: str
    heartbeat: str


class Runtime(Protocol):
    """How one machine runs a service: as a program or as a container."""

    def places(self, name: str) -> Places:
        """Return the folders of the process ``name``."""

    def heartbeat(self, name: str) -> Path:
        """Return the path at which the supervisor finds the heartbeat of the process ``name``."""

    def argv(self, service: Service, name: str, image: str, variables: Iterable[str]) -> tuple[str, ...]:
        """Return the command of ``service`` as ``name``; ``variables`` are the names of the service's own variables."""

    def identity(self, image: str) -> str:
        """Return the identity of the code: it changes if the same command may behave differently."""

    def clean_up(self) -> None:
        """Remove containers that ended processes have left."""


@dataclass(frozen=True)
class Programs:
    """Programs of this virtual environment."""

    state_dir: StateDirectory
    versions: str

    def places(self, name: str) -> Places:
        """See Runtime."""
        return Places(
            airflow=str(self.state_dir.airflow),
            dags=str(self.state_dir.dags),
            unpacked=str(self.state_dir.unpacked),
            task_logs=str(self.state_dir.task_logs),
            dag_logs=str(self.state_dir.logs / "dag-files"),
            output=str(self.state_dir.output),
            heartbeat=str(self.heartbeat(name)),
        )

    def heartbeat(self, name: str) -> Path:
        """See Runtime."""
        return self.state_dir.run / f"{name}.heartbeat"

    def argv(self, service: Service, name: str, image: str, variables: Iterable[str]) -> tuple[str, ...]:
        """See Runtime."""
        command = service.command + service.without_log_server
        if command[0] == "python":
            return (sys.executable, *command[1:])
        return (str(Path(sys.executable).parent / command[0]), *command[1:])

    def identity(self, image: str) -> str:
        """See Runtime."""
        return self.versions

    def clean_up(self) -> None:
        """See Runtime."""


@dataclass(frozen=True)
class Containers:
    """Containers of podman, with the same limits as on ECS: read-only root, no capabilities, not root."""

    state_dir: StateDirectory

    def places(self, name: str) -> Places:
        """See Runtime."""
        return Places(
            airflow=WORK,
            dags=DAGS,
            unpacked=UNPACKED,
            task_logs=f"{WORK}/logs",
            dag_logs=f"{WORK}/dag-files",
            output=OUTPUT,
            heartbeat=f"{HEARTBEAT_DIR}/heartbeat",
        )

    def heartbeat(self, name: str) -> Path:
        """See Runtime."""
        return self._heartbeat_dir(name) / "heartbeat"

    def argv(self, service: Service, name: str, image: str, variables: Iterable[str]) -> tuple[str, ...]:
        """See Runtime. No argument has the value of a variable: podman takes the values from its own environment."""
        argv = ["podman", "run", "--rm", "--replace", "--name", self._container(name), "--pull", "never"]
        argv += ["--label", f"{STATE_LABEL}={self.state_dir.root}", "--network", "host", "--log-driver", "none"]
        argv += ["--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"]
        argv += ["--image-volume", "ignore", "--tmpfs", "/tmp:rw,mode=1777", "--tmpfs", f"{WORK}:rw,mode=1777"]  # noqa: S108
        argv += self._user()
        for source, target, mode in self._mounts(service, name):
            argv += ["--volume", f"{source}:{target}:{mode}"]
        for variable in sorted(variables):
            argv += ["--env", variable]
        return (*argv, image, *service.command, *service.without_log_server)

    def identity(self, image: str) -> str:
        """See Runtime."""
        return image

    def clean_up(self) -> None:
        """See Runtime. Podman does not remove a container if its ``podman run`` was killed."""
        found = subprocess.run(  # noqa: S603
            ["podman", "ps", "--all", "--quiet", "--filter", f"label={STATE_LABEL}={self.state_dir.root}"],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        if found:
            subprocess.run(["podman", "rm", "--force", *found], capture_output=True, check=False)  # noqa: S603, S607

    def _mounts(self, service: Service, name: str) -> list[tuple[Path, str, str]]:
        mounts = [(_given(self._heartbeat_dir(name)), HEARTBEAT_DIR, "rw")]
        if service.dags is not Access.NONE:
            mounts.append((self.state_dir.dags, DAGS, "ro"))
        if service.task_logs is not Access.NONE:
            mode = "rw" if service.task_logs is Access.WRITE else "ro"
            mounts.append((_given(self.state_dir.task_logs), f"{WORK}/logs", mode))
        if service.component is Component.WORKER:
            mounts.append((_given(self.state_dir.output), OUTPUT, "rw"))
        return mounts

    def _user(self) -> list[str]:
        uid, gid = CONTAINER_USER
        if os.geteuid() == 0:
            return ["--user", f"{uid}:{gid}"]
        return ["--userns", "keep-id", "--user", f"{os.geteuid()}:{gid}"]

    def _heartbeat_dir(self, name: str) -> Path:
        return self.state_dir.run / "heartbeat" / name

    def _container(self, name: str) -> str:
        # Each checkout has its own names.
        return f"tradewind-{self.state_dir.root.stat().st_ino:x}-{name}"


def check_podman() -> None:
    """Raise TradewindError if containers cannot be run."""
    if not shutil.which("podman"):
        raise TradewindError(
            "containers cannot be run",
            "there is no podman in the PATH",
            "on Debian and Ubuntu: apt install podman; or tradewind up without --containers",
            code=ExitCode.USAGE,
        )


def _given(folder: Path) -> Path:
    """Create a folder that the containers' user may write to, and give the user the existing files."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.geteuid() == 0:
        for place in (folder, *folder.rglob("*")):
            os.chown(place, *CONTAINER_USER, follow_symlinks=False)
    return folder
