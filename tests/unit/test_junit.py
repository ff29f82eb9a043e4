"""Reports as Jenkins reads them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from tradewind.junit import Case, write


def test_the_report_counts_and_tells(tmp_path: Path) -> None:
    file = tmp_path / "build" / "report.xml"

    write(file, {"dags": [Case("a.py", "", 1.5), Case("b.py", "Traceback\nNameError: <x>")], "none": []})

    dags, none = ElementTree.parse(file).getroot()
    assert (dags.get("tests"), dags.get("failures")) == ("2", "1")
    assert (none.get("tests"), none.get("failures")) == ("0", "0")
    assert [case.get("time") for case in dags] == ["1.500", "0.000"]
    (failure,) = dags.iter("failure")
    assert failure.get("message") == "NameError: <x>"
    assert failure.text == "Traceback\nNameError: <x>"


def test_what_xml_cannot_have_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "report.xml"

    write(file, {"dags": [Case("a\x00.py", "ValueError: \x1b[2J \ud800 fine: ä\t✓")]})

    (case,) = ElementTree.parse(file).iter("testcase")
    assert case.get("name") == "a\ufffd.py"
    assert [failure.text for failure in case] == ["ValueError: \ufffd[2J \ufffd fine: ä\t✓"]
