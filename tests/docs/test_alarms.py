"""The page of alarms has a section for each alarm that Terraform creates, and no other section."""

from __future__ import annotations

import re
from typing import Any

import blocks
import pytest
from blocks import DOCS, ROOT

from tradewind import config
from tradewind.infrastructure.variables import environment_variables

PAGE = DOCS / "reference/alarms.md"
HCL = (ROOT / "terraform/modules/observability/alarms.tf").read_text()
PARTS = ("Means", "Look at", "Run", "Clears")
EXAMPLES = ("tradewind.yaml", "examples/large/tradewind.yaml")

# The map of an alarm begins with its description. Its key is a name, or a template in quotes.
_ALARM = re.compile(
    r'(?m)(?:"(?P<template>[^"\n]+)"|\b(?P<name>[\w-]+)) =>? \{\n'
    r' *description *= "(?P<description>[^"\n]+)"\n(?P<rest>(?:(?! *\}).*\n)+)'
)
PLACEHOLDERS = {
    "var.load_balancers": "LOAD-BALANCER",
    "var.target_groups": "TARGET",
    "var.services": "SERVICE",
    "var.broker_node_ids": "NUMBER",
}
"""The placeholder in headings for the key of each variable."""


def _alarms() -> dict[str, dict[str, Any]]:
    """Map the heading of each alarm of the HCL to its source (the variable that its name is made of) and its settings.

    ``minutes``: the number of values, one a minute, that must be bad. ``sender``: from the description.
    """
    common = re.search(r"common = \{.*?periods *= (\d+)", HCL, re.DOTALL)
    assert common
    connections = re.search(r"name => merge\(alarm, \{.*?periods *= (\d+)", HCL, re.DOTALL)
    assert connections
    found: dict[str, dict[str, Any]] = {}
    for match in _ALARM.finditer(HCL):
        periods = re.search(r"periods *= (\d+)", match["rest"])
        group = re.findall(r"(?m)^  (\w+_alarms) = ", HCL[: match.start()])[-1]
        # The settings that these alarms share follow their maps.
        default = connections[1] if group == "connection_alarms" else common[1]
        alarm = {
            "minutes": int(periods[1] if periods else default),
            "sender": match["description"].rpartition("Sent by ")[2].removesuffix("."),
            "source": "",
        }
        for heading, source in _headings(match):
            assert heading not in found
            found[heading] = {**alarm, "source": source}
    return found


def _headings(match: re.Match[str]) -> list[tuple[str, str]]:
    """The headings of an alarm's key, each with the variable that the key is made of; empty if it is a name."""
    if match["name"]:
        return [(match["name"], "")]
    source = re.findall(r"for [\w, ]+ in ([\w.]+) :", HCL[: match.start() + 1])[-1]
    key = re.compile(r"\$\{\w+\}")
    if source == "local.heartbeats":
        line = re.search(r"heartbeats = \{(.*)\}", HCL)
        assert line
        names = re.findall(r"([\w-]+) = ", line[1])
        return [(key.sub(name, match["template"]), "") for name in names]
    return [(key.sub(PLACEHOLDERS[source], match["template"]), source)]


def _names(heading: str, source: str) -> set[str]:
    """The names of an alarm in all environments of the example configurations."""
    if not source:
        return {heading}
    found: set[str] = set()
    for file in EXAMPLES:
        tradewind = config.load(ROOT / file)
        for name in tradewind.environments:
            found |= {
                heading.replace(PLACEHOLDERS[source], key)
                for key in _keys(source, environment_variables(tradewind, name))
            }
    return found


def _keys(source: str, variables: Any) -> set[str]:
    """The keys that ``terraform/stacks/environment/observability.tf`` gives the module for a variable."""
    services = variables["services"]
    match source:
        case "var.load_balancers":
            return {"public", "internal"}
        case "var.target_groups":
            public = {f"public-{name}" for name, service in services.items() if service["exposure"] == "public"}
            return public | {f"internal-{variables['execution_api']}"}
        case "var.services":
            one = {n: s for n, s in services.items() if not s["one_shot"] and len(s["replica_sets"]) == 1}
            return {name for name, service in one.items() if service["min"] > 0}
        case _:
            return {str(number) for number in range(variables["broker"]["replicas"] + 1)}


ALARMS = _alarms()


def test_every_alarm_of_the_hcl_is_found() -> None:
    assert len(ALARMS) == 16
    found = len(_ALARM.findall(HCL))
    assert found == len(re.findall(r'(?m)^ *metric *= "', HCL)) == len(re.findall(r" Sent by ", HCL))
    others = [path for path in (ROOT / "terraform").rglob("*.tf") if '_alarm"' in path.read_text()]
    assert [path.name for path in others] == ["alarms.tf"]
    assert len(re.findall(r"(?m)^resource ", HCL)) == 1
    groups = set(re.findall(r"(?m)^  (\w+_alarms) = ", HCL))
    assert groups == set(re.findall(r"in local\.(\w+_alarms) :", HCL))


def test_the_page_has_a_section_for_each_alarm_and_no_other() -> None:
    assert re.findall(r"(?m)^## (.+)$", PAGE.read_text()) == [row[0] for row in _rows()]
    assert set(ALARMS) == {row[0] for row in _rows()}


@pytest.mark.parametrize("alarm", ALARMS)
def test_a_section_has_all_parts(alarm: str) -> None:
    section = PAGE.read_text().partition(f"\n## {alarm}\n")[2].partition("\n## ")[0]
    assert re.findall(r"(?m)^- \*\*([\w ]+)\*\*: \S", section) == list(PARTS)


@pytest.mark.parametrize("alarm", ALARMS)
def test_the_table_has_the_names_and_the_settings_of_the_hcl(alarm: str) -> None:
    (row,) = (row for row in _rows() if row[0] == alarm)
    expected = ALARMS[alarm]
    assert set(re.findall(r"[\w-]+", row[1].replace("`", ""))) == _names(alarm, expected["source"])
    assert (int(row[2]), row[3]) == (expected["minutes"], expected["sender"])


def _rows() -> list[list[str]]:
    return blocks.cells(PAGE, "Alarms: what each means and what to do")
