"""style: size, colours and the provenance line shared by all figures.

Colours are the eight of Okabe & Ito (Color Universal Design, 2008), told apart with every common form of colour blindness; ordered
quantities use viridis.  A figure is 8 inches wide and 1200 pixels wide as PNG.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.figure import Figure, SubFigure
from matplotlib.transforms import Bbox

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY, LIGHT = "#7F7F7F", "#C4C4C4"
WIDTH_IN, DPI = 8.0, 150
FOOT_IN = 0.24  # height kept for the provenance line, inches

SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9.5,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.hashsalt": "lrmkmc",
}


@contextmanager
def styled() -> Iterator[None]:
    """Applies the package's matplotlib settings inside a `with` block only."""
    with matplotlib.rc_context(SETTINGS):
        yield


def new_figure(height_in: float, provenance: str) -> tuple[Figure, SubFigure]:
    """A figure and its body, the part for axes and legends; the provenance text stands below the body."""
    lines = textwrap.wrap(provenance, 155, break_on_hyphens=False)
    foot_in = FOOT_IN + 0.12 * (len(lines) - 1)
    figure = Figure(figsize=(WIDTH_IN, height_in + foot_in), dpi=DPI, layout="constrained")
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=[height_in, foot_in])
    body, foot = parts[0, 0], parts[1, 0]
    foot.text(0.01, 0.25, "\n".join(lines), fontsize=6.2, color="#444444", va="bottom")
    return figure, body


def legend_below(body: SubFigure, keys: Sequence[Artist], columns: int) -> None:
    """One legend for all panels, below them."""
    body.legend(
        handles=keys, loc="outside lower center", ncols=columns, columnspacing=1.3, handlelength=1.9
    )


def settle(figure: Figure) -> None:
    """Lays the figure out and keeps the places of its parts to 1e-7 of it.

    The solver of constrained layout adds in an order that changes from call to call, and the names of clip paths in an SVG are hashes of
    all digits of a place.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for part in figure.subfigs:
        part.bbox_relative.set_points(part.bbox_relative.get_points().round(7))
    for axes in figure.axes:
        axes.set_position(Bbox(axes.get_position().get_points().round(7)))


def save(figure: Figure, folder: Path, name: str, format: str) -> Path:
    """Writes `folder/name.format` (folder made when missing; same input, same bytes) and returns the path.

    Raises OSError when the file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.{format}"
    stamp = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(format)
    with styled():
        settle(figure)
        figure.savefig(path, format=format, dpi=DPI, metadata=stamp)
    return path
