"""Check plain data and make a ``Tradewind`` of it, or list all its problems. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tradewind.config import leaks
from tradewind.config.document import Document
from tradewind.config.environment import FILLED, Environment
from tradewind.config.explain import KEY, Explanation, explain, unknown_key
from tradewind.config.merge import merge, without_nulls
from tradewind.config.places import ALONE, Places
from tradewind.config.problems import Finding, KeyPath, Problem
from tradewind.config.relations import findings
from tradewind.config.tenant import Tradewind

# Placeholders for required parts that are missing or wrong, so that the other parts can still be checked.
_STAND_INS: dict[str, Any] = {
    "tenant": "stand-in",
    "region": "eu-west-1",
    "account": "stand-in",
    "accounts": {"stand-in": {"id": "000000000000"}},
    "environments": {"stand-in": {"name": "stand-in", "account": "stand-in"}},
}
_MOST_REPAIRS = 12


def check(document: Document) -> tuple[Tradewind | None, list[Problem]]:
    """Check a document. Returns the configuration and no problems, or None and all problems."""
    problems = list(document.problems)
    if not isinstance(document.data, dict):
        return None, problems or [_not_a_mapping(document)]
    places = Places(document)
    for path, message in leaks.find(document.data):
        problems.append(places.leak(path, message))
    merged, strangers = _merged(document.data)
    problems += [places.problem(one) for one in strangers]
    config, errors, broken = _validated(merged)
    errors = [*errors, *_errors_in_defaults(merged["defaults"])]
    meant = {_meant(error) for error in errors}
    for error in errors:
        if error["type"] != "missing" or error["loc"] not in meant:
            problems.append(places.problem(explain(error), error["input"]))
    if config is not None:
        problems += [places.finding(one) for one in _meaningful(findings(config), broken | document.unread)]
    problems = places.without_repeats(problems)
    return (None, problems) if problems else (config, [])


def _not_a_mapping(document: Document) -> Problem:
    if document.data is None:
        return Problem("", "the file is empty; it needs at least tenant, region, accounts and environments")
    return Problem("", "the file must be a mapping (`key: value`) at its top", line=1, column=1)


def _merged(data: dict[str, Any]) -> tuple[dict[str, Any], list[Explanation]]:
    """Merge ``defaults`` under each environment. Returns the data, and an error for each key that is filled in."""
    result: dict[str, Any] = without_nulls(data)
    defaults = {} if data.get("defaults") is None else without_nulls(_with_classes(data["defaults"], {}))
    result["defaults"] = defaults
    strangers = _filled_keys(ALONE, defaults)
    for group in ("accounts", "environments"):
        if isinstance(data.get(group), dict):
            # An empty `dev:` is an environment that consists of defaults. It does not remove the environment.
            result[group] = {name: {} if own is None else own for name, own in data[group].items()}
    if isinstance(result.get("accounts"), dict):
        result["accounts"] = {name: without_nulls(account) for name, account in result["accounts"].items()}
    if isinstance(result.get("environments"), dict):
        for name, own in result["environments"].items():
            strangers += _filled_keys(name, own)
            result["environments"][name] = _named(name, merge(defaults, _with_classes(own, defaults)))
    return result, strangers


def _with_classes(own: Any, defaults: Any) -> Any:
    """Replace an empty worker pool by one with all default values.

    A null for a pool of ``defaults`` stays, because it removes that pool.
    """
    if not isinstance(own, dict) or not isinstance(own.get("workers"), dict):
        return own
    inherited = defaults.get("workers") if isinstance(defaults, dict) else None
    inherited = inherited if isinstance(inherited, dict) else {}
    classes = {
        name: {} if settings is None and name not in inherited else settings
        for name, settings in own["workers"].items()
    }
    return {**own, "workers": classes}


def _filled_keys(name: str, group: Any) -> list[Explanation]:
    keys = [key for key in group if key in FILLED] if isinstance(group, dict) else []
    return [unknown_key(("environments", name, key)) for key in keys]


def _named(name: str, settings: Any) -> Any:
    if not isinstance(settings, dict):
        return settings
    return {**{key: value for key, value in settings.items() if key not in FILLED}, "name": name}


def _errors_in_defaults(defaults: Any) -> Iterator[ErrorDetails]:
    """Errors in ``defaults``, even if every environment overrides them. A missing value counts only inside a list."""
    if not isinstance(defaults, dict):
        return
    try:
        Environment.model_validate({"account": "stand-in", **_named("stand-in", defaults)})
    except ValidationError as error:
        for one in error.errors(include_url=False):
            in_list = any(isinstance(part, int) for part in one["loc"])
            if one["type"] != "missing" or in_list:
                one["loc"] = ("environments", ALONE, *one["loc"])
                yield one


def _validated(data: dict[str, Any]) -> tuple[Tradewind | None, list[ErrorDetails], set[KeyPath]]:
    """Validate the data. If that fails, repair it until the rest is valid, so that rules between settings can run.

    Returns the (repaired) configuration, the errors of the first attempt, and the paths that were repaired.
    """
    data = copy.deepcopy(data)
    first: list[ErrorDetails] = []
    broken: set[KeyPath] = set()
    for _ in range(_MOST_REPAIRS):
        try:
            return _complete(Tradewind.model_validate(data)), first, broken
        except ValidationError as error:
            errors = error.errors(include_url=False)
            first = first or errors
            for one in errors:
                broken |= _repair(data, one)
    return None, first, broken


def _complete(config: Tradewind) -> Tradewind:
    """Add the account's id, and whether it is a production account, to every environment."""
    environments = {}
    for name, environment in config.environments.items():
        account = config.accounts.get(environment.account)
        update = {"account_id": account.id, "production": account.production} if account else {}
        environments[name] = environment.model_copy(update=update)
    return config.model_copy(update={"environments": environments})


def _repair(data: dict[str, Any], error: ErrorDetails) -> set[KeyPath]:
    """Remove the value that an error is about, or add a placeholder for a missing one; in place. Returns the paths."""
    path: KeyPath = tuple(part for part in error["loc"] if part != KEY)
    if error["type"] == "missing":
        if path[-1] in _STAND_INS and len(path) in (1, 3):
            parent = _parent(data, path)
            if parent is not None:
                parent[path[-1]] = copy.deepcopy(_STAND_INS[str(path[-1])])
            return {path}
        path = path[:-1]
    broken = {path}
    if meant := _meant(error):
        broken.add(meant)
    if not path:
        return broken
    # An item of a list has no meaning without the other items, so the whole list is removed.
    until = next((index for index, part in enumerate(path) if isinstance(part, int)), len(path))
    parent = _parent(data, path[:until])
    if parent is not None:
        parent.pop(path[until - 1], None)
    return broken | {path[:until]}


def _meant(error: ErrorDetails) -> KeyPath:
    """The key that a misspelt key refers to, else empty. That key is not missing, and its value is unknown."""
    if error["type"] != "extra_forbidden":
        return ()
    path = error["loc"]
    close = unknown_key(path).nearest
    return (*path[:-1], close) if close else ()


def _parent(data: dict[str, Any], path: KeyPath) -> dict[str | int, Any] | None:
    group: Any = data
    for part in path[:-1]:
        group = group.get(part) if isinstance(group, dict) else None
    return group if isinstance(group, dict) else None


def _meaningful(all_findings: Iterator[Finding], broken: set[KeyPath]) -> Iterator[Finding]:
    for finding in all_findings:
        if not any(path[: len(wrong)] == wrong for path in finding.paths for wrong in broken):
            yield finding
