"""Migrate the metadata database to Airflow's schema, with roles, default pool and, on request, a first login.

One process does the work of four Airflow commands: the import of Airflow takes most of the time of each command.
If the database is already up to date, it stays as it is, and Airflow is not imported (see ``schema``).
Runs inside Airflow's environment. The first login's password comes from TRADEWIND_LOGIN_PASSWORD.
"""

from __future__ import annotations

import os
import sys

from tradewind.runtime.database.schema import Schema, identity

ADMINISTRATOR = "admin"


def check_not_newer() -> None:
    """Raise SystemExit if a later version has migrated the database: a downgrade could lose data."""
    from airflow import settings
    from airflow.utils.db import _get_alembic_config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(_get_alembic_config()).walk_revisions()}
    with settings.engine.connect() as connection:
        found = set(MigrationContext.configure(connection).get_current_heads())
    if newer := found - known:
        sys.stderr.write(
            f"error: this version of Airflow does not know the database's revision {', '.join(sorted(newer))}\n"
            "hint: deploy the version that migrated it, or restore an earlier copy of the database\n"
        )
        raise SystemExit(1)


def migrate() -> None:
    """Run Airflow's own migration. Safe to repeat."""
    from airflow.cli import cli_parser

    arguments = cli_parser.get_parser().parse_args(["db", "migrate"])
    arguments.func(arguments)


def synchronise_roles(password: str | None) -> None:
    """Write the permissions of all roles. With ``password``, also create an administrator if there is none."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        builder.add_permissions(update_perms=True)
        builder.sm.sync_roles()
        if password is None or builder.sm.find_user(ADMINISTRATOR):
            return
        role = builder.sm.find_role("Admin")
        if not builder.sm.add_user(ADMINISTRATOR, "Tradewind", "Admin", "admin@localhost", role, password):
            raise RuntimeError("the first login could not be created: see the log above")


def main() -> int:
    """Entry point of ``python -m tradewind.runtime.database.migrate_db``."""
    schema = Schema.at(os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    password = os.environ.get("TRADEWIND_LOGIN_PASSWORD") or None
    wanted = identity(os.environ)
    done = schema.is_migrated_for(wanted) and (password is None or schema.set_password(ADMINISTRATOR, password))
    if done:
        sys.stdout.write("the database is already migrated\n")
    else:
        # Must be set before Airflow is imported. Altering a large table takes long.
        os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS"] = "tradewind.runtime.database.connections.PATIENT"
        check_not_newer()
        schema.forget()
        migrate()
        synchronise_roles(password)
        schema.remember(wanted)
        if password is not None:
            schema.set_password(ADMINISTRATOR, password)
    schema.widen_default_pool(os.environ)
    schema.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
