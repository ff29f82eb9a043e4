"""Create Airflow's database user and its schema, on PostgreSQL or MySQL. Safe to run again; sets the password anew.

Reads two variables: TRADEWIND_DATABASE_URL says which user, password and schema must exist afterwards.
TRADEWIND_DATABASE_ADMIN is the server's administrator, as a URL or, as RDS keeps it in Secrets Manager, as JSON with
``username`` and ``password`` for the same server. Only this task ever sees the administrator's password.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Account:
    """A database login as a SQLAlchemy URL spells it (``dialect+driver://user:password@host:port/name?ssl_ca=file``).

    ``ca`` is the file with the authorities that the server's certificate must come from; without one there is no TLS.
    """

    dialect: str
    user: str
    password: str
    host: str
    port: int
    database: str
    ca: str = ""

    @classmethod
    def from_url(cls, url: str) -> Account:
        """Parse a URL. ValueError, without the URL in it, where a part is missing."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # its message quotes the URL, password included
            raise ValueError("a database URL cannot be read: are special characters percent-encoded?") from None
        dialect = parts.scheme.split("+")[0]
        if not (parts.username and parts.hostname and port):
            raise ValueError("a database URL needs a user, a host and a port")
        return cls(
            dialect,
            unquote(parts.username),
            unquote(parts.password or ""),
            parts.hostname,
            port,
            parts.path.lstrip("/"),
            dict(parse_qsl(parts.query)).get("ssl_ca", ""),
        )

    @classmethod
    def administrator(cls, text: str, wanted: Account) -> Account:
        """The administrator of the server of ``wanted``, from a URL or from RDS's JSON. ValueError without the text."""
        if not text.lstrip().startswith("{"):
            return cls.from_url(text)
        try:
            secret = json.loads(text)
            user, password = str(secret["username"]), str(secret["password"])
        except (ValueError, KeyError, TypeError):
            raise ValueError("the administrator's secret is no JSON with username and password") from None
        return cls(wanted.dialect, user, password, wanted.host, wanted.port, "", wanted.ca)


def prepare(admin: Account, wanted: Account) -> None:
    """Make ``wanted`` exist on the server of ``admin``, able to use its own schema and nothing else."""
    dialects = {"postgresql": _prepare_postgresql, "mysql": _prepare_mysql}
    if admin.dialect not in dialects:
        raise ValueError(f"{admin.dialect!r} is not a supported database: {', '.join(dialects)}")
    dialects[admin.dialect](admin, wanted)


def _prepare_postgresql(admin: Account, wanted: Account) -> None:
    import psycopg2
    from psycopg2 import sql

    connection = psycopg2.connect(
        host=admin.host, port=admin.port, user=admin.user, password=admin.password, dbname=admin.database or "postgres"
    )
    connection.autocommit = True
    with connection.cursor() as cursor:
        user, name = sql.Identifier(wanted.user), sql.Identifier(wanted.database)
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (wanted.user,))
        verb = sql.SQL("ALTER" if cursor.fetchone() else "CREATE")
        cursor.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD %s").format(verb, user), (wanted.password,))
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (wanted.database,))
        if not cursor.fetchone():
            cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, user))
        # PostgreSQL lets everybody connect to every database.
        cursor.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))
    connection.close()


def _prepare_mysql(admin: Account, wanted: Account) -> None:
    import pymysql

    connection: Any = pymysql.connect(
        host=admin.host,
        port=admin.port,
        user=admin.user,
        password=admin.password,
        autocommit=True,
        **({"ssl_ca": admin.ca, "ssl_verify_cert": True, "ssl_verify_identity": True} if admin.ca else {}),
    )
    with connection.cursor() as cursor:
        name = "`" + wanted.database.replace("`", "``") + "`"
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        login = (wanted.user, "%", wanted.password)
        cursor.execute("CREATE USER IF NOT EXISTS %s@%s IDENTIFIED BY %s", login)
        cursor.execute("ALTER USER %s@%s IDENTIFIED BY %s", login)
        cursor.execute(f"GRANT ALL PRIVILEGES ON {name}.* TO %s@%s", login[:2])
    connection.close()


def main() -> int:
    """Entry point of ``python -m tradewind.database.prepare``."""
    names = ("TRADEWIND_DATABASE_ADMIN", "TRADEWIND_DATABASE_URL")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        sys.stderr.write(f"error: prepare needs {', '.join(missing)} in its environment\n")
        return 2
    wanted = Account.from_url(os.environ["TRADEWIND_DATABASE_URL"])
    admin = Account.administrator(os.environ["TRADEWIND_DATABASE_ADMIN"], wanted)
    prepare(admin, wanted)
    sys.stdout.write(f"prepared {wanted.user} on {admin.dialect}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
