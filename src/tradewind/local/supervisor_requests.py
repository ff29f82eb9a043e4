"""The requests to the supervisor of a platform, and their results.

Each request is a class, and ``do`` is its name in a message.

A result of type ``dict`` has the public format of ``tradewind status --json``; see docs/reference/json.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from tradewind.blueprint import Component
from tradewind.errors import TradewindError
from tradewind.local import supervisor_socket
from tradewind.local.paths import StateDirectory
from tradewind.protocol.message import read, written

A = TypeVar("A", covariant=True)

VERSION_MISMATCH_HINT = "tradewind down, then tradewind up"
"""The hint if a command and a supervisor have different versions."""


class Request(Generic[A]):
    """A request to the supervisor. ``answer`` is the class of its result."""

    do: ClassVar[str]
    answer: ClassVar[type]


@dataclass(frozen=True)
class Login:
    """User and password of Airflow, and of Flower."""

    login: tuple[str, str]
    flower_login: tuple[str, str]


@dataclass(frozen=True)
class DagFolderState:
    """Whether the supervisor has checked the current DAG folder, and the problem if it cannot serve the folder."""

    settled: bool
    problem: str


@dataclass(frozen=True)
class ServiceState:
    """The state of a service, for rollouts and the controller.

    ``address``: clients use its address directly, so only one copy can have it. ``fixed``: the number of copies that
    the operator has set. ``image``: the image of new copies; empty for a program. ``registered``: the images that a
    rollout has registered.
    """

    name: str
    component: Component
    one_shot: bool
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
    """Get the state of the whole platform; with ``usage``, also the CPU and memory of each process."""

    do, answer = "status", dict
    usage: bool = False


@dataclass(frozen=True)
class GetDagFolder(Request[DagFolderState]):
    """Get the state of the DAG folder."""

    do, answer = "dags", DagFolderState


@dataclass(frozen=True)
class GetLogin(Request[Login]):
    """Get the logins."""

    do, answer = "login", Login


@dataclass(frozen=True)
class GetServices(Request[ServiceStates]):
    """Get the state of all services."""

    do, answer = "services", ServiceStates


@dataclass(frozen=True)
class StopPlatform(Request[None]):
    """Stop all processes in order; ``now`` skips the stop grace period."""

    do, answer = "stop", type(None)
    now: bool = False


@dataclass(frozen=True)
class RestartService(Request[None]):
    """Restart every process of a service, or one process."""

    do, answer = "restart", type(None)
    service: str


@dataclass(frozen=True)
class AddProcess(Request[Added]):
    """Run one more process of a service from ``image``. A one-shot task runs once more, under its own name."""

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
    """Stop a process permanently."""

    do, answer = "retire", type(None)
    name: str


@dataclass(frozen=True)
class RegisterImage(Request[None]):
    """Allow workers to run this image. A rollout sends this request."""

    do, answer = "register", type(None)
    image: str


@dataclass(frozen=True)
class AdoptImages(Request[None]):
    """Use these images for new copies from now on."""

    do, answer = "adopt", type(None)
    images: Mapping[Component, str]


@dataclass(frozen=True)
class FixWorkers(Request[None]):
    """Have the controller keep this number of workers, for any queue depth."""

    do, answer = "scale", type(None)
    service: str
    count: int


@dataclass(frozen=True)
class KeepWorkers(Request[None]):
    """Keep ``count`` workers of an image running; the workers in ``leaving`` drain and stop."""

    do, answer = "keep", type(None)
    service: str
    count: int
    leaving: tuple[str, ...]
    image: str


@dataclass(frozen=True)
class Remark(Request[None]):
    """Replace the controller's remarks in the status."""

    do, answer = "remark", type(None)
    remarks: tuple[str, ...]


_REQUESTS: Mapping[str, type[Request[Any]]] = {request.do: request for request in Request.__subclasses__()}


Send = Callable[[StateDirectory, dict[str, Any]], dict[str, Any]]


def ask(state_dir: StateDirectory, request: Request[A], send: Send = supervisor_socket.ask) -> A:
    """Send a request to the supervisor of ``state_dir`` over its socket, and return the result.

    Raises:
        ConnectionError: no supervisor answers.
        TradewindError: the supervisor returned an error, or has another version.
    """
    document = send(state_dir, {"do": request.do, **written(request)})
    if request.answer is type(None):
        return None  # type: ignore[return-value]
    if request.answer is dict:
        return document  # type: ignore[return-value]
    found: A = read(request.answer, document, f"the supervisor's response to {request.do!r}", VERSION_MISMATCH_HINT)
    return found


def decoded(document: Mapping[str, Any]) -> Request[Any]:
    """Return the request in a document. Raises TradewindError if its name is unknown, or a field is missing."""
    do = document.get("do")
    kind = _REQUESTS.get(str(do))
    if kind is None:
        raise TradewindError(f"the supervisor does not know the request {do!r}", hint=VERSION_MISMATCH_HINT)
    found: Request[Any] = read(kind, document, f"the request {do!r} to the supervisor", VERSION_MISMATCH_HINT)
    return found
