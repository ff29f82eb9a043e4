"""Rules between parts of the file: accounts, promotion, addresses. Pure; all violations are reported."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from itertools import combinations

from tradewind.config.environment_relations import environment_findings
from tradewind.config.problems import Finding, KeyPath, nearest
from tradewind.config.tenant import Tradewind


def findings(config: Tradewind) -> Iterator[Finding]:
    """Every violated rule of a configuration whose single values are valid."""
    yield from _accounts(config)
    yield from _promotion(config)
    yield from _production(config)
    yield from _addresses(config)
    yield from _branches(config)
    yield from _names_of_workers(config)
    yield from _local(config)
    for name, environment in config.environments.items():
        yield from environment_findings(name, environment)


def last_environment(config: Tradewind) -> str | None:
    """The last environment of the promotion path, or None if there is not exactly one."""
    last = [name for name in config.environments if name not in config.promotion]
    return last[0] if len(last) == 1 else None


def _environment(name: str, *rest: str) -> KeyPath:
    return ("environments", name, *rest)


def _accounts(config: Tradewind) -> Iterator[Finding]:
    known = tuple(config.accounts)
    for name, environment in config.environments.items():
        account = environment.account
        if account not in config.accounts:
            yield Finding(
                (_environment(name, "account"), ("accounts", account)),
                "there is no such account",
                repr(account),
                known,
                nearest(account, known),
            )
    for (one, first), (two, second) in combinations(config.accounts.items(), 2):
        if first.id == second.id:
            yield Finding(
                (("accounts", two, "id"), ("accounts", one, "id")),
                f"is also the id of the account {one}; ids must differ",
            )


def _promotion(config: Tradewind) -> Iterator[Finding]:
    known = tuple(config.environments)
    for source, target in config.promotion.items():
        for name in (source, target):
            if name not in config.environments:
                yield Finding(
                    (("promotion", source), _environment(name)),
                    f"there is no environment {name}",
                    allowed=known,
                    nearest=nearest(name, known),
                )
    involved = tuple(("promotion", name) for name in known)
    without = [name for name in known if name not in config.promotion]
    if len(known) > 1 and not config.promotion:
        yield Finding((("promotion",), *involved), "is required if there is more than one environment")
    elif len(without) > 1:
        message = f"every environment but the last needs a target; these have none: {', '.join(without)}"
        yield Finding((("promotion",), *involved), message)
    yield from _circles(config)


def _circles(config: Tradewind) -> Iterator[Finding]:
    reported: set[str] = set()
    for start in config.promotion:
        walk = [start]
        while (following := config.promotion.get(walk[-1])) and following not in walk:
            walk.append(following)
        if following == start and start not in reported:
            reported.update(walk)
            circle = " -> ".join([*walk, start])
            yield Finding(tuple(("promotion", name) for name in walk), f"the promotion path is circular: {circle}")


def _production(config: Tradewind) -> Iterator[Finding]:
    if len(config.environments) == 1:
        return
    last = last_environment(config)
    targets = set(config.promotion.values())
    for name, environment in config.environments.items():
        account = config.accounts.get(environment.account)
        if account is None:
            continue
        paths = (
            _environment(name, "account"),
            ("accounts", environment.account, "production"),
            *(("promotion", other) for other in config.environments),
        )
        if name == last and not account.production:
            yield Finding(
                paths, "the last environment of the promotion path must be in an account with production: true"
            )
        if name not in targets and name in config.promotion and account.production:
            yield Finding(paths, "the first environment of the promotion path must not be in a production account")


def _addresses(config: Tradewind) -> Iterator[Finding]:
    ranges = [
        (name, ipaddress.IPv4Network(environment.network.cidr))
        for name, environment in config.environments.items()
        if environment.network.cidr
    ]
    for (one, first), (two, second) in combinations(ranges, 2):
        if first.overlaps(second):
            yield Finding(
                (_environment(two, "network", "cidr"), _environment(one, "network", "cidr")),
                f"overlaps with the range of {one} ({first})",
                f"'{second}'",
            )


def _branches(config: Tradewind) -> Iterator[Finding]:
    with_branch = [
        (name, environment.branch) for name, environment in config.environments.items() if environment.branch
    ]
    for (one, first), (two, second) in combinations(with_branch, 2):
        if first == second:
            yield Finding(
                (_environment(two, "branch"), _environment(one, "branch")),
                f"is also the branch of {one}; a branch can have only one environment",
                repr(second),
            )


def _names_of_workers(config: Tradewind) -> Iterator[Finding]:
    """The roles of a worker pool ``web`` of ``dev`` and of the service web of ``dev-worker`` would have one name."""
    for name, environment in config.environments.items():
        for other, neighbour in config.environments.items():
            same = environment.account == neighbour.account
            if same and (name == f"{other}-worker" or name.startswith(f"{other}-worker-")):
                message = (
                    f"must not begin with {other}-worker: resources of the workers of {other} have this prefix in the "
                )
                yield Finding((_environment(name),), message + "same account; choose another name")


def _local(config: Tradewind) -> Iterator[Finding]:
    name, known = config.local.environment, tuple(config.environments)
    if name is not None and name not in config.environments:
        yield Finding(
            (("local", "environment"), _environment(name)),
            "there is no such environment",
            repr(name),
            known,
            nearest(name, known),
        )
    ports = config.local.ports
    if ports.web is not None and ports.web == ports.flower:
        yield Finding(
            (("local", "ports", "flower"), ("local", "ports", "web")), "is also the port of web", str(ports.flower)
        )
