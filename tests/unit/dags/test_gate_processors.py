"""The number of CPUs that the gate uses in containers, whose quotas the operating system does not count."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tradewind.dags.gate.processors import available


@pytest.fixture(autouse=True)
def _host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    monkeypatch.setattr(os, "cpu_count", lambda: 64)


def machine(root: Path, group: str, **files: str) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(group)
    for name, content in files.items():
        file = root / "sys/fs/cgroup" / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return root


@pytest.mark.parametrize(
    ("group", "files", "processors"),
    [
        ("0::/\n", {}, 16),
        ("0::/\n", {"cpu_dot_max": "max 100000\n"}, 16),
        ("0::/\n", {"cpu_dot_max": "250000 100000\n"}, 3),
        ("0::/\n", {"cpu_dot_max": "50000 100000\n"}, 1),
        ("0::/\n", {"cpu_dot_max": "9900000 100000\n"}, 16),
        ("0::/pod/job\n", {"pod__job__cpu_dot_max": "max 100000", "pod__cpu_dot_max": "400000 100000"}, 4),
        # The container mounts its own control group; the path is the path on the host.
        ("0::/../../docker/x\n", {"cpu_dot_max": "200000 100000\n"}, 2),
        (
            "4:cpu,cpuacct:/docker/x\n1:name=systemd:/docker/x\n",
            {"cpu__cpu_dot_cfs_quota_us": "200000\n", "cpu__cpu_dot_cfs_period_us": "100000\n"},
            2,
        ),
        (
            "4:cpu,cpuacct:/\n",
            {"cpu__cpu_dot_cfs_quota_us": "-1\n", "cpu__cpu_dot_cfs_period_us": "100000\n"},
            16,
        ),
    ],
)
def test_a_quota_counts(tmp_path: Path, group: str, files: dict[str, str], processors: int) -> None:
    assert available(machine(tmp_path, group, **files)) == processors


def test_where_there_are_no_groups(tmp_path: Path) -> None:
    assert available(tmp_path) == 16
