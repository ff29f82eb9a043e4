"""The picture of an environment: well formed, complete, without overlaps, and the same each time."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tradewind import config
from tradewind.blueprint import services
from tradewind.config import Environment
from tradewind.operations.diagram import svg

ROOT = Path(__file__).parents[3]
SVG = "{http://www.w3.org/2000/svg}"
WIDTH_OF_A_LETTER = 0.58
"""The width of a letter in a wide sans-serif font, as a part of the font size."""
ENVIRONMENTS = [
    config.load(ROOT / file).environment(name)
    for file, name in (
        ("tradewind.yaml", "dev"),
        ("examples/large/tradewind.yaml", "dev"),
        ("examples/large/tradewind.yaml", "prod"),
    )
]

Box = tuple[float, float, float, float]


def boxes(picture: str) -> list[Box]:
    """The white boxes: left, top, right, bottom."""
    found = [one.attrib for one in ET.fromstring(picture).iter(f"{SVG}rect") if "stroke" in one.attrib]
    sizes = [[float(one[name]) for name in ("x", "y", "width", "height")] for one in found]
    return [(x, y, x + width, y + height) for x, y, width, height in sizes]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda one: f"{one.name}-{one.availability}")
def test_every_service_has_a_place_of_its_own(environment: Environment) -> None:
    picture = svg(environment)
    texts = [one.text or "" for one in ET.fromstring(picture).iter(f"{SVG}text")]
    running = [one.name for one in services(environment) if not one.one_shot]

    assert set(running) <= set(texts)
    assert len(boxes(picture)) == len(running) + 9
    for (left, top, right, bottom), other in combinations(boxes(picture), 2):
        assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda one: f"{one.name}-{one.availability}")
def test_no_text_leaves_its_box(environment: Environment) -> None:
    picture = svg(environment)
    for text in ET.fromstring(picture).iter(f"{SVG}text"):
        x, y, size = (float(text.attrib[name]) for name in ("x", "y", "font-size"))
        right = x + WIDTH_OF_A_LETTER * size * len(text.text or "")
        around = [one for one in boxes(picture) if one[0] <= x < one[2] and one[1] <= y < one[3]]
        assert all(right <= one[2] for one in around), text.text
        assert right <= 960, text.text


def test_the_same_environment_is_the_same_picture() -> None:
    assert svg(ENVIRONMENTS[0]) == svg(ENVIRONMENTS[0])
    assert len({svg(one) for one in ENVIRONMENTS}) == len(ENVIRONMENTS)
