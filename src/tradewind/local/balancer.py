"""The load balancer of one machine: HAProxy in front of the copies of web and Flower, like the ALB on AWS.

Its configuration never changes while it runs. Each service has a fixed set of ports. A new copy takes a free port, and
HAProxy's health checks find the ports in use. HAProxy retries a refused connection at another copy, so that clients do
not notice when a copy stops.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tradewind.blueprint import HttpCheck, Service
from tradewind.errors import ExitCode, TradewindError
from tradewind.local.paths import StateDirectory
from tradewind.local.ports import HOST
from tradewind.local.probes import HttpProbe
from tradewind.local.process import ProcessSpec
from tradewind.local.secrets import write_private

NAME = "load-balancer"
PLACES = 4
"""Ports for the copies of one service: two for the copies that serve, and two for the copies that replace them."""
_ALIVE = "/load-balancer-alive"


@dataclass(frozen=True)
class Balanced:
    """A service behind the load balancer: its public port, and the ports of its copies."""

    service: Service
    port: int
    places: tuple[int, ...]


def program() -> str | None:
    """Return the path of HAProxy, or None if it is not installed."""
    return shutil.which("haproxy", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


def spec(state_dir: StateDirectory, balanced: tuple[Balanced, ...], env: Mapping[str, str]) -> ProcessSpec:
    """Return the HAProxy process for these services."""
    haproxy = program()
    if haproxy is None:
        raise TradewindError(
            "several copies of web need a load balancer",
            "local.web is more than 1, and there is no haproxy in the PATH",
            "on Debian and Ubuntu: apt install haproxy",
            code=ExitCode.USAGE,
        )
    file = Path(state_dir.run) / "haproxy.cfg"
    write_private(file, configuration(balanced))
    return ProcessSpec(
        name=NAME,
        service=NAME,
        argv=(haproxy, "-db", "-f", str(file)),
        env=env,
        log=state_dir.logs / f"{NAME}.log",
        probe=HttpProbe(balanced[0].port, _ALIVE),
    )


def configuration(balanced: tuple[Balanced, ...]) -> str:
    """Return HAProxy's configuration."""
    lines = [
        "global",
        "    maxconn 2000",
        "defaults",
        "    mode http",
        "    timeout connect 2s",
        "    timeout client 120s",
        "    timeout server 120s",
        # A copy that has stopped refuses at once. A copy that is slow on a busy machine has not stopped.
        "    timeout check 10s",
        "    option forwardfor",
        # One connection to a copy for each request: a copy could close a kept connection when the next request comes.
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
            # Only a GET is safe to send twice. Other requests are sent again only if the connection was refused.
            "    http-request disable-l7-retry if !METH_GET",
            *(["    cookie COPY insert indirect nocache"] if entry.service.sticky else []),
        ]
        for number, port in enumerate(entry.places, 1):
            cookie = f" cookie {number}" if entry.service.sticky else ""
            # One refused connection marks a copy as down. A copy that has stopped has the fewest connections, so
            # leastconn would send the next attempts of every request to it until the health checks fail.
            checks = "check inter 1s fall 3 rise 1 observe layer4 error-limit 1 on-error mark-down"
            lines.append(f"    server {name}-{number} {HOST}:{port} {checks}{cookie}")
    return "\n".join(lines) + "\n"
