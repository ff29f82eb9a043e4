"""The provider's plan: which values stay, which are known only after apply, and which changes replace a resource."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from standin.values import UNKNOWN, Block, Value, each_attribute, known


@dataclass(frozen=True)
class Plan:
    """A planned state, the arguments whose change needs a new resource, and whether defaults were filled in."""

    state: dict[str, Value] | None
    replace: list[str]
    defaults: bool


@dataclass(frozen=True)
class Settings:
    """The provider's configuration."""

    region: str
    account: str
    default_tags: dict[str, str]


def plan(block: Block, prior: dict[str, Value] | None, proposed: dict[str, Value] | None, settings: Settings) -> Plan:
    """Plans one resource. `proposed` is Terraform's merge of the configuration with the prior state."""
    if proposed is None:
        return Plan(None, [], False)
    state = copy.deepcopy(proposed)
    defaults = _fill(block, state, settings)
    if prior is None:
        each_attribute(block, state, _unknown_if_computed)
        if "domain_validation_options" in state:
            state["domain_validation_options"] = _validation_options(state)
        return Plan(state, [], defaults)
    each_attribute(block, state, _without_write_only)
    replace = [name for name in block["replace"] if _changed(prior.get(name), state.get(name))]
    return Plan(state, replace, defaults)


def _fill(block: Block, state: dict[str, Value], settings: Settings) -> bool:
    attributes = block.get("attributes", {})
    filled = False
    for name, value in block["default"].items():
        if state.get(name) is None:
            state[name] = value
            filled = True
    if "region" in attributes and state.get("region") is None:
        state["region"] = settings.region
    if "tags_all" in attributes:
        tags = state.get("tags")
        # A resource may exclude the provider's tags; only S3's object can.
        ours = {} if state.get("override_provider") else settings.default_tags
        state["tags_all"] = UNKNOWN if tags is UNKNOWN else {**ours, **(tags or {})}
    return filled


def _unknown_if_computed(name: str, attribute: Block, value: Value) -> Value:
    if attribute.get("write_only"):
        return None
    return UNKNOWN if value is None and attribute.get("computed") else value


def _without_write_only(name: str, attribute: Block, value: Value) -> Value:
    return None if attribute.get("write_only") else value


def _changed(before: Value, after: Value) -> bool:
    return after is UNKNOWN or before != after


def _validation_options(certificate: dict[str, Value]) -> Value:
    """The records that prove a domain. The provider plans their names, because configurations iterate over them."""
    others = certificate.get("subject_alternative_names")
    domains = [certificate.get("domain_name"), *(others if isinstance(others, list) else [])]
    if others is UNKNOWN and certificate.get("validation_method") == "DNS":
        others = []
    if certificate.get("validation_method") != "DNS" or not known([domains, others]):
        return [] if certificate.get("validation_method") == "EMAIL" else UNKNOWN
    record = {f"resource_record_{part}": UNKNOWN for part in ("name", "type", "value")}
    return [{"domain_name": domain, **record} for domain in dict.fromkeys(domains)]
