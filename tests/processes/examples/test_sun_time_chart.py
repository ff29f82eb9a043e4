"""The chart of the example. For the first chart on a machine, matplotlib runs `fc-list` to find the fonts."""

import struct
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

DAGS = Path(__file__).parents[3] / "examples" / "dags"
sys.path.insert(0, str(DAGS))  # as Airflow does
from sun_time import clocks, zones  # noqa: E402


def test_chart_is_a_picture_of_the_stated_size_and_the_same_every_time():
    pytest.importorskip("matplotlib")
    from sun_time.chart import draw

    countries = zones.parse_countries((zones.DATA / "iso3166.tab").read_text("utf-8"))
    by_zone = clocks.zone_clocks(zones.parse_zones((zones.DATA / "zone.tab").read_text("utf-8"), countries)[0], 2020)
    rows = [asdict(row) for row in by_zone], [asdict(row) for row in clocks.country_clocks(by_zone, countries)]
    png = draw(*rows, 2020)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", png[16:24]) == (1600, 1440)
    assert draw(*rows, 2020) == png
