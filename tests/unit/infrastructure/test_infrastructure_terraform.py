from __future__ import annotations

import pytest

from tradewind.infrastructure.terraform import Message, failure


def diagnostic(summary: str, detail: str = "", **more: object) -> Message:
    fields = {"@level": "error", "diagnostic": {"summary": summary, "detail": detail, **more}}
    return Message("diagnostic", f"Error: {summary}", fields)


def test_every_error_is_told_with_its_place() -> None:
    where = {"filename": "main.tf", "start": {"line": 7, "column": 3}}
    errors = [diagnostic("Bad value", "Not that.", address="aws_vpc.this"), diagnostic("Also bad", range=where)]
    error = failure("plan", errors, "", 1)
    assert str(error).splitlines() == [
        "terraform plan failed: aws_vpc.this: Bad value. Not that",
        "main.tf:7: Also bad",
    ]


@pytest.mark.parametrize(("said", "told"), [("  no room  \n", "no room"), ("", "it printed no error")])
def test_without_diagnostics_there_is_what_it_said(said: str, told: str) -> None:
    assert str(failure("init", [], said, 1)) == f"terraform init failed: {told}"


def test_an_end_by_a_signal_is_named() -> None:
    assert str(failure("apply", [], "", -9)) == "terraform apply was ended by a signal: SIGKILL"


def test_what_a_message_is_about() -> None:
    assert Message("apply_start", "", {"hook": {"resource": {"addr": "aws_vpc.this"}}}).address == "aws_vpc.this"
    assert Message("planned_change", "", {"change": {"resource": {"addr": "a.b"}}}).address == "a.b"
    assert Message("version", "").address == ""
