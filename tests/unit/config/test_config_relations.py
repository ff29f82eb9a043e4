"""Each rule between settings: a configuration that breaks it, and one that does not."""

import ipaddress
from typing import Any

import pytest
from config_samples import VALID, problems
from hypothesis import assume, given
from hypothesis import strategies as st

DEV = "environments__dev__"
PROD = "environments__prod__"
SUBNETS = ["subnet-00000001", "subnet-00000002"]
VPC = {"id": "vpc-00000001", "public_subnets": SUBNETS, "private_subnets": SUBNETS, "data_subnets": SUBNETS}
OIDC = {"provider": "oidc", "issuer": "https://login.example.com", "client_id": "x", "client_secret": "oidc/secret"}
ONE = {"dev": VALID["environments"]["dev"]}


def schedule(**change: Any) -> dict[str, Any]:
    return {"name": "up", "cron": "0 6 * * mon-fri", "min": 1, "max": 2} | change


BROKEN: list[tuple[str, dict[str, Any]]] = [
    ("environments.dev.account", {DEV + "account": "nowhere"}),
    ("accounts.live.id", {"accounts__live__id": "111111111111"}),
    ("promotion", {"promotion": {}}),
    ("promotion.dev", {"promotion": {"dev": "nowhere"}}),
    ("promotion.nowhere", {"promotion": {"dev": "prod", "nowhere": "prod"}}),
    ("promotion.dev", {"promotion": {"dev": "prod", "prod": "dev"}}),
    ("promotion.dev", {"promotion": {"dev": "dev"}}),
    ("environments.prod.account", {PROD + "account": "main"}),
    ("environments.dev.account", {DEV + "account": "live"}),
    ("environments.prod.network.cidr", {PROD + "network": {"cidr": "10.0.4.0/22"}}),
    ("environments.dev.network.cidr", {DEV + "network": {}}),
    ("environments.dev.network.cidr", {DEV + "network__vpc": VPC}),
    ("environments.dev.network.vpc.data_subnets", {DEV + "network": {"vpc": VPC | {"data_subnets": SUBNETS[:1]}}}),
    ("environments.dev.network.vpc.data_subnets", {DEV + "network": {"vpc": VPC | {"data_subnets": SUBNETS[:1] * 2}}}),
    ("environments.dev.access.domain", {DEV + "access": {"domain": {"name": "a.example.com"}}}),
    ("environments.dev.identity.issuer", {DEV + "identity": {**OIDC, "issuer": None}}),
    ("environments.dev.identity.client_secret", {DEV + "identity": {**OIDC, "client_secret": None}}),
    ("environments.dev.identity.client_id", {DEV + "identity": {"client_id": "x"}}),
    ("environments.dev.scheduler.count", {DEV + "availability": "high", DEV + "web": {"min": 2}}),
    ("environments.dev.web.min", {DEV + "availability": "high", DEV + "scheduler": {"count": 2}}),
    ("environments.dev.web.memory_gb", {DEV + "web": {"cpu": 4, "memory_gb": 4}}),
    ("environments.dev.workers.default.memory_gb", {DEV + "workers": {"default": {"cpu": 8, "memory_gb": 18}}}),
    ("environments.dev.flower.max", {DEV + "flower": {"min": 2}}),
    ("environments.dev.web.desired", {DEV + "web": {"desired": 3}}),
    ("environments.dev.workers.default.desired", {DEV + "workers": {"default": {"min": 2, "desired": 1}}}),
    ("environments.dev.web.schedule[0].max", {DEV + "web": {"schedule": [schedule(min=3)]}}),
    ("environments.dev.web.schedule[1].name", {DEV + "web": {"schedule": [schedule(), schedule()]}}),
    ("environments.dev.workers.b.queues", {DEV + "workers": {"a": {"queues": ["b"]}, "b": {}}}),
    (
        "environments.dev.airflow.settings[operators.default_queue]",
        {DEV + "airflow": {"settings": {"operators.default_queue": "defualt"}}},
    ),
    (
        "environments.dev.airflow.settings[triggerer.queues_enabled]",
        {DEV + "airflow": {"settings": {"triggerer.queues_enabled": True}}},
    ),
    (
        "environments.dev-worker-web",
        {"environments__dev-worker-web": {"account": "main", "network": {"cidr": "10.9.0.0/16"}}}
        | {"promotion": {"dev": "prod", "dev-worker-web": "prod"}},
    ),
    ("local.environment", {"local": {"environment": "nowhere"}}),
    ("local.ports.flower", {"local": {"ports": {"web": 80, "flower": 80}}}),
]
VALID_CHANGES: list[dict[str, Any]] = [
    {},
    {"environments": ONE, "promotion": {}},
    # A single environment may have any address range.
    {"environments": {"dev": ONE["dev"] | {"account": "live"}}, "promotion": {}},
    {DEV + "network": {"vpc": VPC}},
    {PROD + "network": {"cidr": "192.168.0.0/22"}},
    {DEV + "access": {"domain": {"name": "a.example.com", "hosted_zone_id": "Z0123456789"}}},
    {DEV + "identity": OIDC},
    {DEV + "availability": "high", DEV + "web": {"min": 2}, DEV + "scheduler": {"count": 2}},
    {DEV + "web": {"cpu": 4, "memory_gb": 8, "min": 1, "desired": 2, "max": 2}},
    {DEV + "web": {"schedule": [schedule(), schedule(name="down")]}},
    {DEV + "workers": {"a": {"queues": ["x", "y"]}, "b": {}}},
    {DEV + "workers": {"a": {"queues": ["x"]}}, DEV + "airflow": {"settings": {"operators.default_queue": "x"}}},
    {DEV + "airflow": {"settings": {"triggerer.queues_enabled": "False"}}},
    {"local": {"environment": "prod", "ports": {"web": 80, "flower": 81}}},
    # Names of workers share the account, and collide only with the dash.
    {
        "environments__prod-worker": {"account": "main", "network": {"cidr": "10.9.0.0/16"}},
        "promotion": {"dev": "prod", "prod-worker": "prod"},
    },
    {
        "environments__dev-workers": {"account": "main", "network": {"cidr": "10.9.0.0/16"}},
        "promotion": {"dev": "prod", "dev-workers": "prod"},
    },
]


@pytest.mark.parametrize(("path", "change"), BROKEN, ids=[f"{n}-{path}" for n, (path, _) in enumerate(BROKEN)])
def test_a_broken_rule_is_reported_at_its_key(path: str, change: dict[str, Any]) -> None:
    found = problems(**change)

    assert list(found) == [path]
    assert "input" not in found[path].lower()


@pytest.mark.parametrize("change", VALID_CHANGES, ids=str)
def test_a_rule_that_holds(change: dict[str, Any]) -> None:
    assert problems(**change) == {}


ranges = st.builds(
    lambda second, third, length: ipaddress.IPv4Network(f"10.{second}.{third}.0/{length}", strict=False),
    st.integers(0, 3),
    st.integers(0, 255),
    st.integers(16, 22),
)


@given(ranges, ranges)
def test_ranges_of_environments_never_overlap(one: ipaddress.IPv4Network, two: ipaddress.IPv4Network) -> None:
    common = {int(one[0]), int(one[-1])} & set(range(int(two[0]), int(two[-1]) + 1)) or (
        {int(two[0])} & set(range(int(one[0]), int(one[-1]) + 1))
    )
    found = problems(**{DEV + "network": {"cidr": str(one)}, PROD + "network": {"cidr": str(two)}})

    assert bool(found) == bool(common)


@given(ranges, ranges)
def test_overlap_does_not_depend_on_the_order(one: ipaddress.IPv4Network, two: ipaddress.IPv4Network) -> None:
    assume(one != two)
    there = problems(**{DEV + "network": {"cidr": str(one)}, PROD + "network": {"cidr": str(two)}})
    back = problems(**{DEV + "network": {"cidr": str(two)}, PROD + "network": {"cidr": str(one)}})

    assert bool(there) == bool(back)
