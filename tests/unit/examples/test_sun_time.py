"""The plain functions of the examples, on the real data. Figures that were checked by hand show their arithmetic."""

import sqlite3
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

DAGS = Path(__file__).parents[3] / "examples" / "dags"
sys.path.insert(0, str(DAGS))  # as Airflow does
from sun_time import clocks, store, zones  # noqa: E402

ROW = "ES\t+4024-00341\tEurope/Madrid\tSpain (mainland)"


@pytest.fixture(scope="module")
def countries() -> dict[str, str]:
    return zones.parse_countries((zones.DATA / "iso3166.tab").read_text("utf-8"))


@pytest.fixture(scope="module")
def parsed(countries):
    return zones.parse_zones((zones.DATA / "zone.tab").read_text("utf-8"), countries)


@pytest.fixture(scope="module")
def by_zone(parsed):
    return clocks.zone_clocks(parsed[0], 2020)


@pytest.fixture(scope="module")
def by_country(by_zone, countries):
    return clocks.country_clocks(by_zone, countries)


def test_countries(countries):
    assert len(countries) == 249
    assert countries["CI"] == "Côte d’Ivoire"


def test_every_row_is_accounted_for(parsed):
    accepted, rejected = parsed
    assert len(accepted) + len(rejected) == 418
    # A machine with an older time-zone database does not know the newest zones; nothing else may be rejected.
    assert all("unknown zone" in row.reason for row in rejected)
    assert len(rejected) <= 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+4024-00341", (40.4, -(3 + 41 / 60))),
        ("-7750+16636", (-(77 + 50 / 60), 166.6)),
        ("+515248-1763929", (51.88, -(176 + 39 / 60 + 29 / 3600))),
        ("-0000+00000", (0, 0)),
    ],
)
def test_coordinates(text, expected):
    assert zones.parse_coordinates(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("ES\t+4024-00341", "expected 3 or 4 columns, found 2"),
        ("ES +4024-00341 Europe/Madrid", "found 1"),
        ("ZZ\t+4024-00341\tEurope/Madrid", "unknown country 'ZZ'"),
        ("ES\t4024N00341W\tEurope/Madrid", "not ISO 6709"),
        ("ES\t+4064-00341\tEurope/Madrid", "not ISO 6709"),
        ("ES\t+9024-00341\tEurope/Madrid", "out of range"),
        ("ES\t+4024-18041\tEurope/Madrid", "out of range"),
        ("ES\t+4024-00341\tEurope/Nowhere", "unknown zone 'Europe/Nowhere'"),
        ("ES\t+4024-00341\t../../etc/passwd", "unknown zone"),
        ("ES\t+4024-00341\t", "unknown zone ''"),
        ("ES\t+4024-00341\tEurope", "unknown zone 'Europe'"),
        (ROW, "zone Europe/Madrid is listed twice"),
    ],
)
def test_a_bad_row_is_set_aside_with_line_and_reason(countries, row, reason):
    accepted, rejected = zones.parse_zones(f"# comment\n\n{ROW}\n{row}\n", countries)
    assert [zone.name for zone in accepted] == ["Europe/Madrid"]
    assert [(bad.line, bad.text) for bad in rejected] == [(4, row)]
    assert reason in rejected[0].reason


@pytest.mark.parametrize(
    ("name", "year", "offset"),
    [
        ("Europe/Madrid", 2020, 1),
        ("Australia/Sydney", 2020, 10),  # summer time in January
        ("Europe/Dublin", 2020, 0),  # recorded as negative saving in winter
        ("Asia/Kathmandu", 2020, 5.75),
        ("Europe/Lisbon", 1993, 1),  # Portugal kept Central European Time from 1992 to 1996
        ("Europe/Lisbon", 2020, 0),
    ],
)
def test_standard_offset(name, year, offset):
    assert clocks.standard_offset(name, year) == offset


@pytest.mark.parametrize(
    ("offset", "longitude", "ahead"),
    [
        (1, 0, 1),
        (0, 15, -1),
        (14, -157.5, 0.5),  # Kiritimati: -10.5 h by the sun, one calendar day ahead by law
        (-11, 172.5, 1.5),
        (12, 0, -12),
    ],
)
def test_hours_ahead(offset, longitude, ahead):
    assert clocks.hours_ahead(offset, longitude) == pytest.approx(ahead)


@pytest.mark.parametrize(
    ("name", "ahead"),
    [
        ("Europe/Madrid", 1 + (3 + 41 / 60) / 15),  # 3°41' W: 1:14:44
        ("Asia/Shanghai", 8 - (121 + 28 / 60) / 15),  # 121°28' E: 5 min 52 s behind
        ("Europe/London", (7 / 60 + 31 / 3600) / 15),  # 0°07'31" W: 30 s
        ("Africa/El_Aaiun", 1 + (13 + 12 / 60) / 15),  # 13°12' W: 1:52:48
    ],
)
def test_zone_clocks_by_hand(by_zone, name, ahead):
    assert {clock.name: clock.ahead for clock in by_zone}[name] == pytest.approx(ahead)


def test_country_clocks_by_hand(by_country):
    rows = {row.country: row for row in by_country}
    spain = rows["ES"]
    # Madrid 3°41' W and Ceuta 5°19' W at +1 h, the Canaries 15°24' W at 0 h.
    leads = [1 + (3 + 41 / 60) / 15, 1 + (5 + 19 / 60) / 15, (15 + 24 / 60) / 15]
    assert (spain.zones, spain.utc_offset_min, spain.utc_offset_max) == (3, 0, 1)
    assert spain.ahead_mean == pytest.approx(sum(leads) / 3)
    assert (spain.ahead_min, spain.ahead_max) == pytest.approx((min(leads), max(leads)))
    assert (rows["CN"].zones, rows["CN"].utc_offset_min, rows["CN"].utc_offset_max) == (2, 6, 8)


def test_country_clocks_keep_every_zone_and_rank(by_zone, by_country):
    assert len(by_country) == 247  # the two of 249 without a zone are uninhabited
    assert sum(row.zones for row in by_country) == len(by_zone)
    assert by_country[0].name == "Western Sahara"
    leads = [row.ahead_mean for row in by_country]
    assert leads == sorted(leads, reverse=True)


@pytest.mark.parametrize(
    ("hours", "label"), [(0, "+0:00"), (-0.001, "+0:00"), (5.75, "+5:45"), (-0.5, "-0:30"), (0.999, "+1:00")]
)
def test_offset_label(hours, label):
    assert clocks.offset_label(hours) == label


def test_as_table_shows_both_ends(by_country):
    lines = clocks.as_table([asdict(row) for row in by_country], ends=2).splitlines()
    assert len(lines) == 6
    assert lines[1].split() == ["+1:53", "+1:00", "1", "Western", "Sahara"]
    assert "(243 more)" in lines[3]


def test_as_table_of_few_rows_leaves_none_out(by_country):
    assert len(clocks.as_table([asdict(row) for row in by_country[:3]], ends=2).splitlines()) == 4


def test_sqlite_round_trip(tmp_path, by_country):
    path = store.write_atomically(tmp_path / "a b#c" / "x.sqlite", store.to_sqlite(country=[asdict(by_country[0])]))
    assert [dict(row) for row in store.from_sqlite(path, "SELECT * FROM country")] == [asdict(by_country[0])]
    with pytest.raises(sqlite3.OperationalError):
        store.from_sqlite(path, "DELETE FROM country")


def test_write_is_atomic_and_leaves_nothing_behind(tmp_path, monkeypatch):
    path = store.write_atomically(tmp_path / "run" / "file", b"first")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk")))
    with pytest.raises(OSError, match="disk"):
        store.write_atomically(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]


def test_run_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_OUTPUT", str(tmp_path))
    assert store.run_folder("etl", "manual__2026-01-02T03:04:05+00:00") == (
        tmp_path / "etl" / "manual__2026-01-02T03-04-05-00-00"
    )
    assert store.run_folder("etl", "../..").parent == tmp_path / "etl"
    monkeypatch.delenv("TRADEWIND_OUTPUT")
    assert store.run_folder("etl", "r").parts[-3:] == ("tradewind-output", "etl", "r")
