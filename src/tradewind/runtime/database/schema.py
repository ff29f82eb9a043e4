"""Check without Airflow, in milliseconds, whether a database needs a migration.

``migrate-db`` stores a digest of its inputs, and the schema revisions after the migration. If both are the same now,
there is nothing to migrate, and Airflow need not be imported.
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
    """Return a digest of the inputs of a migration: every installed package, this code, and the settings that matter.

    None if the inputs cannot be known: plugins outside packages can bring permissions of their own.
    """
    if environment.get(_PLUGINS):
        return None
    settings = {n: v for n, v in environment.items() if n.startswith(_READ) and not n.startswith(_ADDRESS)}
    sources = {file.name: file.read_text() for file in sorted(Path(__file__).parent.glob("*.py"))}
    text = json.dumps([sorted(packages(sys.path)), sources, sorted(settings.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def packages(path: Iterable[str]) -> set[str]:
    """Return the installed packages, as ``name-version.dist-info``.

    Only the names of folders are read: to read the content of 200 folders takes a third of a second.
    """
    folders = (Path(entry) for entry in path if entry)
    return {found.name for folder in folders if folder.is_dir() for found in folder.glob("*.dist-info")}


class Schema:
    """The metadata database, with the statements that ``migrate-db`` runs without Airflow, each committed at once."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    def at(cls, url: str) -> Self:
        """Connect to the database of a SQLAlchemy URL."""
        return cls(Account.from_url(url).connect())

    def is_migrated_for(self, wanted: str | None) -> bool:
        """Return whether ``migrate-db`` ran for ``wanted`` (see ``identity``), and no other migration ran since."""
        return wanted is not None and self._rows("SELECT noted FROM tradewind_schema") == [(self._note(wanted),)]

    def forget(self) -> None:
        """Delete the digest before a migration: it is not valid any more."""
        self._rows("DROP TABLE IF EXISTS tradewind_schema")

    def remember(self, made_for: str | None) -> None:
        """Store the digest after a migration, if there is one."""
        if made_for is not None:
            self._rows("CREATE TABLE tradewind_schema (noted VARCHAR(500) NOT NULL)")
            self._rows("INSERT INTO tradewind_schema (noted) VALUES (%s)", self._note(made_for))

    def set_password(self, user: str, password: str) -> bool:
        """Set the password of a FAB user. Returns whether the user exists."""
        from werkzeug.security import generate_password_hash

        found = self._rows("SELECT id FROM ab_user WHERE username = %s", user)
        if found:
            self._rows("UPDATE ab_user SET password = %s WHERE username = %s", generate_password_hash(password), user)
        return bool(found)

    def widen_default_pool(self, environment: Mapping[str, str]) -> None:
        """Enlarge the default pool to its setting: Airflow sizes the pool only when it creates the database.

        A pool that is larger, or has no limit (-1), stays as it is.
        """
        if wanted := environment.get(_DEFAULT_POOL):
            sized = "UPDATE slot_pool SET slots = %s WHERE pool = 'default_pool' AND slots >= 0 AND slots < %s"
            self._rows(sized, int(wanted), int(wanted))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _note(self, made_for: str) -> str:
        heads = [sorted(str(row[0]) for row in self._rows(query)) for query in _REVISIONS]
        return json.dumps([made_for, *heads])

    def _rows(self, statement: str, *values: str | int) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows; none if one of its tables does not exist."""
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
