"""The number of processors for this process: those it may run on, within the quota of its container."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


def available(root: Path = Path("/")) -> int:
    """The number of processors, at least 1. ``root``: the folder of ``/proc`` and ``/sys``.

    A container with a quota still sees every processor of its host.
    https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max),
    https://docs.kernel.org/scheduler/sched-bwc.html (cpu.cfs_quota_us).
    """
    quota = min(_quotas(root), default=math.inf)
    return max(1, min(len(os.sched_getaffinity(0)), math.ceil(quota) if quota < math.inf else os.cpu_count() or 1))


def _quotas(root: Path) -> Iterator[float]:
    """The processors that the cgroup of this process and each cgroup above may use; nothing if there is no limit."""
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
        for folder in (group, *group.parents):  # in a container, the path may exist only on the host
            yield from _quota(top / folder.relative_to("/"), names)


def _quota(folder: Path, names: list[str]) -> Iterator[float]:
    try:
        quota, period = " ".join((folder / name).read_text() for name in names).split()
        if int(quota) > 0:
            yield int(quota) / int(period)
    except (OSError, ValueError):  # "max", or no such file
        return
