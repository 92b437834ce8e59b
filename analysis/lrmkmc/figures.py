"""figures: voltage profiles, mean voltages and fade, structure over cycles, equilibrium voltage curves; calls those of layers, oxygen and voids.

Bands are 95 % Student t intervals of the mean over replicas; a single replica has none.  Capacities are mAh per gram of the pristine,
doped formula.  Values come from the program's files; this file averages over replicas and draws.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from . import capacity, clusters, layers, oxygen, stem, voids
from .fade import Array, by_replica, fit_fade, mean_interval
from .panels import band as _band
from .panels import band_key as _band_key
from .panels import cycle_axis as _cycle_axis
from .panels import series as _series
from .run import INFO_KEYS, Run, RunError, format_record, read_info, read_table
from .style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    LIGHT,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
    legend_below,
    new_figure,
    save,
    styled,
)

__all__ = ["FIGURES", "Figure", "draw", "run_figures", "save", "voltage_curve"]

CAPACITY = "Capacity (mAh g⁻¹)"
VOLTAGE = "Voltage vs Li/Li⁺ (V)"
HALF_CYCLES: dict[str, tuple[tuple[int, ...], Literal["-", "--"]]] = {
    "charge": ((1, 2), "-"),  # step indices, line style
    "discharge": ((4, 5), "--"),
}
O_STATES = (
    ("hole", "hole O⁻", SKY, "o"),
    ("peroxo", "peroxo", ORANGE, "s"),
    ("superoxo", "superoxo", VERMILLION, "D"),
    ("molecular", "molecular O₂", BLACK, "^"),
)
VOLTAGE_COLUMNS = ["branch", "voltage_V", "capacity_mAh_per_g", "x_li", "dqdv_mAh_per_g_V"]
SPECIES_NAME = re.compile(r"([a-z]{1,2})(\d)|o_([a-z0-9_]+)")
ELEMENT_COLOUR = {"ni": GREEN, "co": BLUE, "mn": PURPLE}
COUPLE_COLUMN = re.compile(r"Charge from (.+) / mAh g-1")
COUPLE_COLOUR = {
    "Ni": GREEN,
    "Co": BLUE,
    "Mn": PURPLE,
    "O hole": SKY,
    "O dimer": ORANGE,
    "O2": BLACK,
}
OTHER_COUPLES = (YELLOW, VERMILLION, GREY, LIGHT)
DQDV_BIN_V = 0.05
ELEMENT_WIDTH = {"ni": 2.8, "mn": 2.2}  # wider lines first, so that equal curves stay visible
VALENCE_STYLE = {"2": ":", "3": "--", "4": "-"}


def run_figures(run: Run) -> tuple[dict[str, Figure], list[str]]:
    """All figures of a run by name, and notes on figures left out.  Raises RunError for files that contradict the format."""
    drawn, notes = {}, []
    for name, (make, lacks) in FIGURES.items():
        if reason := lacks(run):
            if name != "depth_profiles":  # bulk has none, nobody misses it
                notes.append(f"{reason}, {name} left out")
            continue
        with styled():
            drawn[name] = make(run)
    return drawn, notes


def draw(run: Run, name: str) -> Figure:
    """One figure of a run.  Raises RunError for an unknown name, or when the run lacks its data."""
    if name not in FIGURES:
        raise RunError(f"expected a figure of {', '.join(FIGURES)}, found '{name}'")
    make, lacks = FIGURES[name]
    if reason := lacks(run):
        raise RunError(f"{run.path}: {reason}: no figure '{name}'")
    with styled():
        return make(run)


# ---- voltage profiles -------------------------------------------------------------------------------------------------


def mean_profile(
    profile: pd.DataFrame, cycle: int, steps: tuple[int, ...], points: int = 240
) -> tuple[Array, Array, Array] | None:
    """Mean profile of one half-cycle over replicas.

    Replicas end at different capacities, so each is interpolated on a common grid of its share of the half-cycle's capacity; capacity and
    voltage are then averaged at equal share, which keeps the ends at the cut-offs.  Returns capacity in mAh/g, voltage in V and the
    half width of its 95 % interval (NaN for one replica), each (points,); None when no replica has two rows.
    """
    rows = profile[(profile["Cycle Count / 1"] == cycle) & profile["Step Index / 1"].isin(steps)]
    curves = []
    for _, one in rows.groupby("Replica / 1"):
        capacity = one["Capacity / mAh g-1"].to_numpy(dtype=np.float64)
        order = np.argsort(capacity, kind="stable")
        if len(order) >= 2 and capacity[order[-1]] > 0.0:
            curves.append((capacity[order], one["Voltage / V"].to_numpy(dtype=np.float64)[order]))
    if not curves:
        return None
    share = np.linspace(max(float(q[0] / q[-1]) for q, _ in curves), 1.0, points)
    voltage = np.stack([np.interp(share, q / q[-1], v) for q, v in curves], axis=-1)
    mean, _, half = mean_interval(voltage)
    return share * float(np.mean([q[-1] for q, _ in curves])), mean, half


def voltage_profiles(run: Run) -> Figure:
    """Voltage against capacity by cycle: replica means, charge solid and discharge dashed, colour = cycle."""
    figure, body = new_figure(4.7, run.provenance())
    ax = body.subplots()
    cycles = sorted(int(c) for c in run.profile["Cycle Count / 1"].unique())
    shades = LinearSegmentedColormap.from_list(
        "cycles", matplotlib.colormaps["viridis"](np.linspace(0.0, 0.9, 64))
    )
    scale = Normalize(cycles[0], max(cycles[-1], cycles[0] + 1)) if cycles else Normalize(1, 2)
    for cycle in cycles:
        for steps, style in HALF_CYCLES.values():
            curve = mean_profile(run.profile, cycle, steps)
            if curve is None:
                continue
            q, v, half = curve
            ax.plot(q, v, style, color=shades(scale(cycle)), linewidth=1.3)
            if cycle in (cycles[0], cycles[-1]):
                _band(ax, q, v, half, shades(scale(cycle)))
    _profile_legend(body, run, len(cycles))
    if len(cycles) > 1:
        bar = body.colorbar(ScalarMappable(scale, shades), ax=ax, pad=0.02, aspect=30)
        bar.set_label("Cycle")
        bar.locator = MaxNLocator(integer=True, min_n_ticks=1)
        bar.update_ticks()
    several = run.profile["Replica / 1"].nunique() > 1
    title = "Voltage profiles, mean over replicas" if several else "Voltage profiles"
    ax.set(xlabel=CAPACITY, ylabel=VOLTAGE, title=title)
    ax.set_xlim(left=0.0)
    return figure


def _profile_legend(body: SubFigure, run: Run, n_cycles: int) -> None:
    keys: list[Line2D | Patch] = [
        Line2D([], [], color=GREY, linestyle=style, label=name)
        for name, (_, style) in HALF_CYCLES.items()
    ]
    bands = _band_key(run.profile["Replica / 1"].nunique())
    if bands and n_cycles > 2:
        bands[0].set_label(f"{bands[0].get_label()} (first, last cycle)")
    legend_below(body, [*keys, *bands], 3)


# ---- redox couples ----------------------------------------------------------------------------------------------------


def couples(profile: pd.DataFrame) -> dict[str, str]:
    """Name of each redox couple -> its column of the profile, in the order of the file."""
    found = ((COUPLE_COLUMN.fullmatch(name), name) for name in profile.columns)
    return {match[1]: name for match, name in found if match}


def couple_dqdv(profile: pd.DataFrame, cycle: int, steps: tuple[int, ...]) -> pd.DataFrame:
    """dQ/dV of one half-cycle by couple, mAh/(g V), mean over replicas.

    Charge that a couple gives between two rows counts at the mean of their voltages, in bins of DQDV_BIN_V (index = their centres, V).
    Positive is charge given on charge and charge taken back on discharge; a couple that turns into another one gives on one side and takes
    on the other.
    """
    columns = couples(profile)
    rows = profile[(profile["Cycle Count / 1"] == cycle) & profile["Step Index / 1"].isin(steps)]
    sign = 1.0 if steps == HALF_CYCLES["charge"][0] else -1.0
    parts = []
    for _, one in rows.groupby("Replica / 1"):
        voltage = one["Voltage / V"].to_numpy(dtype=np.float64)
        middle = (voltage[1:] + voltage[:-1]) / 2.0
        part = pd.DataFrame({c: sign * np.diff(one[n]) for c, n in columns.items()})
        part["V"] = (np.floor(middle / DQDV_BIN_V) + 0.5) * DQDV_BIN_V
        parts.append(part)
    if not parts:
        return pd.DataFrame(columns=[*columns])
    return pd.concat(parts).groupby("V").sum() / (DQDV_BIN_V * len(parts))


def redox_couples(run: Run) -> Figure:
    """dQ/dV of the first and the last cycle, split into the couples that give the charge."""
    figure, body = new_figure(5.4, run.provenance())
    cycles = sorted({int(run.cycles["cycle"].min()), int(run.cycles["cycle"].max())})
    axes = body.subplots(2, len(cycles), squeeze=False, sharex=True, sharey=True)
    names = list(couples(run.profile))
    spare = iter(OTHER_COUPLES)
    colours = {c: COUPLE_COLOUR.get(c) or next(spare, GREY) for c in names}
    for row, (half, (steps, _)) in enumerate(HALF_CYCLES.items()):
        for ax, cycle in zip(axes[row], cycles, strict=True):
            _stack(ax, couple_dqdv(run.profile, cycle, steps), colours)
            ax.set_title(f"Cycle {cycle}, {half}")
            ax.axhline(0.0, color=GREY, linewidth=0.7)
    for ax in axes[-1]:
        ax.set_xlabel(VOLTAGE)
    for ax in axes[:, 0]:
        ax.set_ylabel("dQ/dV (mAh g⁻¹ V⁻¹)")
    label = {"O2": "O₂", "O hole": "O hole (O⁻)", "O dimer": "O–O dimer"}
    legend_below(body, [Patch(color=colours[c], label=label.get(c, c)) for c in names], 7)
    return figure


def _stack(ax: Axes, parts: pd.DataFrame, colours: dict[str, str]) -> None:
    """Bars on top of each other, what is below zero downwards."""
    up, down = np.zeros(len(parts)), np.zeros(len(parts))
    x = parts.index.to_numpy(dtype=np.float64)
    for couple, colour in colours.items():
        if couple not in parts:
            continue
        y = parts[couple].to_numpy(dtype=np.float64)
        ax.bar(x, y, width=DQDV_BIN_V, bottom=np.where(y >= 0.0, up, down), color=colour)
        up, down = up + np.maximum(y, 0.0), down + np.minimum(y, 0.0)


# ---- mean voltages and fade -------------------------------------------------------------------------------------------


def mean_voltages(run: Run) -> Figure:
    """Mean charge and discharge voltage against cycle with 95 % bands, fitted line and the fade of record."""
    figure, body = new_figure(4.4, run.provenance())
    ax = body.subplots()
    for column, label, colour, marker in (
        ("mean_charge_voltage_V", "mean charge voltage", VERMILLION, "s"),
        ("mean_discharge_voltage_V", "mean discharge voltage", BLUE, "o"),
    ):
        number, values = by_replica(run.cycles, column)
        _series(ax, number, values, label, colour, marker)
    _cycle_axis(ax, number)
    ax.set(ylabel=VOLTAGE)
    ax.margins(y=0.12)
    first = int(run.setting("protocol.fade_first_cycle"))
    title = f"Voltage fade not defined: fewer than two cycles from cycle {first} on"
    fit = fit_fade(run.cycles, first)
    if fit is not None:
        fade = run.record("voltage_fade_mV_per_cycle")
        x = np.array([fit.first, fit.last], dtype=np.float64)
        ax.plot(
            x,
            fit.line(x),
            color=BLACK,
            linewidth=1.2,
            linestyle=(0, (5, 2)),
            label="least-squares line",
        )
        title = f"Voltage fade, cycles {fit.first}–{fit.last}: {format_record(fade)}"
        _compare(fit.fade_mV, fade.mean)
    ax.set_title(title)
    replicas = values.shape[1]
    handles = ax.get_legend_handles_labels()[0] + _band_key(replicas)
    legend_below(body, handles, 4)
    return figure


def _compare(drawn_mV: float, record_mV: float) -> None:
    if abs(drawn_mV - record_mV) > 0.01 + 1e-3 * abs(record_mV):
        print(
            f"warning: line drawn fades by {drawn_mV:.3f} mV/cycle, summary.csv says {record_mV:.3f}: "
            "cycles.csv and summary.csv differ, or replicas have different numbers of cycles",
            file=sys.stderr,
        )


# ---- structure over cycles --------------------------------------------------------------------------------------------


def structure(run: Run) -> Figure:
    """TM ions in the Li layer, in % of all TM, and O states, in % of all anion sites, against cycle."""
    figure, body = new_figure(3.8, run.provenance())
    axes = body.subplots(1, 3)
    _tm_panel(axes[0], run)
    axes[2].sharey(axes[1])
    for ax, at in zip(axes[1:], ("charge", "discharge"), strict=True):
        for state, label, colour, marker in O_STATES:
            number, values = by_replica(run.cycles, f"o_{state}_{at}")
            _series(ax, number, 100.0 * values, label, colour, marker)
        _cycle_axis(ax, number)
        ax.set(title=f"Oxidised O, end of {at}", ylabel="Share of anion sites (%)")
    for ax in axes:
        ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]) if ax.get_ylim()[1] > 0 else 0.0)
    keys = axes[1].get_legend_handles_labels()[0] + _band_key(values.shape[1])
    legend_below(body, keys, 5)
    return figure


def _tm_panel(ax: Axes, run: Run) -> None:
    for at, colour, marker in (("charge", VERMILLION, "s"), ("discharge", BLUE, "o")):
        number, values = by_replica(run.cycles, f"tm_li_layer_{at}")
        _series(ax, number, 100.0 * values, f"end of {at}", colour, marker)
    _cycle_axis(ax, number)
    ax.set(title="TM in the Li layer", ylabel="Share of TM ions (%)")
    ax.set_ylim(top=1.3 * ax.get_ylim()[1])
    ax.legend(loc="upper left", ncols=1, handlelength=1.6)


# ---- equilibrium voltage curve ----------------------------------------------------------------------------------------


def voltage_curve(path: Path) -> Figure:
    """V(q), dQ/dV and redox species of one `kmc voltage` table.

    Columns besides branch, voltage, capacity, x_li and dQ/dV are ions per formula unit (``ni2``, ``mn4``, ``o_hole``).  Raises RunError
    when the file or a column is missing.
    """
    table = read_table(path, VOLTAGE_COLUMNS)
    if wrong := sorted(set(table["branch"].dropna()) - set(HALF_CYCLES)) or (
        ["(empty)"] if table.empty else []
    ):
        raise RunError(f"{path}: column 'branch': expected charge or discharge, found '{wrong[0]}'")
    species = [
        c for c in table.columns if SPECIES_NAME.fullmatch(str(c)) and table[c].abs().max() > 0
    ]
    with styled():
        figure, body = new_figure(6.6, _table_provenance(path))
        axes = body.subplots(2, 2)
        _branches(axes[0, 0], table, "capacity_mAh_per_g", "voltage_V")
        axes[0, 0].set(xlabel=CAPACITY, ylabel=VOLTAGE, title="Equilibrium voltage")
        axes[0, 0].legend(loc="best")
        _branches(axes[0, 1], table, "voltage_V", "dqdv_mAh_per_g_V")
        axes[0, 1].set(xlabel=VOLTAGE, ylabel="dQ/dV (mAh g⁻¹ V⁻¹)", title="Differential capacity")
        axes[0, 1].legend(loc="best")
        _species_panels(body, [axes[1, 0], axes[1, 1]], table, species)
    return figure


def _branches(ax: Axes, table: pd.DataFrame, x: str, y: str) -> None:
    colours = {"charge": VERMILLION, "discharge": BLUE}
    for branch, (_, style) in HALF_CYCLES.items():
        rows = table[table["branch"] == branch]
        if len(rows):
            ax.plot(rows[x], rows[y], style, color=colours[branch], label=branch)


def _species_panels(
    body: SubFigure, axes: list[Axes], table: pd.DataFrame, species: list[str]
) -> None:
    for ax, branch in zip(axes, HALF_CYCLES, strict=True):
        rows = table[table["branch"] == branch]
        for name in species:
            colour, style, label = species_style(name)
            width = ELEMENT_WIDTH.get(name[:2], 1.4)
            x, y = rows["capacity_mAh_per_g"], rows[name]
            ax.plot(x, y, style, color=colour, label=label, linewidth=width, zorder=3 - width / 10)
        ax.set(xlabel=CAPACITY, ylabel="Ions per formula unit", title=f"Redox species, {branch}")
    axes[1].sharey(axes[0])
    if species:
        keys = axes[0].get_legend_handles_labels()[0]
        legend_below(body, keys, min(len(keys), 8))


def species_style(name: str) -> tuple[str, str, str]:
    """Colour, line style and label of a species column such as ``ni2`` or ``o_hole``."""
    match = SPECIES_NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"expected a name like ni2 or o_hole, found {name}")
    if match[3]:
        colour, label = {key: (c, text) for key, text, c, _ in O_STATES}.get(
            match[3], (GREY, match[3])
        )
        return colour, "-.", label if label.startswith(("hole", "molecular")) else f"{label} O"
    text = f"{match[1].capitalize()}$^{{{match[2]}+}}$"
    return ELEMENT_COLOUR.get(match[1], GREY), VALENCE_STYLE.get(match[2], "-"), text


def _table_provenance(path: Path) -> str:
    """File name, and what a ``run.json`` beside the table says, when there is one."""
    beside = path.with_name("run.json")
    if not beside.exists():
        return f"{path.name} · no run.json beside it: scenario and parameters not recorded"
    info = read_info(beside)
    parts = [f"{key.replace('_', ' ')} {info[key]}" for key in INFO_KEYS]
    return " · ".join([path.name, *parts, *([str(info["claims"])] if info.get("claims") else [])])


# ---- which figures there are ------------------------------------------------------------------------------------------


def _nothing(run: Run) -> str:
    return ""


def _no_couples(run: Run) -> str:
    return "" if couples(run.profile) else "profile.bdf.csv has no charge by couple"


def _no_clusters(run: Run) -> str:
    return "" if (run.clusters["size"] > 0).any() else "no voids in clusters.csv"


def _no_depth(run: Run) -> str:
    return "" if len(run.depth) else "no free surface, no depth.csv"


def _no_snapshots(run: Run) -> str:
    return "" if run.snapshots() else "no snapshots in this run (output.snapshots)"


def _columns(needs: Sequence[str]) -> Callable[[Run], str]:
    """Reason when cycles.csv lacks columns: it comes from an older program."""
    return lambda run: (
        "" if set(needs) <= set(run.cycles.columns) else "cycles.csv has no columns for it"
    )


FIGURES: dict[str, tuple[Callable[[Run], Figure], Callable[[Run], str]]] = {
    # name -> (draw, why it cannot be drawn: empty when it can)
    "voltage_profiles": (voltage_profiles, _nothing),
    "dqdv": (capacity.dqdv, _nothing),
    "capacity": (capacity.capacity, _nothing),
    "mean_voltages": (mean_voltages, _nothing),
    "structure": (structure, _nothing),
    "redox_couples": (redox_couples, _no_couples),
    "voids": (voids.voids, _columns(voids.COLUMNS)),
    "cluster_sizes": (clusters.sizes, _no_clusters),
    "oxygen_budget": (oxygen.budget, _columns(oxygen.COLUMNS)),
    "depth_profiles": (oxygen.depth_profiles, _no_depth),
    "layers_top": (lambda run: layers.top_view(run, layers.choose_snapshots(run)), _no_snapshots),
    "layers_side": (lambda run: layers.side_view(run, layers.choose_snapshots(run)), _no_snapshots),
    "stem": (stem.picture, _no_snapshots),
}
