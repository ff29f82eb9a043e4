"""What a migrated database is made from, and whether a database is just that. No Airflow: it takes milliseconds.

``migrate`` writes down what it migrated for, beside the revisions that it left. Where both are what they would be now,
there is nothing to migrate, and Airflow need not be imported to find that out.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from tradewind.runtime.database.account import Account

_REVISIONS = ("SELECT version_num FROM alembic_version", "SELECT version_num FROM alembic_version_fab")
_READ = ("AIRFLOW__CORE__AUTH_MANAGER", "AIRFLOW__DATABASE__", "AIRFLOW__FAB__")
"""The settings that a migration and the roles depend on. Sizes are not among them: see ``widen_default_pool``."""
_ADDRESS = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",)
_PLUGINS = "AIRFLOW__CORE__PLUGINS_FOLDER"
_DEFAULT_POOL = "AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT"


def identity(environment: Mapping[str, str]) -> str | None:
    """What a database is migrated for: every installed package, this code, and the settings that matter, as a digest.

    None where that cannot be known: plugins outside packages can bring permissions of their own.
    """
    if environment.get(_PLUGINS):
        return None
    settings = {n: v for n, v in environment.items() if n.startswith(_READ) and not n.startswith(_ADDRESS)}
    sources = {file.name: file.read_text() for file in sorted(Path(__file__).parent.glob("*.py"))}
    text = json.dumps([sorted(packages(sys.path)), sources, sorted(settings.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def packages(path: Iterable[str]) -> set[str]:
    """The installed packages, as ``name-version.dist-info``.

    The names of folders say it: to read what is in 200 of them takes a third of a second.
    """
    folders = (Path(entry) for entry in path if entry)
    return {found.name for folder in folders if folder.is_dir() for found in folder.glob("*.dist-info")}


class Schema:
    """The metadata database, as far as it takes to leave it as it is. Every statement is committed at once."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    def at(cls, url: str) -> Self:
        """The database of a SQLAlchemy URL."""
        return cls(Account.from_url(url).connect())

    def is_migrated_for(self, wanted: str | None) -> bool:
        """Whether ``migrate`` made it for ``wanted`` (see ``identity``), and nothing has migrated it since."""
        return wanted is not None and self._rows("SELECT noted FROM tradewind_schema") == [(self._note(wanted),)]

    def forget(self) -> None:
        """Before a migration: what is written down does not hold any more."""
        self._rows("DROP TABLE IF EXISTS tradewind_schema")

    def remember(self, made_for: str | None) -> None:
        """After a migration."""
        if made_for is not None:
            self._rows("CREATE TABLE tradewind_schema (noted VARCHAR(500) NOT NULL)")
            self._rows("INSERT INTO tradewind_schema (noted) VALUES (%s)", self._note(made_for))

    def set_password(self, user: str, password: str) -> bool:
        """Give a user of FAB's this password; whether there is such a user."""
        from werkzeug.security import generate_password_hash

        found = self._rows("SELECT id FROM ab_user WHERE username = %s", user)
        if found:
            self._rows("UPDATE ab_user SET password = %s WHERE username = %s", generate_password_hash(password), user)
        return bool(found)

    def widen_default_pool(self, environment: Mapping[str, str]) -> None:
        """Airflow sizes the default pool only when it creates the database; follow the setting at every migration.

        A pool that is larger, or has no limit (-1), stays.
        """
        if wanted := environment.get(_DEFAULT_POOL):
            sized = "UPDATE slot_pool SET slots = %s WHERE pool = 'default_pool' AND slots >= 0 AND slots < %s"
            self._rows(sized, int(wanted), int(wanted))

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def _note(self, made_for: str) -> str:
        heads = [sorted(str(row[0]) for row in self._rows(query)) for query in _REVISIONS]
        return json.dumps([made_for, *heads])

    def _rows(self, statement: str, *values: str | int) -> list[tuple[Any, ...]]:
        """What a statement returns; nothing where one of its tables does not exist."""
        with self._connection.cursor() as cursor:
            try:
                cursor.execute(statement, values)
            except Exception as error:
                if not _is_missing_table(error):
                    raise
                return []
            return list(cursor.fetchall()) if cursor.description else []


def _is_missing_table(error: Exception) -> bool:
    """PostgreSQL's undefined_table, or MySQL's ER_NO_SUCH_TABLE."""
    return getattr(error, "pgcode", None) == "42P01" or error.args[:1] == (1146,)
