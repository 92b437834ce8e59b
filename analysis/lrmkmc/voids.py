"""voids: sizes of voids against cycle with their coalescences, and what happened to voids in each cycle.

Identity and events are the program's (``voids.csv`` for single voids of the first replicas, ``cycles.csv`` for counts of all).
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .fade import by_replica
from .panels import band_key, cycle_axis, series
from .run import Run
from .style import (
    BLACK,
    BLUE,
    GREEN,
    LIGHT,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    legend_below,
    new_figure,
)

BEGINNINGS = (
    ("void_births", "births", BLUE, "o"),
    ("void_reopenings", "reopenings", SKY, "s"),
    ("void_splits", "splits", ORANGE, "v"),
)
ENDINGS = (
    ("void_coalescences", "coalescences", VERMILLION, "D"),
    ("void_closures", "closures", BLACK, "x"),
    ("void_openings", "openings to the surface", GREEN, "^"),
)
COLUMNS = [column for column, *_ in BEGINNINGS + ENDINGS]


def voids(run: Run) -> Figure:
    """Void sizes at the end of charge, in sites, and events per cycle and replica (both half-cycles together), against cycle."""
    figure, body = new_figure(4.9, run.provenance())
    grid = body.add_gridspec(2, 2)
    left = body.add_subplot(grid[:, 0])
    right = [body.add_subplot(grid[row, 1]) for row in (0, 1)]
    number, mean_size = by_replica(run.cycles, "cluster_weight_mean_charge")
    _tracks(left, run.voids)
    series(left, number, mean_size, "mean over the sites of all voids", PURPLE, "o")
    left.set_yscale("symlog", linthresh=1.0)
    left.set_ylim(bottom=0.0)
    left.set(title="Voids at the end of charge", ylabel="Size (vacant octs + O vacancies)")
    cycle_axis(left, number)
    keys = left.get_legend_handles_labels()[0]
    for ax, events, title in zip(
        right, (BEGINNINGS, ENDINGS), ("Voids begin", "Voids end or open"), strict=True
    ):
        for column, label, colour, marker in events:
            _, counts = by_replica(run.cycles, column)
            series(ax, number, counts, label, colour, marker)
        ax.set(title=title, ylabel="Events per cycle")
        ax.set_ylim(bottom=0.0)
        cycle_axis(ax, number)
        keys += ax.get_legend_handles_labels()[0]
    legend_below(body, [*keys, *band_key(mean_size.shape[1])], 4)
    return figure


def _tracks(ax: Axes, table: pd.DataFrame) -> None:
    """One line for each void of the first replica there is that was seen in two charges; a diamond where others ended in it."""
    if table.empty:
        return
    first = table["replica"].min()
    rows = table[(table["at"] == "charge") & (table["replica"] == first)]
    rows = rows.sort_values("cycle", kind="stable")  # else ties come in any order
    label: str | None = f"single voids, replica {int(first)}"
    for _, one in rows.groupby("void"):
        alone = len(one) == 1
        ax.plot(
            one["cycle"],
            one["size"],
            color=LIGHT,
            linewidth=1.0,
            marker="." if alone else None,
            markersize=3.0,
            label=label,
            zorder=1.5,
        )
        label = None
    joined = rows[rows["absorbed"] > 0]
    if len(joined):
        ax.plot(
            joined["cycle"],
            joined["size"],
            linestyle="none",
            marker="D",
            color=VERMILLION,
            markersize=5.0,
            label="coalescence: other voids ended in this one",
            zorder=3.0,
        )
