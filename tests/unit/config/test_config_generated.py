"""The generated files and the examples agree with the models."""

import json
from pathlib import Path

import pytest

from tradewind.config import load
from tradewind.config.json_schema import published
from tradewind.config.reference_page import markdown

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs" / "reference"


def test_the_schema_is_up_to_date() -> None:
    stored = (REFERENCE / "tradewind.schema.json").read_text(encoding="utf-8")
    made = json.dumps(published(), indent=2, ensure_ascii=False) + "\n"
    assert stored == made, "run: tradewind config schema > docs/reference/tradewind.schema.json"


def test_the_reference_is_up_to_date() -> None:
    stored = (REFERENCE / "configuration.md").read_text(encoding="utf-8")
    assert stored.rstrip("\n") == markdown().rstrip("\n"), (
        "run: tradewind config reference > docs/reference/configuration.md"
    )


def test_nothing_is_required_in_defaults() -> None:
    definitions = published()["$defs"]
    assert not any("required" in node for name, node in definitions.items() if name.startswith("Partial"))
    assert "id" in definitions["Account"]["required"]


@pytest.mark.parametrize("file", ["tradewind.yaml", "examples/large/tradewind.yaml"])
def test_the_examples_are_valid_and_name_their_schema(file: str) -> None:
    path = ROOT / file
    schema = path.read_text(encoding="utf-8").splitlines()[0].partition("$schema=")[2]

    load(path)
    assert (path.parent / schema).resolve() == (REFERENCE / "tradewind.schema.json").resolve()


def test_the_large_example_is_large() -> None:
    prod = load(ROOT / "examples/large/tradewind.yaml").environment("prod")

    assert prod.max_slots == 5408
    assert prod.high
    assert prod.network.zones == 3
