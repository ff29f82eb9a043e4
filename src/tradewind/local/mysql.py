"""A MySQL server that is installed on this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

from tradewind.errors import TradewindError
from tradewind.local.ports import HOST
from tradewind.local.probes import TcpProbe
from tradewind.local.secrets import write_private
from tradewind.local.servers import Database, Login, Place, Unpack, database, make_data, run

KIND = "mysql"

_LOGIN = Login("mysql+pymysql", "root", "")
_HINT = "install MySQL 8.0 or newer so that mysqld is in the PATH, or set local.database: embedded"


def mysql(place: Place, unpack: Unpack) -> Database:
    """Return the MySQL server. If it has no data yet, ``unpack`` provides a copy, or MySQL creates it (seconds).

    Raises:
        TradewindError: there is no server, or it cannot create its data.
    """
    data = place.state_dir.database(KIND)
    server = _server()[0]
    own = ["--user=root"] if os.geteuid() == 0 else []
    if not (data / "mysql.ibd").exists():
        make_data(place, KIND, partial(_fill, place, unpack, [server, "--no-defaults", *own]))
    start = place.state_dir.run / "mysql-start.sql"
    # Set at each start: in new data the administrator has no password, in unpacked data another password.
    write_private(start, f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{place.secrets['admin']}';\n")
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
    return database(place, _LOGIN, argv, TcpProbe(place.port, b"", (b"",)), signal.SIGTERM)


def version() -> str:
    """Return the version that the server prints. Its data files are valid for this version only."""
    return _server()[1]


def _fill(place: Place, unpack: Unpack, server: list[str], draft: Path) -> None:
    if unpack(draft):
        (draft / "auto.cnf").unlink(missing_ok=True)  # the identity of one server
        return
    run(place, [*server, "--initialize-insecure", f"--datadir={draft}"], "mysqld")


def _server() -> tuple[str, str]:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/usr/local/mysql/bin"])
    server = shutil.which("mysqld", path=path)
    if not server:
        raise TradewindError("no mysqld was found", "local.database is mysql", _HINT)
    told = subprocess.run([server, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    if "mariadb" in told.lower():
        raise TradewindError(f"{server} is MariaDB", "Airflow does not support it", _HINT)
    return server, told
