"""The URLs of the database's users, and the errors for wrong URLs, which never contain the URL."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.runtime.database import init_db_users
from tradewind.runtime.database.account import Account

NAMES = ("TRADEWIND_DATABASE_ADMIN", "TRADEWIND_DATABASE_URL")
printable = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, codec="utf-8"), min_size=1)


@pytest.mark.parametrize(
    ("url", "account"),
    [
        (
            "postgresql+psycopg2://airflow:word@db.example.com:5432/airflow",
            Account("postgresql", "airflow", "word", "db.example.com", 5432, "airflow"),
        ),
        (
            "mysql+pymysql://airflow:a%40b%3Ac%2Fd%23e%3Ff@10.0.0.1:3306/metadata",
            Account("mysql", "airflow", "a@b:c/d#e?f", "10.0.0.1", 3306, "metadata"),
        ),
        ("mysql://root:@h:3306", Account("mysql", "root", "", "h", 3306, "")),
        ("mysql://ro%40ot@h:3306/", Account("mysql", "ro@ot", "", "h", 3306, "")),
        ("postgresql://u:100%25@[::1]:5432/x", Account("postgresql", "u", "100%", "::1", 5432, "x")),
        ("postgresql://u:a+b@h:5432/x?sslmode=require", Account("postgresql", "u", "a+b", "h", 5432, "x")),
    ],
)
def test_a_url_is_an_account(url: str, account: Account) -> None:
    assert Account.from_url(url) == account


WANTED = Account("mysql", "airflow", "word", "db.example.com", 3306, "airflow", "/ca.pem")


def test_the_authorities_of_the_server() -> None:
    url = "mysql+pymysql://airflow:word@db.example.com:3306/airflow?ssl_ca=/ca.pem"
    assert Account.from_url(url) == WANTED


def test_the_administrator_as_rds_keeps_it() -> None:
    text = '{"username": "tradewind", "password": "a@b:{c}"}'
    assert Account.administrator(text, WANTED) == Account(
        "mysql", "tradewind", "a@b:{c}", "db.example.com", 3306, "", "/ca.pem"
    )


def test_the_administrator_as_a_url() -> None:
    url = "mysql+pymysql://root:word@db.example.com:3306/"
    assert Account.administrator(url, WANTED) == Account.from_url(url)


@pytest.mark.parametrize("text", ['{"username": "hush"}', "{hush", '{"password": "hush"}', '{"hush": 1}'])
def test_an_administrator_that_cannot_be_read_is_not_told(text: str) -> None:
    with pytest.raises(ValueError, match="not JSON with username and password") as caught:
        Account.administrator(text, WANTED)
    assert "hush" not in str(caught.value)


@given(printable, printable)
def test_any_user_and_password(user: str, password: str) -> None:
    url = f"postgresql+psycopg2://{quote(user, safe='')}:{quote(password, safe='')}@db:5432/name"

    assert Account.from_url(url) == Account("postgresql", user, password, "db", 5432, "name")


@pytest.mark.parametrize(
    "url",
    [
        "secret",
        "postgresql://u:secret@/name",
        "postgresql://u:secret@host/name",
        "postgresql://:secret@host:5432/name",
        "postgresql://host:5432/secret",
        # Passwords that are not URL-encoded.
        "postgresql://u:a/secret@host:5432/name",
        "postgresql://u:a#secret@host:5432/name",
        "postgresql://u:a?secret@host:5432/name",
        "postgresql://u:[secret@host:5432/name",
        "postgresql://u:a@b:secret/c@host:5432/name",
        "postgresql://u:p@host:secret/name",
        "postgresql://u:secret@host:99999/name",
        "postgresql://u:secret\u2100@host:5432/name",
    ],
)
def test_what_is_wrong_is_told_without_the_url(url: str) -> None:
    with pytest.raises(ValueError) as raised:
        Account.from_url(url)

    assert "secret" not in str(raised.value)


def test_a_database_that_is_not_supported() -> None:
    admin = Account.from_url("oracle://sys:secret@h:1521/x")

    with pytest.raises(ValueError, match="'oracle' is not a supported database: postgresql, mysql"):
        init_db_users.init_db_users(admin, admin)


@pytest.mark.parametrize("given_", [(), NAMES[:1], NAMES[1:]], ids=len)
def test_all_missing_variables_are_named(
    given_: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name in given_:
        monkeypatch.setenv(name, "postgresql://u:secret@h:1/x")

    assert init_db_users.main() == 2

    said = capsys.readouterr()
    missing = ", ".join(name for name in NAMES if name not in given_)
    assert (said.out, said.err) == ("", f"error: init-db-users needs {missing} in its environment\n")


def test_an_empty_variable_is_a_missing_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")

    assert init_db_users.main() == 2
    assert NAMES[1] in capsys.readouterr().err
