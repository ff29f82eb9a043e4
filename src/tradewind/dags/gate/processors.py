"""How many processors there are for this process: those it may run on, and what its container may use of them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


def available(root: Path = Path("/")) -> int:
    """At least 1. ``root`` is where ``/proc`` and ``/sys`` are.

    A container with a quota sees every processor of its host.
    https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max),
    https://docs.kernel.org/scheduler/sched-bwc.html (cpu.cfs_quota_us).
    """
    quota = min(_quotas(root), default=math.inf)
    return max(1, min(len(os.sched_getaffinity(0)), math.ceil(quota) if quota < math.inf else os.cpu_count() or 1))


def _quotas(root: Path) -> Iterator[float]:
    """Processors that this process, its group, and each group above it may use; nothing where there is no limit."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            top, names = root / "sys/fs/cgroup", ["cpu.max"]
        elif "cpu" in controllers.split(","):
            top, names = root / "sys/fs/cgroup/cpu", ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
        else:
            continue
        group = Path(os.path.normpath("/" + path.lstrip("/")))
        for folder in (group, *group.parents):  # in a container, the path may be one that is only there outside of it
            yield from _quota(top / folder.relative_to("/"), names)


def _quota(folder: Path, names: list[str]) -> Iterator[float]:
    try:
        quota, period = " ".join((folder / name).read_text() for name in names).split()
        if int(quota) > 0:
            yield int(quota) / int(period)
    except (OSError, ValueError):  # "max", or none
        return
