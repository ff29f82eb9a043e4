"""Health probes. Each probe is a frozen record with one blocking method; none starts a Python process."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Verdict:
    """The result of a probe. ``well`` is None if the probe cannot tell: unknown is neither healthy nor unhealthy."""

    well: bool | None
    problem: str = ""


WELL = Verdict(True)


class Probe(Protocol):
    """Checks one process from outside."""

    def look(self, started_at: float) -> Verdict:
        """Check once. ``started_at``: the time at which the process started (Unix time)."""
        ...


@dataclass(frozen=True)
class HttpProbe:
    """Healthy if GET returns status 200."""

    port: int
    path: str
    host: str = "127.0.0.1"

    def look(self, started_at: float) -> Verdict:
        """See Probe."""
        status, _ = _get(self.host, self.port, self.path)
        if not status:
            return Verdict(False, f"no response on port {self.port}")
        return WELL if status == 200 else Verdict(False, f"HTTP {status}")


@dataclass(frozen=True)
class JobProbe:
    """Healthy if Airflow's health report has a heartbeat of ``component`` that is newer than the process."""

    port: int
    component: str
    host: str = "127.0.0.1"

    def look(self, started_at: float) -> Verdict:
        """See Probe."""
        status, body = _get(self.host, self.port, "/api/v2/monitor/health")
        if status != 200:
            return Verdict(None, "web, which reports its heartbeat, does not answer")
        try:
            health = json.loads(body)
            report = health[self.component]
            heartbeat = report[f"latest_{self.component}_heartbeat"]
        except (ValueError, KeyError, TypeError):
            return Verdict(None, "the health report has no such component")
        if health.get("metadatabase", {}).get("status") != "healthy":
            return Verdict(None, "web, which reports its heartbeat, has no database")
        if not heartbeat or datetime.fromisoformat(heartbeat).timestamp() < started_at:
            return Verdict(False, "no heartbeat yet")
        return WELL if report["status"] == "healthy" else Verdict(False, f"last heartbeat at {heartbeat}")


@dataclass(frozen=True)
class FileProbe:
    """Healthy while the process touches the file at least every ``max_age_s`` seconds."""

    path: Path
    max_age_s: float

    def look(self, started_at: float) -> Verdict:
        """See Probe."""
        try:
            touched = self.path.stat().st_mtime
        except OSError:
            return Verdict(False, "no heartbeat yet")
        if touched < started_at:
            return Verdict(False, "no heartbeat yet")
        age = time.time() - touched
        return WELL if age <= self.max_age_s else Verdict(False, f"no heartbeat for {age:.0f} s")


@dataclass(frozen=True)
class TcpProbe:
    """Healthy if the response to ``send`` on ``port`` begins with one of the ``expect`` prefixes."""

    port: int
    send: bytes
    expect: tuple[bytes, ...]
    host: str = "127.0.0.1"

    def look(self, started_at: float) -> Verdict:
        """See Probe."""
        try:
            with socket.create_connection((self.host, self.port), timeout=TIMEOUT_S) as connection:
                connection.sendall(self.send)
                answer = connection.recv(64)
        except OSError:
            return Verdict(False, f"no response on port {self.port}")
        if answer.startswith(self.expect):
            return WELL
        return Verdict(False, "not ready: " + answer.decode("latin-1").strip()[:60])


@dataclass(frozen=True)
class CommandProbe:
    """Healthy if a small native program exits with 0."""

    argv: tuple[str, ...]

    def look(self, started_at: float) -> Verdict:
        """See Probe."""
        try:
            result = subprocess.run(self.argv, capture_output=True, timeout=TIMEOUT_S, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            return Verdict(False, str(error))
        if result.returncode == 0:
            return WELL
        return Verdict(False, result.stdout.decode(errors="replace").strip() or "not ready")


def _get(host: str, port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
