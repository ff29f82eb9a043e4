"""The times on the page about resilience agree with the code."""

from __future__ import annotations

import re

import pytest
from blocks import DOCS, ROOT

from tradewind.blueprint import KERNEL
from tradewind.blueprint.services import RETIREMENT_NOTICE_S
from tradewind.blueprint.settings import API_TIMEOUT_S, RETRY_WAIT_MAX_S
from tradewind.config import Local
from tradewind.runtime.controller.metrics import EVERY_S
from tradewind.runtime.database.limits import ANSWER_S, BACK_S
from tradewind.runtime.tasks import broker, consumer, pause

PAGE = (DOCS / "concepts/resilience.md").read_text()
COMPARE_S = float(
    re.findall(r"^COMPARE_S = (.*)", (ROOT / "src/tradewind/runtime/tasks/executor.py").read_text(), re.M)[0]
)
"""Read from the source: an import would load Airflow, which keeps the AIRFLOW_HOME of that moment for good."""
RTO_S = 0.2
"""TCP_RTO_MIN of Linux: the minimum of the first pause, which then doubles."""
FIGURES = {
    "silent": ((2 << int(KERNEL["net.ipv4.tcp_retries2"])) - 1) * RTO_S,
    "waiting": int(KERNEL["net.ipv4.tcp_keepalive_time"])
    + int(KERNEL["net.ipv4.tcp_keepalive_intvl"]) * int(KERNEL["net.ipv4.tcp_keepalive_probes"]),
}


@pytest.mark.parametrize(
    "words",
    [
        f"`local.outage_tolerance_s`: {Local().outage_tolerance_s} s by default",
        f"| {broker.TIMEOUT_S:.0f} s | Each request to the broker fails",
        f"| {2 * broker.CHECK_S + 1} s | Idle workers have noticed",
        f"tries to reach it every {consumer.RETRY_S:.0f} s",
        f"then every {pause.LONGEST_S:.0f} s, without a limit",
        f"Within {pause.LONGEST_S:.0f} s the scheduler sends a task again",
        f"| {2 * COMPARE_S / 60:.0f} min later | Tasks whose results",
        f"| {2 * EVERY_S / 60:.0f} min | The alarm `broker-connection`",
        f"are repeated after {RETRY_WAIT_MAX_S:.0f} s at most",
        f"| {FIGURES['silent']:.0f} s | The kernel of each container ends connections with unacknowledged requests",
        f"after {FIGURES['waiting']} s also connections that wait",
        f"| {ANSWER_S} s | A client gives up a statement",
        f"call that gets no response within {API_TIMEOUT_S} s is repeated",
        f"Triggerers take new triggers after {BACK_S:.0f} s",
    ],
)
def test_a_time_is_that_of_the_code(words: str) -> None:
    assert words in PAGE


def test_workers_are_replaced_after_the_days_that_it_says() -> None:
    assert "workers that have run for six days" in PAGE
    assert 5.5 < (RETIREMENT_NOTICE_S - 24 * 3600) / 86_400 <= 6


def test_the_alarms_come_when_it_says() -> None:
    text = (ROOT / "terraform/modules/observability/alarms.tf").read_text()

    def periods(group: str) -> int:
        return int(re.findall(rf"{group} = .*?periods *= (\d+)", text, re.S)[0])

    assert f"| {periods('connection_alarms')} min | The alarm `database-connection`" in PAGE
    heartbeats = periods("heartbeat_alarms")
    assert f"| {heartbeats} min | The alarms `scheduler-heartbeat`" in PAGE
    assert f"only one of these is silent, after {heartbeats + 2} min" in PAGE
    assert "threshold   = 120" in text


def test_the_load_balancer_looks_as_often_as_it_says() -> None:
    text = (ROOT / "terraform/modules/load-balancer/main.tf").read_text()
    interval, fails = (int(re.findall(rf"{key} *= (\d+)", text)[0]) for key in ("interval", "unhealthy_threshold"))
    assert f"After {interval * fails} s the load balancer" in PAGE
