"""Secrets of the platform on one machine: generated once, kept in one file that only the owner can read."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from tradewind.errors import TradewindError

PASSWORDS = ("admin", "airflow", "broker", "login", "flower", "jwt", "api")


def load(file: Path) -> Mapping[str, str]:
    """The secrets of this home, generated at the first call.

    Raises:
        TradewindError: the file is not what this wrote.
    """
    if file.exists():
        try:
            kept = json.loads(file.read_text())
            return {name: str(kept[name]) for name in (*PASSWORDS, "fernet")}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TradewindError(
                f"{file.name} cannot be used", f"{error!r}", "tradewind down --wipe makes a new one, and a new database"
            ) from error
    made = {name: secrets.token_urlsafe(24) for name in PASSWORDS}
    # A person types this one.
    made["login"] = secrets.token_urlsafe(9)
    made["fernet"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    write_private(file, json.dumps(made, indent=2))
    return made


def write_private(file: Path, text: str) -> None:
    """Write a file that nobody else could read at any moment."""
    temporary = file.with_name(file.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    temporary.replace(file)
