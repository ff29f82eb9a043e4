"""Calls to the execution API that collide with themselves: Airflow's own client, and answers as its API gives them."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any

import httpx
import pytest
from tenacity import wait_none

from tradewind.fleet.collisions import REASON, make_again

pytestmark = pytest.mark.usefixtures("airflow_home")


def refused(reason: object) -> httpx.Response:
    return httpx.Response(409, json={"detail": {"reason": reason, "statement": "hidden", "message": "Serious error"}})


@pytest.fixture
def calls() -> Iterator[Any]:
    """How Airflow's client repeats calls, without a pause."""
    from airflow.sdk.api.client import Client

    calls = Client.request.retry
    before = copy(calls.__dict__)
    calls.wait = wait_none()
    yield calls
    calls.__dict__.update(before)


def pushed(answers: list[httpx.Response]) -> int:
    """Push an XCom; how many calls that took."""
    from airflow.sdk.api.client import Client

    made: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        made.append(request)
        return answers[len(made) - 1]

    client = Client(base_url="http://api/execution/", token="", transport=httpx.MockTransport(answer))
    client.xcoms.set("dag", "run", "task", "key", "value")
    return len(made)


def test_a_call_that_collides_with_itself_is_made_again(calls: Any) -> None:
    answers = [refused(REASON), refused(REASON), httpx.Response(201, json={"message": "XCom successfully set"})]
    with pytest.raises(httpx.HTTPStatusError):
        pushed(answers)
    make_again()
    assert pushed(answers) == 3


@pytest.mark.parametrize(
    "other",
    [refused("invalid_state"), refused(None), httpx.Response(409, text="no"), httpx.Response(409, json=["no"]),
     httpx.Response(404, json={"detail": {"reason": REASON}})],
    ids=("another conflict", "no reason", "no JSON", "another answer", "not found"),
)  # fmt: skip
def test_what_is_refused_for_good_is_not_asked_again(calls: Any, other: httpx.Response) -> None:
    make_again()
    with pytest.raises(httpx.HTTPStatusError):
        pushed([other])


def test_what_airflow_repeats_still_is(calls: Any) -> None:
    make_again()
    assert pushed([httpx.Response(500), httpx.Response(201, json={"message": "XCom successfully set"})]) == 2


def test_the_words_are_airflows() -> None:
    from airflow.api_fastapi.common.exceptions import _UniqueConstraintErrorHandler

    assert _UniqueConstraintErrorHandler.reason == REASON
