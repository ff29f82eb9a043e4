"""What the supervisor of a platform is asked, and what it answers.

Each request is a class, and ``do`` is what it is called in a message.

An answer of ``dict`` is the public format of ``tradewind status --json``; see docs/reference/json.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from tradewind.blueprint import Component
from tradewind.errors import TradewindError
from tradewind.local import supervisor_socket
from tradewind.local.paths import Home
from tradewind.protocol.message import read, written

A = TypeVar("A", covariant=True)

UNLIKE = "tradewind down, then tradewind up"
"""What helps where a command and a supervisor are of different versions."""


class Request(Generic[A]):
    """Something that the supervisor is asked. ``answer`` is the class of what it answers."""

    do: ClassVar[str]
    answer: ClassVar[type]


@dataclass(frozen=True)
class Login:
    """User and password of Airflow, and of Flower."""

    login: tuple[str, str]
    flower_login: tuple[str, str]


@dataclass(frozen=True)
class DagFolderState:
    """Whether the DAG folder as it is now was looked at, and why it is not served, where it is not."""

    settled: bool
    problem: str


@dataclass(frozen=True)
class ServiceState:
    """What releases must know of a service.

    ``address``: its address is known to others, so that only one copy can have it. ``fixed``: the number of copies that
    a person has set. ``image``: what new copies run; empty for a program. ``registered``: the images that a rollout has
    registered.
    """

    name: str
    component: Component
    one_off: bool
    address: bool
    count: int
    fixed: int | None
    image: str
    registered: tuple[str, ...]


@dataclass(frozen=True)
class ServiceStates:
    """All services, and whether they run as containers."""

    containers: bool
    services: tuple[ServiceState, ...]


@dataclass(frozen=True)
class Added:
    """The name of the process that was added."""

    name: str


@dataclass(frozen=True)
class GetStatus(Request[dict[str, Any]]):
    """The whole platform; with ``usage``: what each process uses."""

    do, answer = "status", dict
    usage: bool = False


@dataclass(frozen=True)
class GetDagFolder(Request[DagFolderState]):
    """How the DAG folder is served."""

    do, answer = "dags", DagFolderState


@dataclass(frozen=True)
class GetLogin(Request[Login]):
    """How to log in."""

    do, answer = "login", Login


@dataclass(frozen=True)
class GetServices(Request[ServiceStates]):
    """The services."""

    do, answer = "services", ServiceStates


@dataclass(frozen=True)
class StopPlatform(Request[None]):
    """Stop everything in order; ``now``: with no time to finish."""

    do, answer = "stop", type(None)
    now: bool = False


@dataclass(frozen=True)
class RestartService(Request[None]):
    """Restart every process of a service, or one process."""

    do, answer = "restart", type(None)
    service: str


@dataclass(frozen=True)
class AddProcess(Request[Added]):
    """Run one more process of a service, from ``image``. A one-off runs once more, under its own name."""

    do, answer = "add", Added
    service: str
    image: str


@dataclass(frozen=True)
class ReplaceProcess(Request[None]):
    """Stop a process and start it from ``image``, under the same name and address."""

    do, answer = "replace", type(None)
    name: str
    image: str


@dataclass(frozen=True)
class RetireProcess(Request[None]):
    """Stop a process for good."""

    do, answer = "retire", type(None)
    name: str


@dataclass(frozen=True)
class RegisterImage(Request[None]):
    """Workers may run this image: a rollout brings it."""

    do, answer = "register", type(None)
    image: str


@dataclass(frozen=True)
class AdoptImages(Request[None]):
    """New copies run these images from now on."""

    do, answer = "adopt", type(None)
    images: Mapping[Component, str]


@dataclass(frozen=True)
class FixWorkers(Request[None]):
    """The controller shall keep so many workers, whatever there is to do."""

    do, answer = "scale", type(None)
    service: str
    count: int


@dataclass(frozen=True)
class KeepWorkers(Request[None]):
    """Keep ``count`` workers of an image running; those of ``leaving`` finish their tasks and stop."""

    do, answer = "keep", type(None)
    service: str
    count: int
    leaving: tuple[str, ...]
    image: str


@dataclass(frozen=True)
class Remark(Request[None]):
    """Have the status say this, and nothing that was said before."""

    do, answer = "remark", type(None)
    remarks: tuple[str, ...]


_REQUESTS: Mapping[str, type[Request[Any]]] = {request.do: request for request in Request.__subclasses__()}


Send = Callable[[Home, dict[str, Any]], dict[str, Any]]


def ask(home: Home, request: Request[A], send: Send = supervisor_socket.ask) -> A:
    """Ask the supervisor of ``home``, over its socket.

    Raises:
        ConnectionError: no supervisor answers.
        TradewindError: what the supervisor answered, or that it is of another version.
    """
    document = send(home, {"do": request.do, **written(request)})
    if request.answer is type(None):
        return None  # type: ignore[return-value]
    if request.answer is dict:
        return document  # type: ignore[return-value]
    found: A = read(request.answer, document, f"what the supervisor answers to {request.do!r}", UNLIKE)
    return found


def decoded(document: Mapping[str, Any]) -> Request[Any]:
    """The request that a document is. TradewindError where none has its name, or something is missing in it."""
    do = document.get("do")
    kind = _REQUESTS.get(str(do))
    if kind is None:
        raise TradewindError(f"the supervisor does not know {do!r}", hint=UNLIKE)
    found: Request[Any] = read(kind, document, f"what the supervisor is asked, {do!r},", UNLIKE)
    return found
