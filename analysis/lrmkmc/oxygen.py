"""oxygen: where the pristine O is, how much of the trapped O2 each discharge reduces, profiles from the surface inwards.

Shares are the program's: of the pristine O in ``cycles.csv``, of what lies at a depth in ``depth.csv``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .fade import Array, by_replica, mean_interval
from .panels import band, band_key, cycle_axis, series
from .run import LATER_CYCLES_COLUMNS, Run
from .style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, legend_below, new_figure

STATES = (
    ("hole", "hole O⁻", SKY, "o"),
    ("dimer", "in dimers", ORANGE, "s"),
    ("molecular", "molecular O₂", BLACK, "^"),
    ("lost", "lost", VERMILLION, "D"),
)
REDUCED = (
    ("o2_reduced", "all voids", BLACK, "o"),
    ("o2_reduced_void_to_4", "voids to 4 sites", SKY, "s"),
    ("o2_reduced_void_5_to_16", "5 to 16 sites", GREEN, "^"),
    ("o2_reduced_void_over_16", "over 16 sites", PURPLE, "D"),
)
COLUMNS = [c for c in LATER_CYCLES_COLUMNS if c.startswith(("budget_", "o2_"))]
AT: tuple[tuple[str, Literal["-", "--"]], ...] = (("charge", "-"), ("discharge", "--"))
DEPTH_PANELS = (  # column, title, label, factor
    ("tm_li_layer", "TM in the Li layer", "Share of TM (%)", 100.0),
    ("li_per_formula_unit", "Li", "Li per formula unit", 1.0),
    ("tm_valence", "Valence of TM", "Mean valence (e)", 1.0),
    ("o_molecular", "O in O₂", "Share of anion sites (%)", 100.0),
    ("o_vacant", "Vacant anion sites", "Share of anion sites (%)", 100.0),
)


def budget(run: Run) -> Figure:
    """Pristine O by state in % (the rest is O²⁻), lost O as gas in mL/g at 0 °C and 1 atm, and O2 reduced per discharge in %."""
    figure, body = new_figure(6.6, run.provenance())
    axes = body.subplots(2, 2)
    for ax, (at, _) in zip(axes[0], AT, strict=True):
        for state, label, colour, marker in STATES:
            number, values = by_replica(run.cycles, f"budget_{state}_{at}")
            series(ax, number, 100.0 * values, label, colour, marker)
        ax.set(title=f"O not as O²⁻, end of {at}", ylabel="Share of pristine O (%)")
    axes[0, 1].sharey(axes[0, 0])
    for (at, _), colour, marker in zip(AT, (VERMILLION, BLUE), ("s", "o"), strict=True):
        number, values = by_replica(run.cycles, f"o2_lost_{at}_mL_per_g")
        series(axes[1, 0], number, values, f"lost, end of {at}", colour, marker)
    axes[1, 0].set(title="Lost O as O₂ gas (0 °C, 1 atm)", ylabel="Volume (mL g⁻¹)")
    for column, label, colour, marker in REDUCED:
        number, values = by_replica(run.cycles, column)
        series(axes[1, 1], number, 100.0 * values, label, colour, marker)
    axes[1, 1].set(
        title="O₂ of the charge that its discharge reduces", ylabel="Share of that O₂ (%)"
    )
    axes[1, 1].set_ylim(top=105.0)
    for ax in axes.ravel():
        ax.set_ylim(bottom=0.0)
        cycle_axis(ax, number)
    for ax in axes[1]:
        ax.legend(loc="best", handlelength=1.6)
    keys = axes[0, 0].get_legend_handles_labels()[0] + band_key(values.shape[1])
    legend_below(body, keys, 5)
    return figure


def depth_profiles(run: Run) -> Figure:
    """Profiles from the nearest surface inwards, first and last cycle, charge solid and discharge dashed."""
    figure, body = new_figure(5.4, run.provenance())
    axes = body.subplots(2, 3).ravel()
    cycles = sorted({int(run.depth["cycle"].min()), int(run.depth["cycle"].max())})
    for ax, (column, title, label, factor) in zip(axes, DEPTH_PANELS, strict=False):
        for cycle, colour in zip(cycles, (BLUE, VERMILLION), strict=False):
            for at, style in AT:
                _depth_line(ax, run, column, factor, cycle, at, colour, style)
        ax.set(title=title, ylabel=label, xlabel="Depth (nm)")
        if column != "tm_valence":
            ax.set_ylim(bottom=0.0)
    axes[-1].set_visible(False)
    keys = axes[0].get_legend_handles_labels()[0] + band_key(run.depth["replica"].nunique())
    legend_below(body, keys, 3)
    return figure


def _depth_line(
    ax: Axes,
    run: Run,
    column: str,
    factor: float,
    cycle: int,
    at: str,
    colour: str,
    style: Literal["-", "--"],
) -> None:
    rows = run.depth[(run.depth["cycle"] == cycle) & (run.depth["at"] == at)]
    table = rows.pivot(index="depth_nm", columns="replica", values=column)
    x: Array = table.index.to_numpy(dtype=np.float64)
    mean, _, half = mean_interval(factor * table.to_numpy(dtype=np.float64))
    band(ax, x, mean, half, colour)
    label = f"cycle {cycle}, end of {at}"
    ax.plot(x, mean, style, color=colour, marker="o", markersize=3.0, label=label)
