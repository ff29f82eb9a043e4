"""Whether a database has the schema that a migration would create, on a real PostgreSQL."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tradewind.local import secrets
from tradewind.local.paths import StateDirectory
from tradewind.local.ports import another
from tradewind.local.postgresql import postgresql
from tradewind.local.servers import Database, Place
from tradewind.local.templates import no_template
from tradewind.runtime.database.account import Account
from tradewind.runtime.database.init_db_users import init_db_users
from tradewind.runtime.database.schema import Schema, identity, packages

TABLES = """
CREATE TABLE alembic_version (version_num VARCHAR(32));
CREATE TABLE alembic_version_fab (version_num VARCHAR(32));
INSERT INTO alembic_version VALUES ('aaa');
INSERT INTO alembic_version_fab VALUES ('bbb');

CREATE TABLE ab_user (id INTEGER, username VARCHAR(64), password VARCHAR(256));
INSERT INTO ab_user VALUES (1, 'admin', 'old'), (2, 'other', 'kept');

CREATE TABLE slot_pool (pool VARCHAR(256), slots INTEGER);
INSERT INTO slot_pool VALUES ('default_pool', 128), ('small', 1);
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    state_dir = StateDirectory(tmp_path_factory.mktemp("database") / ".tradewind")
    state_dir.create()
    place = Place(state_dir, another(), secrets.load(state_dir.secrets), os.environ)
    database = postgresql(place, no_template)
    server = subprocess.Popen(database.spec.argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert database.spec.probe
    while not database.spec.probe.look(0).well:
        assert server.poll() is None
    yield database
    server.send_signal(database.spec.stop_signal)
    assert server.wait() == 0


@pytest.fixture
def connection(database: Database) -> Iterator[Any]:
    """Airflow's own schema, with only the relevant tables."""
    wanted = Account.from_url(database.airflow_url)
    admin = Account.from_url(database.admin_url)
    init_db_users(admin, wanted)
    connection = wanted.connect()
    with connection.cursor() as cursor:
        cursor.execute("DROP OWNED BY airflow; CREATE SCHEMA IF NOT EXISTS public; " + TABLES)
    yield connection
    connection.close()


@pytest.fixture
def schema(connection: Any, database: Database) -> Iterator[Schema]:
    found = Schema.at(database.airflow_url)
    yield found
    found.close()


def one(connection: Any, query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def test_nobody_else_can_connect(connection: Any, database: Database) -> None:
    admin = Account.from_url(database.admin_url)
    guest = replace(Account.from_url(database.airflow_url), user="guest", password="known")
    server = admin.connect()
    with server.cursor() as cursor:
        cursor.execute("CREATE ROLE guest LOGIN PASSWORD 'known'")
    server.close()

    with pytest.raises(Exception, match="permission denied for database"):
        guest.connect()


def test_what_was_remembered_holds_for_just_that(schema: Schema) -> None:
    assert not schema.is_migrated_for("x")
    schema.forget()
    schema.remember("x")
    assert schema.is_migrated_for("x")
    assert not schema.is_migrated_for("y")
    assert not schema.is_migrated_for(None)


def test_what_migrated_it_since_is_noticed(schema: Schema, connection: Any) -> None:
    schema.remember("x")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE alembic_version_fab SET version_num = 'ccc'")
    assert not schema.is_migrated_for("x")


def test_during_a_migration_it_is_for_nothing(schema: Schema) -> None:
    schema.remember("x")
    schema.forget()
    assert not schema.is_migrated_for("x")


def test_what_cannot_be_known_is_not_remembered(schema: Schema) -> None:
    schema.remember(None)
    assert not schema.is_migrated_for(None)


def test_the_password_of_one_user(schema: Schema, connection: Any) -> None:
    from werkzeug.security import check_password_hash

    assert schema.set_password("admin", "word")
    assert not schema.set_password("unknown", "word")
    admin, other = (password for (password,) in one(connection, "SELECT password FROM ab_user ORDER BY id"))
    assert check_password_hash(admin, "word")
    assert other == "kept"


@pytest.mark.parametrize(
    ("there", "wanted", "slots"), [(128, "500", 500), (128, "64", 128), (128, "", 128), (-1, "500", -1)]
)
def test_the_default_pool_only_grows(schema: Schema, connection: Any, there: int, wanted: str, slots: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE slot_pool SET slots = %s WHERE pool = 'default_pool'", (there,))
    schema.widen_default_pool({"AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT": wanted})
    assert one(connection, "SELECT pool, slots FROM slot_pool ORDER BY pool") == [
        ("default_pool", slots),
        ("small", 1),
    ]


def test_any_other_error_is_told(schema: Schema, connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE tradewind_schema (something INTEGER)")
    with pytest.raises(Exception, match="noted"):
        schema.is_migrated_for("x")


def test_packages_and_what_a_migration_reads_make_another_identity(tmp_path: Path) -> None:
    (tmp_path / "something-1.0.dist-info").mkdir()
    (tmp_path / "no_package").mkdir()
    assert packages([str(tmp_path), "", "/no/such/folder"]) == {"something-1.0.dist-info"}
    assert identity({}) == identity({"AIRFLOW__CORE__PARALLELISM": "1"})
    assert identity({}) != identity({"AIRFLOW__FAB__AUTH_ROLES_SYNC_AT_LOGIN": "1"})
