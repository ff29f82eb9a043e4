"""The load balancer of one machine: HAProxy in front of the copies of web and Flower, as the ALB is on AWS.

Its configuration never changes while it runs. Each service has a few places, with a port each; a copy that comes takes
a free place, and HAProxy sees by its health checks which places are taken. So that nobody notices when a copy goes, a
connection that is refused is tried again at another copy.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tradewind.blueprint import HttpCheck, Service
from tradewind.errors import ExitCode, TradewindError
from tradewind.local.paths import Home
from tradewind.local.ports import HOST
from tradewind.local.probes import HttpProbe
from tradewind.local.process import ProcessSpec
from tradewind.local.secrets import write_private

NAME = "load-balancer"
PLACES = 4
"""Copies of one service that can be there at once: two that serve, and two that take their places."""
_ALIVE = "/load-balancer-alive"


@dataclass(frozen=True)
class Balanced:
    """A service behind the load balancer: the port that everybody knows, and those of its places."""

    service: Service
    port: int
    places: tuple[int, ...]


def program() -> str | None:
    """HAProxy, where it is installed."""
    return shutil.which("haproxy", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


def spec(home: Home, balanced: tuple[Balanced, ...], env: Mapping[str, str]) -> ProcessSpec:
    """HAProxy for these services."""
    haproxy = program()
    if haproxy is None:
        raise TradewindError(
            "several copies of web need a load balancer",
            "local.web is more than 1, and there is no haproxy in the PATH",
            "on Debian and Ubuntu: apt install haproxy",
            code=ExitCode.USAGE,
        )
    file = Path(home.run) / "haproxy.cfg"
    write_private(file, configuration(balanced))
    return ProcessSpec(
        name=NAME,
        service=NAME,
        argv=(haproxy, "-db", "-f", str(file)),
        env=env,
        log=home.logs / f"{NAME}.log",
        probe=HttpProbe(balanced[0].port, _ALIVE),
    )


def configuration(balanced: tuple[Balanced, ...]) -> str:
    """HAProxy's configuration."""
    lines = [
        "global",
        "    maxconn 2000",
        "defaults",
        "    mode http",
        "    timeout connect 2s",
        "    timeout client 120s",
        "    timeout server 120s",
        # A copy that is gone refuses at once. One that is slow, on a machine with much to do, is not gone.
        "    timeout check 10s",
        "    option forwardfor",
        # A connection of its own for each request: none that a copy closes just when the next request comes.
        "    option http-server-close",
        "    retries 5",
        "    option redispatch 1",
        "    retry-on conn-failure empty-response",
    ]
    for entry in balanced:
        name = entry.service.name
        check = entry.service.health.path if isinstance(entry.service.health, HttpCheck) else "/"
        lines += [
            f"frontend {name}",
            f"    bind {HOST}:{entry.port}",
            f"    monitor-uri {_ALIVE}",
            f"    default_backend {name}",
            f"backend {name}",
            "    balance leastconn",
            f"    option httpchk GET {check}",
            "    http-check expect status 200",
            # Only what can be done twice is sent twice; a refused connection can, whatever was to be sent.
            "    http-request disable-l7-retry if !METH_GET",
            *(["    cookie COPY insert indirect nocache"] if entry.service.sticky else []),
        ]
        for number, port in enumerate(entry.places, 1):
            cookie = f" cookie {number}" if entry.service.sticky else ""
            # One refused connection takes a copy out at once. It has the fewest connections of all, so the next
            # attempts of every request would go there, until the checks have seen it.
            checks = "check inter 1s fall 3 rise 1 observe layer4 error-limit 1 on-error mark-down"
            lines.append(f"    server {name}-{number} {HOST}:{port} {checks}{cookie}")
    return "\n".join(lines) + "\n"
