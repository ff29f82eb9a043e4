"""Each request reaches the supervisor unchanged. A request of another version is refused with a message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tradewind.blueprint import Component
from tradewind.errors import TradewindError
from tradewind.local import supervisor_requests as requests
from tradewind.local.paths import StateDirectory
from tradewind.local.supervisor_requests import Request, decoded

HOME = StateDirectory(Path("unused"))
ALL: list[Request[Any]] = [
    requests.GetStatus(usage=True),
    requests.GetDagFolder(),
    requests.GetLogin(),
    requests.GetServices(),
    requests.StopPlatform(now=True),
    requests.RestartService("web"),
    requests.AddProcess("web", "image"),
    requests.ReplaceProcess("web-1", "image"),
    requests.RetireProcess("web-1"),
    requests.RegisterImage("image"),
    requests.AdoptImages({Component.WORKER: "image"}),
    requests.FixWorkers("worker", 3),
    requests.KeepWorkers("worker", 2, ("worker-1", "worker-2"), "image"),
    requests.Remark(("one", "two")),
]


class Wire:
    """A supervisor that takes JSON requests, with given responses."""

    def __init__(self) -> None:
        self.sent: dict[str, Any] = {}
        self.answer: dict[str, Any] = {}

    def __call__(self, state_dir: StateDirectory, document: dict[str, Any]) -> dict[str, Any]:
        self.sent = json.loads(json.dumps(document))
        return dict(self.answer)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_no_request_is_left_out_here() -> None:
    assert {type(request) for request in ALL} == set(Request.__subclasses__())
    assert len({request.do for request in ALL}) == len(ALL)


@pytest.mark.parametrize("request_", ALL, ids=lambda request: str(request.do))
def test_there_and_back(wire: Wire, request_: Request[Any]) -> None:
    wire.answer = {
        "login": ["admin", "secret"],
        "flower_login": ["admin", "secret"],
        "settled": True,
        "problem": "",
        "containers": True,
        "services": [],
        "name": "web-2",
    }
    answer = requests.ask(HOME, request_, wire)
    assert isinstance(answer, request_.answer)
    assert decoded(wire.sent) == request_


def test_another_version_is_told_what_it_does_not_know(wire: Wire) -> None:
    with pytest.raises(TradewindError, match="does not know the request 'dance'") as told:
        decoded({"do": "dance"})
    assert told.value.hint == "tradewind down, then tradewind up"
    for document in ({"do": "keep", "service": "worker"}, {"do": "scale", "service": "worker", "count": "many"}):
        with pytest.raises(TradewindError, match="have different versions") as told:
            decoded(document)
        assert "count" in told.value.why
    with pytest.raises(TradewindError, match="have different versions"):
        requests.ask(HOME, requests.GetServices(), wire)
    more = {"do": "restart", "service": "web", "softly": True}  # a newer command may send more fields
    assert decoded(more) == requests.RestartService("web")
