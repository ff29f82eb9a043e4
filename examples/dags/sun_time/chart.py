"""Draw a map of the time zones, and below it the countries at both ends of the ranking."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sun_time.clocks import offset_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, PAPER, GRID = "#22303c", "#fbfaf7", "#d9d6cd"
# Blue: the sun is ahead of the clock. Red: the clock is ahead of the sun. Distinct with any color vision.
COLOURS, LIMIT = "RdBu_r", 2.4
ENDS = 9

Rows = Sequence[Mapping[str, Any]]


def draw(zones: Rows, countries: Rows, year: int) -> bytes:
    """Return a PNG (1600 × 1440 pixels) from rows of ZoneClock and of CountryClock, the latter in ranking order."""
    # Imported here: at module level, every parse of the DAG file would import it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 9), dpi=160, facecolor=PAPER)
    FigureCanvasAgg(figure)
    world = figure.add_axes((0.07, 0.435, 0.88, 0.455))
    ahead = figure.add_axes((0.22, 0.07, 0.27, 0.28))
    behind = figure.add_axes((0.68, 0.07, 0.27, 0.28))

    lead = sum(row["ahead"] > 0 for row in zones)
    figure.text(0.07, 0.955, "How far the clocks run ahead of the sun", size=19, weight="bold", color=INK)
    figure.text(
        0.07,
        0.922,
        f"Standard time minus mean solar time, {year}: ahead in {lead} of {len(zones)} time zones "
        f"({lead / len(zones):.0%})",
        size=11,
        color=INK,
    )
    _draw_world(world, zones)
    _draw_bars(ahead, countries[:ENDS], "Clock furthest ahead of the sun")
    _draw_bars(behind, countries[-ENDS:][::-1], "Clock furthest behind the sun")
    figure.text(
        0.07,
        0.018,
        "Places, rules: IANA time-zone database (public domain). Bars: mean over the zones of a country or territory.",
        size=8,
        color=INK,
        alpha=0.75,
    )
    png = io.BytesIO()
    # The file has no creation date and no version, so that the same rows give the same bytes.
    figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()


def _draw_world(axes: Axes, zones: Rows) -> None:
    _plain(axes)
    # Draw the extremes last, so that other points do not cover them.
    rows = sorted(zones, key=lambda row: abs(row["ahead"]))
    points = axes.scatter(
        [row["longitude"] for row in rows],
        [row["latitude"] for row in rows],
        c=[row["ahead"] for row in rows],
        cmap=COLOURS,
        vmin=-LIMIT,
        vmax=LIMIT,
        s=40,
        edgecolors=INK,
        linewidths=0.35,
        zorder=3,
    )
    axes.set(xlim=(-180, 180), ylim=(-82, 84))
    axes.set_xticks(range(-180, 181, 30), [f"{x // 15:+d}" if x else "UTC" for x in range(-180, 181, 30)])
    axes.set_yticks((-60, -30, 0, 30, 60), ("60° S", "30° S", "Equator", "30° N", "60° N"))
    axes.grid(color=GRID, linewidth=0.8, zorder=0)
    axes.set_xlabel("Mean solar time, hours", size=9, color=INK)
    scale = axes.inset_axes((0.02, 0.10, 0.25, 0.035))
    bar = axes.figure.colorbar(points, cax=scale, orientation="horizontal", ticks=(-2, -1, 0, 1, 2))
    bar.ax.set_xticklabels(("-2 h", "-1", "0", "+1", "+2 h"), size=8, color=INK)
    bar.ax.set_title("clock behind  ·  ahead of the sun", size=8.5, color=INK, pad=4)
    bar.outline.set_visible(False)


def _draw_bars(axes: Axes, countries: Rows, title: str) -> None:
    from matplotlib import colormaps

    _plain(axes)
    values = [row["ahead_mean"] for row in countries]
    colours = [colormaps[COLOURS](0.5 + value / LIMIT / 2) for value in values]
    axes.barh(range(len(values)), [abs(value) for value in values], color=colours, height=0.72)
    for position, value in enumerate(values):
        axes.text(abs(value) + 0.04, position, offset_label(value), va="center", size=9, color=INK)
    axes.set_yticks(range(len(values)), [row["name"] for row in countries])
    axes.set(xlim=(0, LIMIT), ylim=(len(values) - 0.4, -0.6))
    axes.set_xticks(())
    axes.set_title(title, loc="left", size=11, weight="bold", color=INK)


def _plain(axes: Axes) -> None:
    axes.set_facecolor(PAPER)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=9, labelcolor=INK)
