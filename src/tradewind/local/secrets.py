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
    """Return the secrets of this platform, generated at the first call.

    Raises:
        TradewindError: the file cannot be read, or does not have the format that this function writes.
    """
    if file.exists():
        try:
            kept = json.loads(file.read_text())
            return {name: str(kept[name]) for name in (*PASSWORDS, "fernet")}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TradewindError(
                f"{file.name} cannot be used",
                f"{error!r}",
                "tradewind down --wipe, then tradewind up makes new secrets and a new database",
            ) from error
    made = {name: secrets.token_urlsafe(24) for name in PASSWORDS}
    # The user types this password.
    made["login"] = secrets.token_urlsafe(9)
    made["fernet"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    write_private(file, json.dumps(made, indent=2))
    return made


def write_private(file: Path, text: str) -> None:
    """Write a file that other users cannot read at any moment."""
    temporary = file.with_name(file.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    temporary.replace(file)
