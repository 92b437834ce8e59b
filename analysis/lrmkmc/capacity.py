"""capacity: capacities and coulombic efficiency against cycle, and dQ/dV of whole half-cycles by cycle."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from .fade import Array, by_replica, mean_interval
from .panels import band, band_key, cycle_axis, series
from .run import Run
from .style import BLACK, BLUE, GREY, VERMILLION, legend_below, new_figure

BIN_V = 0.04
STEPS = (("charge", (1, 2), 1.0), ("discharge", (4, 5), -1.0))  # step indices, sign drawn


def capacity(run: Run) -> Figure:
    """Charge and discharge capacity, and coulombic efficiency with the initial one of record, against cycle."""
    figure, body = new_figure(3.9, run.provenance())
    left, right = body.subplots(1, 2)
    for half, colour, marker in (("charge", VERMILLION, "s"), ("discharge", BLUE, "o")):
        number, values = by_replica(run.cycles, f"{half}_capacity_mAh_per_g")
        series(left, number, values, half, colour, marker)
    left.set(title="Capacity", ylabel="Capacity (mAh g⁻¹)")
    left.margins(y=0.15)
    _, efficiency = by_replica(run.cycles, "coulombic_efficiency")
    series(right, number, 100.0 * efficiency, "coulombic efficiency", BLACK, "o")
    right.axhline(100.0, color=GREY, linewidth=0.7)
    right.set(title=_initial(run), ylabel="Discharge / charge (%)")
    right.margins(y=0.15)
    for ax in (left, right):
        cycle_axis(ax, number)
    keys = [key for ax in (left, right) for key in ax.get_legend_handles_labels()[0]]
    legend_below(body, [*keys, *band_key(values.shape[1])], 4)
    return figure


def _initial(run: Run) -> str:
    ice = run.record("initial_coulombic_efficiency")
    if np.isnan(ice.ci95_low):
        return f"First cycle {100.0 * ice.mean:.2f} %"
    interval = f"{100.0 * ice.ci95_low:.2f} to {100.0 * ice.ci95_high:.2f}"
    return f"First cycle {100.0 * ice.mean:.2f} % (95 %: {interval})"


def half_cycle_dqdv(
    profile: pd.DataFrame, cycle: int, steps: tuple[int, ...]
) -> tuple[Array, Array] | None:
    """dQ/dV of one half-cycle: bin centres in V, (bins,), and mAh/(g V) of each replica, (bins, replicas).

    Charge passed between two rows counts at the mean of their voltages, in bins of BIN_V.  None without two rows of a replica.
    """
    rows = profile[(profile["Cycle Count / 1"] == cycle) & profile["Step Index / 1"].isin(steps)]
    parts = []
    for _, one in rows.groupby("Replica / 1"):
        voltage = one["Voltage / V"].to_numpy(dtype=np.float64)
        bins = np.floor((voltage[1:] + voltage[:-1]) / 2.0 / BIN_V).astype(np.int64)
        charge = np.diff(one["Capacity / mAh g-1"].to_numpy(dtype=np.float64))
        if len(bins):
            parts.append((bins, charge))
    if not parts:
        return None
    low = min(int(bins.min()) for bins, _ in parts)
    count = max(int(bins.max()) for bins, _ in parts) - low + 1
    each = [np.bincount(bins - low, weights=charge, minlength=count) for bins, charge in parts]
    centres: Array = (low + np.arange(count, dtype=np.float64) + 0.5) * BIN_V
    return centres, np.asarray(np.stack(each, axis=-1) / BIN_V, dtype=np.float64)


def dqdv(run: Run) -> Figure:
    """dQ/dV by cycle, mean over replicas: charge upwards, discharge downwards; bands on the first and last cycle."""
    figure, body = new_figure(4.7, run.provenance())
    ax = body.subplots()
    cycles = sorted(int(c) for c in run.profile["Cycle Count / 1"].unique())
    shades = LinearSegmentedColormap.from_list(
        "cycles", matplotlib.colormaps["viridis"](np.linspace(0.0, 0.9, 64))
    )
    scale = Normalize(cycles[0], max(cycles[-1], cycles[0] + 1)) if cycles else Normalize(1, 2)
    for cycle in cycles:
        for half, steps, sign in STEPS:
            found = half_cycle_dqdv(run.profile, cycle, steps)
            if found is None:
                continue
            mean, _, width = mean_interval(sign * found[1])
            style = "-" if half == "charge" else "--"
            ax.plot(found[0], mean, style, color=shades(scale(cycle)), linewidth=1.3)
            if cycle in (cycles[0], cycles[-1]):
                band(ax, found[0], mean, width, shades(scale(cycle)))
    ax.axhline(0.0, color=GREY, linewidth=0.7)
    ax.margins(x=0.01)
    replicas = run.profile["Replica / 1"].nunique()
    bar = body.colorbar(ScalarMappable(scale, shades), ax=ax, pad=0.02, aspect=30)
    bar.set_label("Cycle")
    bar.locator = MaxNLocator(integer=True, min_n_ticks=1)
    bar.update_ticks()
    ax.set(
        xlabel="Voltage vs Li/Li⁺ (V)",
        ylabel="dQ/dV (mAh g⁻¹ V⁻¹), discharge negative",
        title=f"Differential capacity, bins of {1e3 * BIN_V:.0f} mV",
    )
    keys: list[Line2D | Patch] = [
        Line2D([], [], color=GREY, linestyle="-", label="charge"),
        Line2D([], [], color=GREY, linestyle="--", label="discharge"),
    ]
    bands = band_key(replicas)
    if bands and len(cycles) > 2:
        bands[0].set_label(f"{bands[0].get_label()} (first, last cycle)")
    legend_below(body, [*keys, *bands], 3)
    return figure
