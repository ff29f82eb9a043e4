"""The error messages of the configuration."""

import pytest
from config_samples import changed, problems, text

from tradewind.config import ConfigError, Problem, parse
from tradewind.config.cron import cron_fault
from tradewind.config.problems import nearest, shortened

JARGON = ("input", "pydantic", "str", "int", "dict", "tuple", "none", "nonetype", "bool", "validation")


def test_one_line_that_editors_can_jump_to() -> None:
    problem = Problem("a.mim", "unknown key", None, ("max", "min"), "min", 14, 9)

    assert problem.text("f.yaml") == "f.yaml:14:9: a.mim: unknown key; did you mean `min`? (allowed: max, min)"


def test_nearest() -> None:
    assert nearest("S3", ("s3", "ecr")) == "s3"
    assert nearest("zebra", ("min", "max")) is None
    assert nearest(5, ("min",)) is None


def test_values_are_shown_on_one_line() -> None:
    assert shortened("a\nb\x07\ud800") == "a b\\x07\\ud800"
    assert len(shortened("x" * 1000)) == 60


def test_everything_is_reported_at_once_in_file_order() -> None:
    data = changed(
        tenant="Not Valid",
        environments__dev__web={"min": 9},
        environments__dev__colour="blue",
        environments__prod__database={"multi_az": "yes"},
    )

    with pytest.raises(ConfigError) as raised:
        parse(text(data))

    found = raised.value.problems
    assert [problem.path for problem in found] == [
        "tenant",
        "environments.dev.web.max",
        "environments.dev.colour",
        "environments.prod.database.multi_az",
    ]
    assert [problem.line for problem in found] == sorted(problem.line or 0 for problem in found)


def test_errors_in_defaults_are_reported_once() -> None:
    found = problems(defaults={"web": {"min": "many"}, "colour": "blue", "triggerer": {"min": 3}})

    assert list(found) == ["defaults.web.min", "defaults.colour", "defaults.triggerer.max"]


def test_errors_in_defaults_are_reported_even_where_everyone_overrides_them() -> None:
    own = {"environments__dev__web": {"min": 1}, "environments__prod__web": {"min": 1}}

    assert list(problems(defaults={"web": {"min": "many"}}, **own)) == ["defaults.web.min"]


@pytest.mark.parametrize("value", [None, 5, 2.5, True, "x", [], {}, [1], {"a": 1}], ids=str)
@pytest.mark.parametrize(
    "path",
    [
        "tenant",
        "region",
        "tags",
        "accounts",
        "promotion",
        "defaults",
        "environments",
        "local",
        "accounts__main",
        "accounts__main__id",
        "accounts__main__alert_emails",
        "environments__dev",
        "environments__dev__account",
        "environments__dev__network",
        "environments__dev__network__vpc",
        "environments__dev__network__zones",
        "environments__dev__web__cpu",
        "environments__dev__web__schedule",
        "environments__dev__workers",
        "environments__dev__workers__default",
        "environments__dev__workers__default__queues",
        "environments__dev__identity__roles",
        "environments__dev__airflow__settings",
        "environments__dev__logs__retention_days",
        "local__ports__web",
    ],
)
def test_any_value_anywhere_is_answered_in_plain_words(path: str, value: object) -> None:
    for message in problems(**{path: value}).values():
        assert not set(message.lower().replace("`", " ").split()) & set(JARGON), message
        assert "is not valid" not in message


@pytest.mark.parametrize(
    "good", ["* * * * *", "*/15 6-20 * * 1-5", "0,30 8 1 jan-mar *", "0 6 * * MON-FRI", "0 0 * * 7"]
)
def test_cron(good: str) -> None:
    assert cron_fault(good) is None


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "5-1 * * * *",
        "*/0 * * * *",
        "0 0 1 * 1",
        "a b c d e",
    ],
)
def test_cron_that_is_wrong(bad: str) -> None:
    assert cron_fault(bad)
