"""panels: what panels over replicas share: means with 95 % bands, their key, the cycle axis."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from .fade import Array, mean_interval
from .style import GREY


def band(ax: Axes, x: Array, mean: Array, half: Array, colour: str | tuple[float, ...]) -> None:
    if not np.all(np.isnan(half)):
        ax.fill_between(x, mean - half, mean + half, color=colour, alpha=0.22, linewidth=0)


def band_key(replicas: int) -> list[Patch]:
    if replicas < 2:
        return []
    return [Patch(color=GREY, alpha=0.35, linewidth=0, label=f"95 % interval, {replicas} replicas")]


def cycle_axis(ax: Axes, cycles: Array) -> None:
    ax.set_xlabel("Cycle")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_xlim(cycles.min() - 0.4, cycles.max() + 0.4)


def series(ax: Axes, x: Array, values: Array, label: str, colour: str, marker: str) -> None:
    """Mean over replicas (last axis of `values`) with its 95 % band."""
    mean, _, half = mean_interval(values)
    band(ax, x, mean, half, colour)
    ax.plot(x, mean, color=colour, marker=marker, markersize=4.5, label=label)
