"""Find secrets that are in the file by mistake, by their format or their key. They are never printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tradewind.config.problems import KeyPath, shortened

_LOOKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("an AWS access key", re.compile(r"(?<![A-Z0-9])(AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])")),
    ("a private key", re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")),
    ("a URL with a password", re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s:@]*:[^/\s@]+@")),
    ("a signed token (JWT)", re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")),
    ("a GitHub token", re.compile(r"(gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})")),
)
_KEYS = re.compile(
    r"(^|[_.-])(password|passwd|secret|token|api_?key|private_?key|(secret_)?access_?key)s?$", re.IGNORECASE
)
REFERENCES = frozenset({"client_secret"})
"""Keys that match ``_KEYS``, but hold the name of a secret, not the secret itself."""


def secret_kind(text: str) -> str | None:
    """The kind of secret that a text looks like ("an AWS access key"), or None."""
    return next((kind for kind, pattern in _LOOKS if pattern.search(text)), None)


def secret_key(key: object) -> bool:
    """Whether a key names a secret: its value is then never shown."""
    return isinstance(key, str) and bool(_KEYS.search(key))


def find(data: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """The path of every secret in plain data, with a message that does not contain it."""
    if isinstance(data, dict):
        for key, value in data.items():
            kind = secret_kind(key)
            if kind:
                yield (*path, key), f"the key looks like {kind}; {_INSTEAD}"
            else:
                yield from _entry(key, value, (*path, key))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from find(item, (*path, index))
    elif isinstance(data, str):
        kind = secret_kind(data)
        if kind:
            yield path, f"looks like {kind}; {_INSTEAD}"


_INSTEAD = "this file never holds secrets: revoke this one, and keep the new one in Secrets Manager"


def _entry(key: str, value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    holds_one = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    # Airflow settings have their own rules, which name the source of each secret.
    if secret_key(key) and holds_one and key not in REFERENCES and path[-2:-1] != ("settings",):
        yield path, f"names a secret; {_INSTEAD}"
    else:
        yield from find(value, path)


def render(path: KeyPath) -> str:
    """A path as users write it: ``a.b[0]``, with ``[core.parallelism]`` for a key that has dots."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif secret_kind(part):
            text += ".***" if text else "***"
        elif re.fullmatch(r"[\w-]+", part):
            text += f".{part}" if text else part
        else:
            text += f"[{shortened(part)}]"
    return text
