"""No file that Terraform reads or writes for the large example contains a secret.

The stand-in draws random values as Secrets Manager does. The stand-in of these tests records every value
that passes through it. The test searches for all of them, and for anything that looks like a credential.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from deployed import Deployed, everything

KINDS = ["given", "plan", "state", "settled"]

URL_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@\"%:]*:[^\s/@\"%]+@")
# 20 letters and digits of every kind hold more than 100 bits; 43 characters and `=` are 32 bytes in base64.
RANDOM = re.compile(r"\b(?=[A-Za-z]*\d)(?=[A-Z0-9]*[a-z])(?=[a-z0-9]*[A-Z])[A-Za-z0-9]{20,}\b|\b[\w+/-]{43}=")
CREDENTIALS = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----")


@pytest.fixture(scope="module")
def made() -> list[Deployed]:
    return everything()[0]


@pytest.fixture(scope="module")
def secrets() -> list[tuple[str, str, str]]:
    return everything()[1]


@pytest.fixture(scope="module")
def values(secrets: list[tuple[str, str, str]]) -> set[str]:
    return {value for _, _, value in secrets}


@pytest.fixture(scope="module")
def environments(made: list[Deployed]) -> int:
    return len([each for each in made if each.name.startswith("environment-")])


def test_secrets_were_made_and_handed_over(
    secrets: list[tuple[str, str, str]], values: set[str], environments: int
) -> None:
    """Without recorded values, the search below would pass without searching."""
    assert {(kind, name) for kind, name, _ in secrets} == {
        ("aws_secretsmanager_random_password", "random_password"),
        ("aws_secretsmanager_secret_version", "secret_string"),
        ("aws_secretsmanager_secret_version", "secret_string_wo"),
        ("aws_elasticache_replication_group", "auth_token_wo"),
    }
    assert environments == 4
    assert len(values) >= 15 * environments
    assert all(len(value) >= 20 for value in values)


def test_every_generated_value_is_what_its_readers_take(secrets: list[tuple[str, str, str]], environments: int) -> None:
    written = [value for _, name, value in secrets if name == "secret_string_wo"]
    keys = [value for value in written if re.fullmatch(r"[\w-]{43}=", value)]
    assert len(keys) == environments
    assert all(len(base64.urlsafe_b64decode(key)) == 32 for key in keys)
    for scheme in ("mysql+pymysql://airflow:", "rediss://:", "admin:"):
        assert len([value for value in written if value.startswith(scheme)]) == environments
    tokens = [value for _, name, value in secrets if name == "auth_token_wo"]
    urls = [value for value in written if value.startswith("rediss://")]
    assert all(any(f"rediss://:{token}@" in url for token in tokens) for url in urls)
    assert len(set(written)) == len(written), "two secrets are the same"


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_is_written(kind: str, made: list[Deployed], values: set[str]) -> None:
    forms = set().union(*map(_forms, values))
    assert [each.name for each in made if any(form in getattr(each, kind) for form in forms)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_looks_like_a_credential(kind: str, made: list[Deployed]) -> None:
    found = {f"{each.name}: {line}" for each in made for line in _suspicious(getattr(each, kind))}
    assert not found, "\n".join(sorted(found))


@pytest.mark.parametrize(
    "planted",
    [
        "mysql+pymysql://airflow:hunter2@db.example.com/airflow",
        "k3Yw8sQpLz0aVb7TnXc4MdRe",
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_a_planted_credential_is_found(planted: str) -> None:
    assert list(_suspicious(json.dumps({"environment": json.dumps([{"name": "X", "value": planted}])})))


def test_a_planted_secret_is_found(values: set[str]) -> None:
    value = next(iter(values))
    for written in (value, json.dumps({"x": value}), base64.b64encode(value.encode()).decode()):
        assert any(form in written for form in _forms(value))


def _forms(value: str) -> set[str]:
    """A value as it is, as written inside JSON, and in base64."""
    plain = base64.b64encode(value.encode()).decode()
    return {value, json.dumps(value)[1:-1], plain, base64.urlsafe_b64encode(value.encode()).decode()}


def _suspicious(document: str) -> Iterator[str]:
    for text in _texts(json.loads(document)):
        for pattern in (URL_WITH_PASSWORD, RANDOM, CREDENTIALS):
            yield from (f"{match[0]} in {text[:200]}" for match in pattern.finditer(text))


def _texts(value: Any) -> Iterator[str]:
    """Every string in a document, also in the documents that are strings in it."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        if value[:1] in ("{", "[") and (inner := _parsed(value)) is not None:
            yield from _texts(inner)
        else:
            yield value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
