"""Ephemeral resources: values that Terraform keeps in no plan and no state."""

from __future__ import annotations

import hashlib
import random
import string

from standin import invent
from standin.planning import Settings
from standin.values import UNKNOWN, Block, Value, each_attribute

_SYSTEM = random.SystemRandom()
# The characters that Secrets Manager counts as punctuation.
_PUNCTUATION = string.punctuation


def open_resource(kind: str, block: Block, config: dict[str, Value], settings: Settings) -> dict[str, Value]:
    """The result of opening an ephemeral resource. Raises ValueError if no such password is possible."""
    result = dict(config)
    if "region" in block["attributes"] and result.get("region") is None:
        result["region"] = settings.region
    if kind == "aws_secretsmanager_random_password":
        result["random_password"] = password(config)
    elif kind == "aws_secretsmanager_secret_version":
        result["secret_string"] = text_of(str(config.get("secret_id")))
        result["arn"] = config.get("secret_id")
    each_attribute(
        block, result, lambda name, attribute, value: UNKNOWN if value is None and attribute.get("computed") else value
    )
    invent.fill(kind, block, result, settings)
    return result


def password(config: dict[str, Value]) -> str:
    """A random password, with the arguments and defaults of GetRandomPassword."""
    excluded = set(config.get("exclude_characters") or "")
    classes = {
        "lowercase": string.ascii_lowercase,
        "uppercase": string.ascii_uppercase,
        "numbers": string.digits,
        "punctuation": _PUNCTUATION,
    }
    wanted = [
        "".join(c for c in characters if c not in excluded)
        for name, characters in classes.items()
        if not config.get(f"exclude_{name}")
    ]
    wanted = [characters for characters in wanted if characters]
    every = "".join(wanted) + (" " if config.get("include_space") else "")
    length = config.get("password_length") or 32
    if not every or length < len(wanted) or length > 4096:
        raise ValueError(f"no password of {length} characters can be made with these exclusions")
    required = [] if config.get("require_each_included_type") is False else [_SYSTEM.choice(c) for c in wanted]
    letters = required + [_SYSTEM.choice(every) for _ in range(length - len(required))]
    _SYSTEM.shuffle(letters)
    return "".join(letters)


def text_of(secret: str) -> str:
    """The value of a secret. It depends on the id, and is in no configuration."""
    return hashlib.sha256(f"secret {secret}".encode()).hexdigest()
