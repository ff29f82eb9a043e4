"""Parse the two public-domain tables of the time-zone database: countries, and the principal place of each zone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DATA = Path(__file__).parents[1] / "data"

# ISO 6709 as zone.tab writes it: ±DDMM±DDDMM or ±DDMMSS±DDDMMSS.
_COORDINATES = re.compile(r"([+-])(\d{2})([0-5]\d)([0-5]\d)?([+-])(\d{3})([0-5]\d)([0-5]\d)?")


@dataclass(frozen=True)
class Zone:
    """One row of zone.tab: the principal place of a time zone inside one country. Degrees, north and east positive."""

    country: str
    latitude: float
    longitude: float
    name: str


@dataclass(frozen=True)
class Rejected:
    """A row that was not loaded, with the reason."""

    line: int
    text: str
    reason: str


def parse_countries(text: str) -> dict[str, str]:
    """Return ISO 3166 code → name from the text of iso3166.tab."""
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {code: name for code, name, *_ in rows}


def parse_zones(text: str, countries: Iterable[str]) -> tuple[list[Zone], list[Rejected]]:
    """Parse the text of zone.tab; an invalid row does not raise an error but is returned with the reason."""
    known = set(countries)
    zones: dict[str, Zone] = {}
    rejected: list[Rejected] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        try:
            zone = _parse_row(line, known)
            if zone.name in zones:
                raise ValueError(f"zone {zone.name} is listed twice")
        except ValueError as error:
            rejected.append(Rejected(number, line, str(error)))
        else:
            zones[zone.name] = zone
    return list(zones.values()), rejected


def _parse_row(line: str, countries: set[str]) -> Zone:
    columns = line.split("\t")
    if len(columns) not in (3, 4):
        raise ValueError(f"expected 3 or 4 columns, found {len(columns)}")
    country, coordinates, name = columns[:3]
    if country not in countries:
        raise ValueError(f"unknown country {country!r}")
    latitude, longitude = parse_coordinates(coordinates)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, such as Europe
        raise ValueError(f"unknown zone {name!r}") from None
    return Zone(country, latitude, longitude, name)


def parse_coordinates(text: str) -> tuple[float, float]:
    """Return (latitude, longitude) in degrees; raise ValueError if the text is not a place on Earth."""
    match = _COORDINATES.fullmatch(text)
    if match is None:
        raise ValueError(f"coordinates {text!r} are not ISO 6709")
    latitude, longitude = _degrees(*match.groups()[:4]), _degrees(*match.groups()[4:])
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise ValueError(f"coordinates {text!r} are out of range")
    return latitude, longitude


def _degrees(sign: str, degrees: str, minutes: str, seconds: str | None) -> float:
    value = int(degrees) + int(minutes) / 60 + int(seconds or 0) / 3600
    return -value if sign == "-" else value
