"""Repeated calls to the execution API: Airflow's own client, with responses like those of its API."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tenacity import stop_never, wait_none

from tradewind.runtime.tasks.repeated_calls import COLLIDES, COLLISIONS, IS_THERE, tolerate

pytestmark = pytest.mark.usefixtures("airflow_home", "client")
WELL = httpx.Response(201, json={"message": "XCom successfully set"})
NO_ANSWER = httpx.ReadTimeout("no answer")
NO_WAY = httpx.ConnectError("no route")


def refused(reason: object, status: int = 409) -> httpx.Response:
    return httpx.Response(
        status, json={"detail": {"reason": reason, "statement": "hidden", "message": "Serious error"}}
    )


@pytest.fixture
def client() -> Iterator[None]:
    """Airflow's client without pauses between two attempts, restored afterwards."""
    from airflow.sdk.api.client import Client

    request, calls = Client.request, Client.request.retry
    before = copy(calls.__dict__)
    calls.wait = wait_none()
    yield
    Client.request = request
    calls.__dict__.update(before)


class Api:
    """Returns the given responses, one for each call, and records the calls."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        from airflow.sdk.api.client import Client

        self.asked: list[str] = []
        self._answers = list(answers)
        self.client = Client(base_url="http://api/execution/", token="", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path.removeprefix('/execution/')}")
        answer = self._answers[len(self.asked) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def push(self) -> None:
        self.client.xcoms.set("dag", "run", "task", "key", "value")

    def start(self, *, reset: bool = False, run_after: datetime | None = None) -> bool:
        """Start a run. Return whether the task learns that the run was started, and not that it existed."""
        return hasattr(self.client.dag_runs.trigger("dag", "one", reset_dag_run=reset, run_after=run_after), "ok")


def run(made_s_ago: float = 0.0, begun_s_ago: float | None = None) -> httpx.Response:
    """The response of the API about a run."""
    now = datetime.now(UTC)
    made, begun = (None if s is None else (now - timedelta(seconds=s)).isoformat() for s in (made_s_ago, begun_s_ago))
    none = dict.fromkeys(("logical_date", "data_interval_start", "data_interval_end", "end_date", "partition_key"))
    row = {"dag_id": "dag", "run_id": "one", "run_after": made, "start_date": begun}
    more = {"run_type": "manual", "state": "running", "consumed_asset_events": []}
    return httpx.Response(200, json={**none, **row, **more})


def test_a_call_that_collides_with_itself_is_made_again() -> None:
    answers = refused(COLLIDES), refused(COLLIDES), WELL
    with pytest.raises(httpx.HTTPStatusError):
        Api(*answers).push()
    tolerate()
    api = Api(*answers)
    api.push()
    assert len(api.asked) == 3


@pytest.mark.parametrize(
    "other",
    [refused("invalid_state"), refused(None), httpx.Response(409, text="no"), httpx.Response(409, json=["no"]),
     refused(COLLIDES, status=404), refused(IS_THERE), httpx.Response(409, stream=httpx.ByteStream(b"of a proxy"))],
    ids=("another conflict", "no reason", "no JSON", "another answer", "not found", "no run", "not read"),
)  # fmt: skip
def test_what_is_refused_for_good_is_not_asked_again(other: httpx.Response) -> None:
    tolerate()
    api = Api(other)
    with pytest.raises(httpx.HTTPStatusError):
        api.push()
    assert len(api.asked) == 1


def test_what_airflow_repeats_still_is() -> None:
    tolerate()
    api = Api(httpx.Response(500), WELL)
    api.push()
    assert len(api.asked) == 2


def test_what_collides_alone_is_refused_in_the_end() -> None:
    """For example, two tasks that set the same variable repeatedly."""
    from airflow.sdk.api.client import Client

    Client.request.retry.stop = stop_never
    tolerate()
    api = Api(*[refused(COLLIDES)] * 100)
    with pytest.raises(httpx.HTTPStatusError):
        api.push()
    assert len(api.asked) == 1 + COLLISIONS


@pytest.mark.parametrize("begun_s_ago", [None, 0.0])
@pytest.mark.parametrize("first", [(NO_ANSWER,), (httpx.Response(500),), (NO_WAY, NO_ANSWER, refused(COLLIDES))])
@pytest.mark.parametrize("reset", [False, True])
def test_a_run_that_the_first_call_has_started_is_started(
    begun_s_ago: float | None, first: tuple[httpx.Response | Exception, ...], reset: bool
) -> None:
    answers = (*first, refused(IS_THERE), run(begun_s_ago=begun_s_ago), httpx.Response(204))
    if not reset:
        assert not Api(*answers).start()
    tolerate()
    api = Api(*answers)
    assert api.start(reset=reset)
    assert api.asked == ["POST dag-runs/dag/one"] * (len(first) + 1) + ["GET dag-runs/dag/one"]


@pytest.mark.parametrize(
    "answers",
    [(refused(IS_THERE),), (NO_WAY, refused(IS_THERE)), (refused(COLLIDES),), (NO_WAY, refused(COLLIDES)),
     (NO_ANSWER, refused(IS_THERE), run(made_s_ago=60)), (NO_ANSWER, refused(IS_THERE), run(60, begun_s_ago=0))],
    ids=("at once", "not reached", "the same date", "the same date, not reached", "older", "older, begun now"),
)  # fmt: skip
def test_a_run_that_another_has_made_is_there(answers: tuple[httpx.Response | Exception, ...]) -> None:
    tolerate()
    api = Api(*answers, httpx.Response(204))
    assert not api.start()
    assert len(api.asked) == len(answers)
    again = Api(*answers, httpx.Response(204))
    assert again.start(reset=True)
    assert again.asked[-1] == "POST dag-runs/dag/one/clear"


@pytest.mark.parametrize(("begun_s_ago", "is_ours"), [(0, True), (60, False), (None, False)])
def test_a_run_that_may_begin_at_a_given_time_shows_its_age_by_its_beginning(
    begun_s_ago: float | None, is_ours: bool
) -> None:
    tolerate()
    api = Api(NO_ANSWER, refused(IS_THERE), run(begun_s_ago=begun_s_ago))
    assert api.start(run_after=datetime.now(UTC)) == is_ours


def test_the_words_are_airflows() -> None:
    from airflow.api_fastapi.common.exceptions import _UniqueConstraintErrorHandler

    assert _UniqueConstraintErrorHandler.reason == COLLIDES
