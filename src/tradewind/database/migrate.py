"""Bring the metadata database to Airflow's schema, with roles, default pool and, on request, a first login.

One process for what would be four Airflow commands: importing Airflow is most of what each of them takes.
Runs inside Airflow's environment; the first login's password comes from TRADEWIND_LOGIN_PASSWORD.
"""

from __future__ import annotations

import os
import sys

ADMINISTRATOR = "admin"


def check_not_newer() -> None:
    """Refuse a database that a later version has migrated: bringing it back could lose data. SystemExit then."""
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
            "hint: deploy the version that migrated it, or restore the database from before\n"
        )
        raise SystemExit(1)


def migrate() -> None:
    """Run Airflow's own migration; safe to run again."""
    from airflow.cli import cli_parser

    arguments = cli_parser.get_parser().parse_args(["db", "migrate"])
    arguments.func(arguments)


def synchronise_roles(password: str | None) -> None:
    """Write the permissions of all roles, and make sure the administrator can log in with ``password``, if given."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        builder.add_permissions(update_perms=True)
        builder.sm.sync_roles()
        if password is None:
            return
        user = builder.sm.find_user(ADMINISTRATOR)
        if user:
            builder.sm.reset_password(user.id, password)
            return
        role = builder.sm.find_role("Admin")
        if not builder.sm.add_user(ADMINISTRATOR, "Tradewind", "Admin", "admin@localhost", role, password):
            raise RuntimeError("the first login could not be created; the log above says why")


def resize_default_pool() -> None:
    """Airflow sizes the default pool only when it creates the database; follow the setting at every migration."""
    from airflow.configuration import conf
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    with create_session() as session:
        pool = Pool.get_default_pool(session=session)
        wanted = conf.getint("core", "default_pool_task_slot_count")
        # A pool that somebody made larger stays.
        if pool is not None and 0 <= pool.slots < wanted:
            pool.slots = wanted


def main() -> int:
    """Entry point of ``python -m tradewind.database.migrate``."""
    check_not_newer()
    migrate()
    synchronise_roles(os.environ.get("TRADEWIND_LOGIN_PASSWORD") or None)
    resize_default_pool()
    return 0


if __name__ == "__main__":
    sys.exit(main())
