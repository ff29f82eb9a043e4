"""Reports of checks in JUnit's XML format, which Jenkins reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Case:
    """One check: its name, its problem (empty if it passed), and its duration in seconds."""

    name: str
    problem: str
    seconds: float = 0.0


def write(file: Path, suites: Mapping[str, Iterable[Case]], others: Iterable[bytes] = ()) -> None:
    """Write a report with one suite for each key and the suites of ``others``. Create the folder if it is missing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(report(suites, others))


def report(suites: Mapping[str, Iterable[Case]], others: Iterable[bytes] = ()) -> bytes:
    """Return the report. ``others`` are reports that other programs wrote. Pure."""
    root = ElementTree.Element("testsuites")
    for name, found in suites.items():
        cases = [Case(_written(case.name), _written(case.problem), case.seconds) for case in found]
        failures = sum(1 for case in cases if case.problem)
        counts = {"name": name, "tests": str(len(cases)), "failures": str(failures)}
        suite = ElementTree.SubElement(root, "testsuite", counts)
        for case in cases:
            named = {"classname": name, "name": case.name, "time": f"{case.seconds:.3f}"}
            element = ElementTree.SubElement(suite, "testcase", named)
            if case.problem:
                failure = ElementTree.SubElement(element, "failure", {"message": case.problem.splitlines()[-1]})
                failure.text = case.problem
    for other in filter(None, others):
        root.extend(ElementTree.fromstring(other).iter("testsuite"))  # noqa: S314 (pytest wrote it)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _written(text: str) -> str:
    """Replace the characters that XML does not allow, https://www.w3.org/TR/xml/#charsets."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
