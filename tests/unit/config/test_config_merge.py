"""The laws of merging ``defaults`` with an environment."""

from typing import Any

from config_samples import parsed
from hypothesis import given
from hypothesis import strategies as st

from tradewind.config.merge import merge, without_nulls

scalars = st.none() | st.booleans() | st.integers(0, 9) | st.text("ab", max_size=2)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
groups = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


def has_null(data: Any) -> bool:
    return isinstance(data, dict) and any(value is None or has_null(value) for value in data.values())


@given(groups)
def test_nothing_on_top_changes_nothing(base: dict[str, Any]) -> None:
    assert merge(base, {}) == without_nulls(base)


@given(groups)
def test_onto_nothing_is_itself(over: dict[str, Any]) -> None:
    assert merge({}, over) == without_nulls(over)


@given(groups, groups)
def test_twice_is_once(base: dict[str, Any], over: dict[str, Any]) -> None:
    once = merge(base, over)

    assert merge(once, over) == once
    assert not has_null(once)


@given(groups, groups)
def test_what_is_on_top_wins(base: dict[str, Any], over: dict[str, Any]) -> None:
    merged = merge(base, over)

    for key, value in over.items():
        if value is None:
            assert key not in merged
        elif not isinstance(value, dict):
            assert merged[key] == without_nulls(value)


def test_mappings_merge_and_lists_replace() -> None:
    config = parsed(
        defaults={"web": {"min": 2, "max": 5}, "network": {"endpoints": ["s3", "ecr"]}, "tags": {"team": "data"}},
        environments__dev__web={"max": 3},
        environments__dev__network={"cidr": "10.0.0.0/16", "endpoints": []},
    )

    dev, prod = config.environment("dev"), config.environment("prod")
    assert (dev.web.min, dev.web.max) == (2, 3)
    assert dev.network.endpoints == ()
    assert prod.network.endpoints == ("s3", "ecr")
    assert dev.tags == prod.tags == {"team": "data"}


def test_null_returns_to_the_built_in_default() -> None:
    config = parsed(
        defaults={"web": {"min": 2, "max": 5}, "broker": {"replicas": 3}},
        environments__dev__web=None,
        environments__dev__broker={"replicas": None},
    )

    assert (config.environment("dev").web.min, config.environment("dev").web.max) == (1, 2)
    assert config.environment("dev").broker.replicas is None
    assert config.environment("prod").web.max == 5


def test_a_class_of_workers_with_nothing_under_it_has_every_default() -> None:
    config = parsed(environments__dev__workers={"heavy": None}, defaults={"workers": {"light": None}})

    assert list(config.environment("dev").workers) == ["light", "heavy"]
    assert config.environment("prod").workers["light"].slots == 16


def test_null_removes_a_class_of_workers() -> None:
    config = parsed(defaults={"workers": {"default": {}, "heavy": {}}}, environments__dev__workers={"heavy": None})

    assert list(config.environment("dev").workers) == ["default"]
    assert config.environment("dev").workers["default"].slots == 16
    assert list(config.environment("prod").workers) == ["default", "heavy"]
