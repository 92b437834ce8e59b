"""contrast: scenarios side by side, values and differences to the reference with 95 % intervals, as `kmc compare` gives them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .run import Run
from .study import Comparison
from .style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    legend_below,
    new_figure,
    styled,
)

COLOURS = (BLACK, BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY)
MARKERS = "osD^vPX<>"
LEGEND_NAMES = 6
HEADINGS = {
    "voltage_fade_mV_per_cycle": "Voltage fade (mV/cycle)",
    "initial_coulombic_efficiency": "Initial coulombic efficiency",
    "capacity_retention": "Capacity retention",
    "mean_hysteresis_V": "Mean hysteresis (V)",
    "tm_li_layer_discharge": "TM in the Li layer, discharged",
}


def heading(metric: str, unit: str) -> str:
    """Words for a metric; others than the usual ones keep their name."""
    return HEADINGS.get(metric) or f"{metric} ({unit})"


def scenarios(told: Comparison, runs: list[Run]) -> Figure:
    """One row a metric: values on the left, differences to the reference with Holm-corrected p on the right.

    Few scenarios are told by a legend, many by their names beside the points.
    """
    metrics = list(dict.fromkeys(told.values["metric"]))
    names = list(dict.fromkeys(told.values["directory"]))
    scenario = dict(zip(told.values["directory"], told.values["scenario"], strict=True))
    rows = max(1, len(metrics))
    with styled():
        figure, body = new_figure(0.8 + rows * (0.62 + 0.17 * len(names)), _provenance(told, runs))
        axes = body.subplots(rows, 2, squeeze=False)
        for (left, right), metric in zip(axes, metrics, strict=False):
            values = told.values[told.values["metric"] == metric]
            differences = told.differences[told.differences["metric"] == metric]
            title = heading(metric, str(values["unit"].iloc[0]))
            _rows(left, values, names)
            left.set_title(title, loc="left")
            _rows(right, differences, names)
            right.axvline(0.0, color=GREY, linewidth=1.0)
            right.set_title(f"Difference to {told.reference}", loc="left")
            _p_values(right, differences, names)
            if len(names) > LEGEND_NAMES:
                left.set_yticks(range(len(names)), [scenario[name] for name in names], fontsize=7.5)
        if len(names) <= LEGEND_NAMES:
            legend_below(body, axes[0, 0].get_legend_handles_labels()[0], 5)
    return figure


def _provenance(told: Comparison, runs: list[Run]) -> str:
    cycles = f"fades over cycles {told.first_cycle} to {told.last_cycle}"
    bars = "bars: 95 % Student t intervals over replicas; p: Holm over all comparisons"
    return " · ".join([*(run.provenance() for run in runs[:1]), cycles, bars])


def _rows(ax: Axes, table: pd.DataFrame, names: list[str]) -> None:
    """A point with its interval for each run, in the same row for the same run."""
    for _, row in table.iterrows():
        k = names.index(row["directory"])
        half = row["ci95_high"] - row["mean"]
        ax.errorbar(
            row["mean"],
            k,
            xerr=None if np.isnan(half) else half,
            color=COLOURS[k % len(COLOURS)],
            marker=MARKERS[k % len(MARKERS)],
            markersize=5,
            capsize=3,
            linestyle="none",
            label=str(row["scenario"]),
        )
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_yticks([])
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.12)
    ax.xaxis.set_major_locator(MaxNLocator(5))


def _p_values(ax: Axes, table: pd.DataFrame, names: list[str]) -> None:
    for _, row in table.iterrows():
        if not np.isnan(row["p_holm"]):
            ax.annotate(
                f"p = {row['p_holm']:.2g}",
                (1.0, names.index(row["directory"])),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="center",
                fontsize=7.5,
                color=BLACK,
            )
    low, high = ax.get_xlim()
    ax.set_xlim(low, high + 0.28 * (high - low))
