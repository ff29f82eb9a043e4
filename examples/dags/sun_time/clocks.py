"""How far the clocks of the world run ahead of the sun.

The sun crosses 15 degrees of longitude an hour, so a place at longitude L has a mean solar time of UTC + L/15 hours.
Its clock shows UTC plus an offset that is set by law. The difference is how far the clock runs ahead of the sun: with
+1 h, the sun stands highest at about one in the afternoon.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

from sun_time.zones import Zone


@dataclass(frozen=True)
class ZoneClock:
    """A zone in one year: the offset of its standard time, and that clock's lead over the mean sun, both in hours."""

    country: str
    name: str
    latitude: float
    longitude: float
    utc_offset: float
    ahead: float


@dataclass(frozen=True)
class CountryClock:
    """The zones of one country taken together; ``ahead_*`` in hours, the mean taken over zones, not over people."""

    country: str
    name: str
    zones: int
    utc_offset_min: float
    utc_offset_max: float
    ahead_min: float
    ahead_mean: float
    ahead_max: float


def standard_offset(name: str, year: int) -> float:
    """Return hours east of UTC in standard time: the lesser of the offsets on 1 January and 1 July.

    ``tzinfo.dst()`` is not used because some zones (Europe/Dublin) record summer as standard time.
    """
    zone = ZoneInfo(name)
    offsets = (datetime(year, month, 1, tzinfo=UTC).astimezone(zone).utcoffset() for month in (1, 7))
    return min(offset.total_seconds() for offset in offsets if offset is not None) / 3600


def hours_ahead(utc_offset: float, longitude: float) -> float:
    """Return the clock's lead over the mean sun in hours, in [-12, 12).

    The wrap ignores the date: Kiribati's +14 h and -10 h show the same time of day.
    """
    return (utc_offset - longitude / 15 + 12) % 24 - 12


def zone_clocks(zones: Iterable[Zone], year: int) -> list[ZoneClock]:
    """Add to each zone its standard offset in the year and its lead over the sun."""
    offsets = ((zone, standard_offset(zone.name, year)) for zone in zones)
    return [
        ZoneClock(z.country, z.name, z.latitude, z.longitude, offset, hours_ahead(offset, z.longitude))
        for z, offset in offsets
    ]


def country_clocks(clocks: Iterable[ZoneClock], names: dict[str, str]) -> list[CountryClock]:
    """Aggregate zones by country, the clock furthest ahead of the sun first."""
    by_country: dict[str, list[ZoneClock]] = {}
    for clock in clocks:
        by_country.setdefault(clock.country, []).append(clock)
    rows = []
    for country, group in by_country.items():
        offsets = [clock.utc_offset for clock in group]
        leads = [clock.ahead for clock in group]
        rows.append(
            CountryClock(
                country, names[country], len(group), min(offsets), max(offsets), min(leads), fmean(leads), max(leads)
            )
        )
    return sorted(rows, key=lambda row: (-row.ahead_mean, row.country))


def offset_label(hours: float) -> str:
    """Format hours as a signed clock reading: 5.75 → ``+5:45``."""
    minutes = round(abs(hours) * 60)
    return f"{'-' if hours < 0 and minutes else '+'}{minutes // 60}:{minutes % 60:02d}"


def as_table(rows: Sequence[Mapping[str, Any]], ends: int = 12) -> str:
    """Format rows of CountryClock, in ranking order, as text: the first and the last ``ends`` of them."""
    lines = [f"{'ahead of the sun':>16}  {'UTC offset':<14} {'zones':>5}  country or territory"]
    for position, row in enumerate(rows):
        if ends <= position < len(rows) - ends:
            if position == ends:
                lines.append(f"{'…':>16}  ({len(rows) - 2 * ends} more)")
            continue
        low, high = offset_label(row["utc_offset_min"]), offset_label(row["utc_offset_max"])
        offsets = low if low == high else f"{low} … {high}"
        lines.append(f"{offset_label(row['ahead_mean']):>16}  {offsets:<14} {row['zones']:>5}  {row['name']}")
    return "\n".join(lines)
