"""clusters: how many voids there are of each size, and their mean sizes against cycle.

Sizes are vacant octs and O vacancies of one connected void (``clusters.csv``); voids that hold O2 only have size 0 and are left out.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.figure import Figure

from .fade import Array, by_replica, mean_interval
from .panels import band_key, cycle_axis, series
from .run import Run
from .style import BLACK, BLUE, GREEN, PURPLE, VERMILLION, legend_below, new_figure

HALF: tuple[tuple[str, Literal["-", "--"]], ...] = (("charge", "-"), ("discharge", "--"))
MEANS = (
    ("cluster_number_mean_charge", "mean over voids", GREEN, "s"),
    ("cluster_weight_mean_charge", "mean over the sites of voids", PURPLE, "o"),
    ("cluster_largest_charge", "largest", BLACK, "^"),
)


def size_distribution(run: Run, cycle: int, at: str) -> tuple[Array, Array]:
    """Voids by size at the end of a half-cycle: lower ends of bins 1, 2–3, 4–7, …, (bins,), and voids per 1000 formula units, (bins, replicas)."""
    rows = run.clusters[(run.clusters["cycle"] == cycle) & (run.clusters["at"] == at)]
    rows = rows[rows["size"] > 0]
    largest = max(int(run.clusters["size"].max()), 1)
    bins: Array = 2.0 ** np.arange(int(np.log2(largest)) + 1, dtype=np.float64)
    units = float(run.info["box"]["formula_units"])
    each = []
    for replica in sorted(run.cycles["replica"].unique()):
        one = rows[rows["replica"] == replica]
        index = np.log2(one["size"].to_numpy(dtype=np.float64)).astype(np.int64)
        each.append(np.bincount(index, weights=one["count"], minlength=len(bins)))
    return bins, np.asarray(1e3 / units * np.stack(each, axis=-1), dtype=np.float64)


def sizes(run: Run) -> Figure:
    """Distribution of void sizes in the first and last cycle, and mean sizes at the end of charge against cycle."""
    figure, body = new_figure(4.4, run.provenance())
    left, right = body.subplots(1, 2)
    cycles = sorted({int(run.clusters["cycle"].min()), int(run.clusters["cycle"].max())})
    lowest = 0.3 * 1e3 / float(run.info["box"]["formula_units"]) / run.cycles["replica"].nunique()
    looks = ((BLUE, "o", -0.04), (VERMILLION, "s", 0.04))  # side by side where bars would overlap
    for cycle, (colour, marker, shift) in zip(cycles, looks, strict=False):
        for at, style in HALF:
            size, values = size_distribution(run, cycle, at)
            mean, _, half = mean_interval(values)
            seen = mean > 0.0
            if not seen.any():
                continue
            low = np.minimum(half, mean - lowest)[seen]  # a log axis has no room below
            left.errorbar(
                size[seen] * (1.0 + shift),
                mean[seen],
                yerr=None if np.isnan(half).all() else (np.maximum(low, 0.0), half[seen]),
                linestyle=style,
                color=colour,
                marker=marker,
                markersize=4.5,
                capsize=3,
                label=f"cycle {cycle}, end of {at}",
            )
    left.set_xscale("log", base=2)
    left.set_yscale("log")
    left.xaxis.set_major_formatter(lambda x, _: f"{x:.0f}")
    left.set_ylim(bottom=lowest)
    left.set(
        title="Voids by size (1, 2–3, 4–7, …)",
        xlabel="Size (vacant octs + O vacancies)",
        ylabel="Voids per 1000 formula units",
    )
    for column, label, colour, marker in MEANS:
        number, values = by_replica(run.cycles, column)
        series(right, number, values, label, colour, marker)
    right.set_ylim(bottom=0.0)
    right.set(title="Sizes at the end of charge", ylabel="Size (vacant octs + O vacancies)")
    cycle_axis(right, number)
    keys = [key for ax in (left, right) for key in ax.get_legend_handles_labels()[0]]
    legend_below(body, [*keys, *band_key(values.shape[1])], 4)
    return figure
