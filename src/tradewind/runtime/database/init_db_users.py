"""Create Airflow's database user and its schema, on PostgreSQL or MySQL. Safe to run again; sets the password anew.

Reads two variables. TRADEWIND_DATABASE_URL has the user, password and schema that must exist afterwards.
TRADEWIND_DATABASE_ADMIN is the administrator of the same server: a URL, or JSON with ``username`` and ``password``, as
RDS keeps it in Secrets Manager. Only this task reads the administrator's password.
"""

from __future__ import annotations

import os
import sys

from tradewind.runtime.database.account import Account


def init_db_users(admin: Account, wanted: Account) -> None:
    """Create or update ``wanted`` on the server of ``admin``, with access to its own schema and nothing else."""
    dialects = {"postgresql": _prepare_postgresql, "mysql": _prepare_mysql}
    if admin.dialect not in dialects:
        raise ValueError(f"{admin.dialect!r} is not a supported database: {', '.join(dialects)}")
    dialects[admin.dialect](admin, wanted)


def _prepare_postgresql(admin: Account, wanted: Account) -> None:
    from psycopg2 import sql

    connection = admin.connect()
    with connection.cursor() as cursor:
        user, name = sql.Identifier(wanted.user), sql.Identifier(wanted.database)
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (wanted.user,))
        verb = sql.SQL("ALTER" if cursor.fetchone() else "CREATE")
        cursor.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD %s").format(verb, user), (wanted.password,))
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (wanted.database,))
        if not cursor.fetchone():
            cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, user))
        # By default, every role of PostgreSQL may connect to every database.
        cursor.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))
    connection.close()


def _prepare_mysql(admin: Account, wanted: Account) -> None:
    connection = admin.connect()
    with connection.cursor() as cursor:
        name = "`" + wanted.database.replace("`", "``") + "`"
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        login = (wanted.user, "%", wanted.password)
        cursor.execute("CREATE USER IF NOT EXISTS %s@%s IDENTIFIED BY %s", login)
        cursor.execute("ALTER USER %s@%s IDENTIFIED BY %s", login)
        cursor.execute(f"GRANT ALL PRIVILEGES ON {name}.* TO %s@%s", login[:2])
    connection.close()


def main() -> int:
    """Entry point of ``python -m tradewind.runtime.database.init_db_users``."""
    names = ("TRADEWIND_DATABASE_ADMIN", "TRADEWIND_DATABASE_URL")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        sys.stderr.write(f"error: init-db-users needs {', '.join(missing)} in its environment\n")
        return 2
    wanted = Account.from_url(os.environ["TRADEWIND_DATABASE_URL"])
    admin = Account.administrator(os.environ["TRADEWIND_DATABASE_ADMIN"], wanted)
    init_db_users(admin, wanted)
    sys.stdout.write(f"prepared {wanted.user} on {admin.dialect}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
