"""A login for a database server, and a plain connection with it: no Airflow, no SQLAlchemy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Account:
    """A database login, as in a SQLAlchemy URL (``dialect+driver://user:password@host:port/name?ssl_ca=file``).

    ``ca`` is the file with the certificate authorities for the server's certificate. Without it, there is no TLS.
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
        """Parse a URL. Raises ValueError, without the URL in its message, if a part is missing."""
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
        """Parse the administrator's login for the server of ``wanted``, from a URL or from RDS's JSON.

        Raises ValueError, without the text in its message, if the text is invalid.
        """
        if not text.lstrip().startswith("{"):
            return cls.from_url(text)
        try:
            secret = json.loads(text)
            user, password = str(secret["username"]), str(secret["password"])
        except (ValueError, KeyError, TypeError):
            raise ValueError("the administrator's secret is not JSON with username and password") from None
        return cls(wanted.dialect, user, password, wanted.host, wanted.port, "", wanted.ca)

    def connect(self) -> Any:
        """Open a connection (DB-API 2.0) that commits each statement. Raises ValueError for an unsupported database."""
        login: dict[str, Any] = {"host": self.host, "port": self.port, "user": self.user, "password": self.password}
        if self.dialect == "postgresql":
            import psycopg2

            connection: Any = psycopg2.connect(**login, dbname=self.database or "postgres")
            connection.autocommit = True
            return connection
        if self.dialect == "mysql":
            import pymysql

            tls = {"ssl_ca": self.ca, "ssl_verify_cert": True, "ssl_verify_identity": True} if self.ca else {}
            return pymysql.connect(**login, database=self.database or None, autocommit=True, **tls)
        raise ValueError(f"{self.dialect!r} is not a supported database: postgresql, mysql")
