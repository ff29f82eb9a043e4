"""The figures on the page about cost follow from the example configurations and from the prices that it states."""

from __future__ import annotations

import re

import blocks
import pytest
from blocks import DOCS, ROOT

from tradewind import config
from tradewind.blueprint import Service, services
from tradewind.config import Environment
from tradewind.operations.network_design import designed_paths

PAGE = DOCS / "concepts/cost.md"
TEXT = " ".join(PAGE.read_text().split())
HOURS = 730
SMALL = config.load(ROOT / "tradewind.yaml").environment("dev")
LARGE = config.load(ROOT / "examples/large/tradewind.yaml").environment("prod")
TABLES = [("The small example: dev", SMALL), ("The large example: prod", LARGE)]
PRICES = {name: (float(cpu), float(gb)) for name, cpu, gb in blocks.cells(PAGE, "The prices of this page")}


def monthly(service: Service, copies: float, architecture: str) -> float:
    """USD a month for some copies of a service, at the prices of the page."""
    cpu, gb = PRICES[architecture]
    return copies * (service.cpu * cpu + service.memory_gb * gb) * HOURS


def at_least(environment: Environment, architecture: str) -> float:
    """USD a month for the smallest number of copies of all services."""
    return sum(monthly(s, s.counts.min, architecture) for s in services(environment) if not s.one_shot)


def usd(amount: float) -> str:
    """An amount as the page writes it."""
    return f"{amount:,.2f}"


@pytest.mark.parametrize(("heading", "environment"), TABLES)
def test_a_table_is_that_of_the_blueprint(heading: str, environment: Environment) -> None:
    expected, low, high = [], 0.0, 0.0
    for service in services(environment):
        if service.one_shot:
            continue
        counts = service.counts
        costs = [monthly(service, copies, environment.architecture) for copies in (counts.min, counts.max)]
        low, high = low + costs[0], high + costs[1]
        sizes = [str(counts.min), str(counts.max), f"{service.cpu:g}", f"{service.memory_gb:g}"]
        expected.append([service.name, *sizes, *map(usd, costs)])
    assert blocks.cells(PAGE, heading) == [*expected, ["total", "", "", "", "", usd(low), usd(high)]]


def test_the_other_architecture_costs_what_the_page_says() -> None:
    assert SMALL.architecture == LARGE.architecture == "arm64"
    other = at_least(SMALL, "x86_64")
    assert f"`architecture: x86_64` costs {usd(other)} USD" in TEXT
    assert round(other / at_least(SMALL, "arm64"), 2) == 1.25
    assert "`x86_64` costs a quarter more" in TEXT


def test_the_schedule_costs_what_the_page_says() -> None:
    (worker,) = (service for service in services(LARGE) if service.name == "worker")
    begins, ends = worker.schedule
    assert (begins.cron, ends.cron) == ("45 0 * * *", "0 7 * * *")
    assert ends.min == worker.counts.min
    more = begins.min - worker.counts.min
    extra = monthly(worker, more, LARGE.architecture) * 6.25 / 24
    assert f"at least {begins.min} workers run instead of {worker.counts.min}" in TEXT
    assert f"{more} workers × " in TEXT
    assert f"= {usd(extra)} USD a month" in TEXT
    assert f"at least {usd(at_least(LARGE, LARGE.architecture) + extra)} USD a month" in TEXT


def test_the_example_of_the_arithmetic_is_right() -> None:
    (scheduler,) = (service for service in services(SMALL) if service.name == "scheduler")
    cpu, gb = PRICES[SMALL.architecture]
    total = usd(monthly(scheduler, 1, SMALL.architecture))
    assert f"1 × ({scheduler.cpu:g} × {cpu} + {scheduler.memory_gb:g} × {gb}) × {HOURS} = {total} USD" in TEXT
    (worker,) = (service for service in services(SMALL) if service.name == "worker")
    assert f"this saves {usd(monthly(worker, worker.counts.min, SMALL.architecture))} USD a month" in TEXT


def test_the_sizes_of_what_is_not_included_are_those_of_the_examples() -> None:
    rows = {row[0]: row[1:] for row in blocks.cells(PAGE, "What is not included")}
    for column, environment in enumerate((SMALL, LARGE)):
        database, broker = environment.database, environment.broker
        standby = ", with a standby in a second zone" if environment.multi_az else ""
        assert rows["RDS for MySQL"][column] == f"`{database.instance_class}`, {database.storage_gb} GB{standby}"
        assert rows["backups of RDS"][column] == f"{database.backup_days} days, and manual snapshots"
        nodes = environment.broker_replicas + 1
        plural = "s" if nodes > 1 else ""
        assert rows["ElastiCache (Valkey)"][column] == f"{nodes} node{plural} of `{broker.node_type}`"
        gateways = environment.network.zones if environment.nat_per_zone else 1
        assert rows["NAT gateways, with a public address each"][column] == f"{gateways}, and the traffic"
        interfaces = {path for path in designed_paths(environment) if path.as_dict()["to"].startswith("aws ")}
        endpoints = rows["VPC endpoints"][column]
        if interfaces:
            assert endpoints.startswith(f"{len(interfaces)} interface endpoints in {environment.network.zones} zones")
        else:
            assert not re.search(r"\d interface", endpoints)
        assert f"logs for {environment.logs.retention_days} days" in rows["CloudWatch"][column]
