from __future__ import annotations

import pytest
from infrastructure_samples import change, plan

from tradewind.infrastructure.plan_summary import DATA, Action, drifted, summarise


@pytest.mark.parametrize(
    ("actions", "action"),
    [
        (["create"], Action.CREATE),
        (["update"], Action.UPDATE),
        (["delete"], Action.DESTROY),
        (["delete", "create"], Action.REPLACE),
        (["create", "delete"], Action.REPLACE),
        (["forget"], Action.FORGET),
    ],
)
def test_each_action(actions: list[str], action: Action) -> None:
    summary = summarise(plan(change("aws_vpc.this", *actions)))
    assert [found.action for found in summary.changes] == [action]
    assert summary.count(action) == 1
    assert not summary.empty


def test_nothing_to_do() -> None:
    summary = summarise(plan(change("aws_vpc.this", "no-op"), change("data.aws_vpc.this", "read")))
    assert summary.empty
    assert summary.changes == ()


def test_an_output_alone_is_something() -> None:
    assert not summarise(plan(output_changes={"cluster": {"actions": ["create"]}})).empty


@pytest.mark.parametrize("type_", sorted(DATA))
@pytest.mark.parametrize("actions", [("delete",), ("delete", "create"), ("create", "delete")])
def test_what_ends_data_stands_out(type_: str, actions: tuple[str, ...]) -> None:
    summary = summarise(plan(change(f"module.x.{type_}.this", *actions)))
    assert [lost.address for lost in summary.losses] == [f"module.x.{type_}.this"]
    assert summary.losses[0].loses == DATA[type_]


@pytest.mark.parametrize("actions", [("create",), ("update",), ("forget",)])
def test_what_keeps_data_does_not(actions: tuple[str, ...]) -> None:
    assert summarise(plan(change("aws_db_instance.this", *actions))).losses == ()


def test_why_something_is_replaced() -> None:
    entry = change("aws_db_instance.this", "delete", "create", replace_paths=[["engine"], ["tags", "Name"]])
    assert summarise(plan(entry)).changes[0].because == ("engine", "tags.Name")


def test_drift_by_address() -> None:
    assert drifted(plan(resource_drift=[change("b.x", "update"), change("a.x", "delete")])) == ("a.x", "b.x")
    assert drifted(plan()) == ()
