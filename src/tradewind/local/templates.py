"""Templates: copies of migrated databases. Airflow's migration takes seconds; to unpack a template takes less than one.

There is one file for each version of Airflow, of Tradewind and of the server, in the user's cache folder. The file name
has the digest of the content. A file is used only if its content matches the digest and the current user owns it.

This module is also the program that makes a template: ``python -m tradewind.local.templates``. The supervisor starts it
when the platform is healthy. It migrates an empty database of its own, so the file has no data and no passwords of a
platform.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tradewind.errors import TradewindError
from tradewind.local import mysql, postgresql
from tradewind.local import secrets as secret_store
from tradewind.local.paths import StateDirectory
from tradewind.local.ports import Reservations, another
from tradewind.local.process import INSTANCE_VARIABLE
from tradewind.local.servers import Database, Place
from tradewind.runtime.database.schema import identity

KINDS = {mysql.KIND: mysql.mysql, postgresql.KIND: postgresql.postgresql}
KEPT = 4
"""The number of files that stay, the latest used; each has about 8 MB."""
INSTANCE = "template"
POLL_S = 0.05
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Template:
    """The migrated database for one kind of server and one state of code and settings; ``key`` names it."""

    folder: Path
    kind: str
    key: str

    @classmethod
    def of(cls, kind: str, environment: Mapping[str, str]) -> Self | None:
        """Return the template for a migration with this environment.

        Returns None if plugins make the result of the migration unknown, or if there is no cache folder.

        Raises:
            TradewindError: there is no such server on this machine.
        """
        made_for = identity(environment)
        folder = _folder(environment)
        if made_for is None or folder is None:
            return None
        version = mysql.version() if kind == mysql.KIND else ""  # the embedded server is an installed package
        return cls(folder, kind, hashlib.sha256(f"{kind}\n{version}\n{made_for}".encode()).hexdigest()[:32])

    @property
    def exists(self) -> bool:
        """Whether the file exists. Only ``unpack`` checks whether it can be used."""
        return bool(self._files())

    def unpack(self, data: Path) -> bool:
        """Create the folder ``data`` from the template; returns whether it could. Removes files that cannot be used."""
        for file in self._files():
            try:
                content = file.read_bytes()
                if file.name == self._name(content):
                    file.touch()
                    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                        data.mkdir(mode=0o700)
                        archive.extractall(data, filter="data")
                    return True
            except (OSError, tarfile.TarError):
                shutil.rmtree(data, ignore_errors=True)
            file.unlink(missing_ok=True)
        return False

    def pack(self, data: Path) -> None:
        """Store the data folder of a server that has ended as the template."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
            archive.add(data, arcname=".")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self.folder / f".{secrets.token_hex(8)}"
        temporary.touch(mode=0o600)
        temporary.write_bytes(buffer.getvalue())
        temporary.replace(self.folder / self._name(buffer.getvalue()))
        for old in sorted(self.folder.glob("*.tar.gz"), key=lambda file: file.stat().st_mtime, reverse=True)[KEPT:]:
            old.unlink(missing_ok=True)

    def order(
        self, state_dir: StateDirectory, environment: Mapping[str, str]
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return the command that makes the template in a folder of ``state_dir``, and its environment.

        ``environment`` is the environment of a migration.
        """
        arguments = (str(state_dir.root), str(self.folder), self.kind, self.key)
        return (sys.executable, "-m", "tradewind.local.templates", *arguments), {
            **environment,
            INSTANCE_VARIABLE: INSTANCE,
        }

    def _name(self, content: bytes) -> str:
        return f"{self.kind}-{self.key}-{hashlib.sha256(content).hexdigest()}.tar.gz"

    def _files(self) -> list[Path]:
        """Return only files that the user owns, and none if another user may write to the folder."""
        user = os.geteuid()
        try:
            folder = self.folder.lstat()
            if folder.st_uid != user or folder.st_mode & 0o022:
                return []
            files = sorted(self.folder.glob(f"{self.kind}-{self.key}-*.tar.gz"))
            return [file for file in files if file.lstat().st_uid == user]
        except OSError:
            return []


def no_template(_: Path) -> bool:
    """See ``servers.Unpack``. There is no template."""
    return False


def make(template: Template, state_dir: StateDirectory) -> None:
    """Migrate an empty database in a folder of ``state_dir``, and store it as the template.

    The environment of this process is that of Airflow.

    Raises:
        TradewindError: the server or a migration fails.
    """
    own = StateDirectory(state_dir.root / INSTANCE)
    own.wipe()
    own.create()
    reserved = Reservations()
    try:
        kept = secret_store.load(own.secrets)
        database = KINDS[template.kind](Place(own, another(reserved.take), kept, os.environ), no_template)
        server = subprocess.Popen(database.spec.argv, env=dict(database.spec.env), stdout=subprocess.DEVNULL)  # noqa: S603
        try:
            _migrate(database, kept, own)
        finally:
            server.send_signal(database.spec.stop_signal)
            server.wait(PATIENCE_S)
        if server.returncode == 0:
            template.pack(own.database(template.kind))
    finally:
        reserved.release()
        own.wipe()


def _migrate(database: Database, kept: Mapping[str, str], own: StateDirectory) -> None:
    assert database.spec.probe
    until = time.monotonic() + PATIENCE_S
    while not database.spec.probe.look(0).well:
        if time.monotonic() > until:
            raise TradewindError("the database server did not start")
        time.sleep(POLL_S)
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(own.airflow),
        "AIRFLOW__CORE__FERNET_KEY": kept["fernet"],
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.airflow_url,
        "TRADEWIND_DATABASE_ADMIN": database.admin_url,
        "TRADEWIND_DATABASE_URL": database.airflow_url,
        # A platform that uses this template sets its own password for the login.
        "TRADEWIND_LOGIN_PASSWORD": secrets.token_urlsafe(32),
    }
    for program in ("init_db_users", "migrate_db"):
        subprocess.run([sys.executable, "-m", f"tradewind.runtime.database.{program}"], env=env, check=True)  # noqa: S603


def _folder(environment: Mapping[str, str]) -> Path | None:
    cache = environment.get("XDG_CACHE_HOME", "")
    base = Path(cache) if cache.startswith("/") else _home_cache(environment)
    return base / "tradewind" / "databases" if base else None


def _home_cache(environment: Mapping[str, str]) -> Path | None:
    try:
        return Path(environment.get("HOME") or Path.home()) / ".cache"
    except RuntimeError:  # a user without a name
        return None


def main(argv: list[str]) -> int:
    """Entry point."""
    state_dir, folder, kind, key = argv
    make(Template(Path(folder), kind, key), StateDirectory(Path(state_dir)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
