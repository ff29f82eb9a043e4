from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from samples import LARGE, ROOT, SMALL
from tradewind.blueprint import Secret
from tradewind.config import Tradewind
from tradewind.errors import TradewindError
from tradewind.infrastructure.stack import Stack, account_stack, bootstrap_stack, environment_stack
from tradewind.infrastructure.target_account import state_bucket

GOLDEN = Path(__file__).parent / "golden"
RENDERED = [
    pytest.param(environment_stack(LARGE, "prod"), id="environment-prod"),
    pytest.param(environment_stack(LARGE, "staging"), id="environment-staging"),
    pytest.param(account_stack(LARGE, "production"), id="account-production"),
    pytest.param(bootstrap_stack(LARGE, "production"), id="bootstrap-production"),
]


@pytest.mark.parametrize("stack", RENDERED)
def test_as_it_stands_beside(stack: Stack, request: pytest.FixtureRequest) -> None:
    assert_stands_in(GOLDEN / f"{request.node.callspec.id}.tfvars.json", stack)


@pytest.mark.parametrize(
    "stack",
    [
        bootstrap_stack(SMALL, "non-production"),
        account_stack(SMALL, "non-production"),
        environment_stack(SMALL, "dev"),
    ],
    ids=lambda stack: str(stack.kind),
)
def test_the_examples_for_plain_terraform(stack: Stack) -> None:
    assert_stands_in(ROOT / f"terraform/examples/{stack.kind}.tfvars.json", stack)


def assert_stands_in(file: Path, stack: Stack) -> None:
    made = json.dumps(stack.variables, indent=2, sort_keys=True) + "\n"
    if os.environ.get("TRADEWIND_REWRITE_GOLDEN"):
        file.write_text(made)
    assert made == file.read_text()


@pytest.mark.parametrize("tradewind", [SMALL, LARGE])
def test_secrets_are_names(tradewind: Tradewind) -> None:
    known = {secret.value for secret in Secret}
    for name in tradewind.environments:
        for service in environment_stack(tradewind, name).variables["services"].values():
            assert set(service["secrets"].values()) <= known


def test_each_stack_has_a_state_of_its_own() -> None:
    stacks = [
        *(environment_stack(LARGE, name) for name in LARGE.environments),
        *(account_stack(LARGE, name) for name in LARGE.accounts),
        *(bootstrap_stack(LARGE, name) for name in LARGE.accounts),
    ]
    assert len({(stack.account.state_bucket, stack.key) for stack in stacks}) == len(stacks)
    assert {stack.account.id for stack in stacks} == {account.id for account in LARGE.accounts.values()}


def test_the_longest_bucket_name_fits() -> None:
    # S3 allows 63 characters; the longest names of regions have 14.
    assert len(state_bucket("t" * 20, "1" * 12, "ap-southeast-1")) <= 63


@pytest.mark.parametrize(
    ("make", "name", "hint"),
    [
        (environment_stack, "prd", "environments: dev, staging, pre-prod, prod"),
        (account_stack, "prod", "accounts: non-production, production"),
        (bootstrap_stack, "prodution", "accounts: non-production, production"),
    ],
)
def test_a_name_that_does_not_exist(make: type, name: str, hint: str) -> None:
    with pytest.raises(TradewindError, match="there is no") as caught:
        make(LARGE, name)
    assert caught.value.code == 2
    assert caught.value.hint == hint


def blocks(text: str, kind: str) -> dict[str, str]:
    """The top-level HCL blocks of a kind, by name."""
    return dict(re.findall(rf'(?ms)^{kind} "(\w+)" \{{(.*?)^\}}', text))


@pytest.mark.parametrize("folder", sorted((ROOT / "terraform").glob("*/*/")), ids=lambda folder: folder.name)
def test_every_variable_is_read(folder: Path) -> None:
    text = "".join(path.read_text() for path in sorted(folder.glob("*.tf")))
    declared = blocks(text, "variable")
    for body in declared.values():
        text = text.replace(body, "", 1)
    assert [name for name in declared if not re.search(rf"\bvar\.{name}\b", text)] == []
