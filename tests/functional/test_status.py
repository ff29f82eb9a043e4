"""``tradewind status`` of a running platform, healthy or unhealthy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fake_platform
import pytest
from fake_platform import Airflow
from played_run import command

ROW: dict[str, Any] = {
    "name": "web",
    "service": "web",
    "state": "healthy",
    "problem": "",
    "pid": 42,
    "uptime_s": 61.0,
    "cpu_s": 1.5,
    "memory_mb": 200.0,
    "restarts": 0,
    "url": "",
}


@pytest.mark.parametrize(
    ("healthy", "row", "remarks", "code", "said"),
    [
        (True, ROW, [], 0, ""),
        (True, ROW, ["x waits"], 0, "note: x waits\n"),
        (False, {**ROW, "state": "starting"}, [], 3, ""),
        (False, {**ROW, "state": "unhealthy", "problem": "HTTP 503"}, [], 3, "web: HTTP 503\n"),
    ],
)
def test_its_exit_code_says_whether_all_is_well(
    healthy: bool, row: dict[str, Any], remarks: list[str], code: int, said: str, checkout: Path
) -> None:
    airflow = Airflow(status={"healthy": healthy, "processes": [row], "remarks": remarks})
    with fake_platform.running(checkout, airflow):
        shown = command(checkout, "status")
        document = command(checkout, "status", "--json")

    assert (shown.code, shown.err) == (code, said)
    header, line = shown.out.splitlines()
    assert header.split() == ["SERVICE", "STATE", "PID", "UPTIME", "CPU", "MEMORY", "RESTARTS", "URL"]
    assert line.split() == ["web", row["state"], "42", "61", "s", "1.5", "s", "200", "MB", "0", "-"]
    assert document.code == code
    assert json.loads(document.out)["processes"] == [row]
