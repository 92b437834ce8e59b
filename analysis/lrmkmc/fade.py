r"""fade: means over replicas with intervals, and the straight line drawn through the mean discharge voltages.

The voltage fade of record is ``voltage_fade_mV_per_cycle`` in ``summary.csv``; ``fit_fade`` only draws the line, and ``fade_table`` gives
the program's fades over other cycles.

    V̄_r(n) ≈ b_r − f_r n   for cycles n ≥ first      (least squares, each replica r by itself)
    f = mean of f_r,  95 % interval f ± t_{0.975, R−1} s / √R

Source of the t distribution: Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FadeFit:
    """Least-squares lines of mean discharge voltage against cycle; half width and error are NaN for one replica."""

    first: int  # first cycle of the fit
    last: int
    slopes_V: Array  # (replicas,), V per cycle, negative when the voltage fades
    intercepts_V: Array  # (replicas,), V at cycle 0
    fade_mV: float  # minus the mean slope, mV per cycle
    standard_error_mV: float
    half_width_mV: float  # half of the 95 % interval

    def line(self, cycles: Array) -> Array:
        """Mean of the replica lines in V at `cycles`; same shape."""
        return float(self.intercepts_V.mean()) + float(self.slopes_V.mean()) * cycles


def t_probability(t: float, df: int) -> float:
    """P(|T| < t) of Student's t for df >= 1 degrees of freedom."""
    angle = math.atan(t / math.sqrt(df))
    cos2 = math.cos(angle) ** 2
    term = 1.0 if df % 2 == 0 else math.cos(angle)
    total = 0.0
    for k in range(2 if df % 2 == 0 else 3, df + 1, 2):
        total += term
        term *= cos2 * (k - 1) / k
    if df % 2 == 0:
        return math.sin(angle) * total
    return 2.0 / math.pi * (angle + math.sin(angle) * total)


def t_quantile(df: int, probability: float = 0.95) -> float:
    """t with P(|T| < t) = probability, by bisection; ValueError unless df >= 1 and 0 < probability < 1."""
    if df < 1 or not 0.0 < probability < 1.0:
        raise ValueError(f"expected df >= 1 and 0 < probability < 1, found {df} and {probability}")
    low, high = 0.0, 1.0
    while t_probability(high, df) < probability:
        high *= 2.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if t_probability(middle, df) < probability else (low, middle)
    return 0.5 * (low + high)


def mean_interval(values: Array) -> tuple[Array, Array, Array]:
    """Mean, standard error and 95 % half width over the replicas (last axis), NaN left out.

    values (..., replicas) -> three arrays (...); error and half width are NaN below two values, the mean is NaN without any.
    """
    data = np.asarray(values, dtype=np.float64)
    count = np.sum(~np.isnan(data), axis=-1)
    mean = np.divide(
        np.nansum(data, axis=-1), count, out=np.full(count.shape, np.nan), where=count > 0
    )
    squares = np.nansum((data - mean[..., None]) ** 2, axis=-1)
    variance = np.divide(squares, count - 1, out=np.full(count.shape, np.nan), where=count > 1)
    error = np.sqrt(variance / np.maximum(count, 1))
    factor = np.array([t_quantile(int(n) - 1) if n > 1 else np.nan for n in count.ravel()])
    return mean, error, error * factor.reshape(count.shape)


def by_replica(cycles: pd.DataFrame, column: str) -> tuple[Array, Array]:
    """Cycle numbers (cycles,) and `column` as (cycles, replicas) in its own unit, NaN where a replica lacks a cycle."""
    table = cycles.pivot(index="cycle", columns="replica", values=column)
    return table.index.to_numpy(dtype=np.float64), table.to_numpy(dtype=np.float64)


def fit_fade(cycles: pd.DataFrame, first: int) -> FadeFit | None:
    """Lines through ``mean_discharge_voltage_V`` at cycles >= first; None when no replica has two such cycles."""
    number, voltage = by_replica(cycles, "mean_discharge_voltage_V")
    lines = []
    for column in voltage.T:
        use = (number >= first) & ~np.isnan(column)
        if use.sum() >= 2:
            lines.append(np.polyfit(number[use], column[use], 1))
    if not lines:
        return None
    slopes, intercepts = np.array(lines).T
    mean, error, half = mean_interval(slopes)
    return FadeFit(
        first=first,
        last=int(number.max()),
        slopes_V=slopes,
        intercepts_V=intercepts,
        fade_mV=-1e3 * float(mean),
        standard_error_mV=1e3 * float(error),
        half_width_mV=1e3 * float(half),
    )


WHOLE_RUN_FADES = (  # metric, column of cycles.csv, unit, scale, end-point form
    ("voltage_fade_mV_per_cycle", "mean_discharge_voltage_V", "mV/cycle", 1e3, False),
    ("voltage_fade_endpoint_mV_per_cycle", "mean_discharge_voltage_V", "mV/cycle", 1e3, True),
    (
        "window_voltage_fade_mV_per_cycle",
        "window_mean_discharge_voltage_V",
        "mV/cycle",
        1e3,
        False,
    ),
    (
        "capacity_fade_mAh_per_g_per_cycle",
        "discharge_capacity_mAh_per_g",
        "mAh/g/cycle",
        1.0,
        False,
    ),
    ("energy_fade_Wh_per_kg_per_cycle", "discharge_energy_Wh_per_kg", "Wh/kg/cycle", 1.0, False),
)
FADE_COLUMNS = (
    "metric unit first_cycle last_cycle mean standard_error ci95_low ci95_high replicas".split()
)


def fade_table(cycles: pd.DataFrame, first: int, last: int | None = None) -> pd.DataFrame:
    """Fades over cycles first..last (default: the last there is), one row each, columns FADE_COLUMNS.

    The definitions are the program's (``kmc/statistics.h``), so over the cycles of record the rows are those of ``summary.csv``: minus the
    least-squares slope of each replica, or (V_first − V_last)/(last − first) for the end-point form, then the mean over replicas with its
    95 % Student t interval.  One replica has no interval; its standard error is that of the slope, from the residuals.  What is not defined
    (fewer than two cycles) is NaN.
    """
    end = int(cycles["cycle"].max()) if last is None else last
    used = cycles[cycles["cycle"].between(first, end)]
    rows = []
    for metric, column, unit, scale, endpoint in WHOLE_RUN_FADES:
        fades, slope_error = _fades(used, column, (first, end) if endpoint else None)
        mean, error, half = (scale * float(x) for x in mean_interval(fades))
        if len(fades) == 1:
            error = scale * slope_error
        count = int(np.sum(~np.isnan(fades)))
        rows.append([metric, unit, first, end, mean, error, mean - half, mean + half, count])
    return pd.DataFrame(rows, columns=FADE_COLUMNS)


def _fades(cycles: pd.DataFrame, column: str, ends: tuple[int, int] | None) -> tuple[Array, float]:
    """Fade of each replica per cycle, NaN where not defined, and the error of the first one's slope."""
    number, values = by_replica(cycles, column)
    if not len(number):
        return np.array([np.nan]), np.nan
    if ends:
        if ends[0] == ends[1] or not {*ends} <= {*number}:
            return np.full(values.shape[1], np.nan), np.nan
        fall = values[number == ends[0]][0] - values[number == ends[1]][0]
        return np.asarray(fall / (ends[1] - ends[0])), np.nan
    lines = [_slope(number, one) for one in values.T]
    return -np.array([slope for slope, _ in lines]), lines[0][1]


def _slope(x: Array, y: Array) -> tuple[float, float]:
    """Least-squares slope and its standard error, NaN below two and below three points."""
    use = ~np.isnan(y)
    n = int(use.sum())
    if n < 2:
        return np.nan, np.nan
    dx, dy = x[use] - x[use].mean(), y[use] - y[use].mean()
    slope = float(dx @ dy / (dx @ dx))
    if n < 3:
        return slope, np.nan
    residual = dy - slope * dx
    return slope, math.sqrt(float(residual @ residual) / (n - 2) / float(dx @ dx))
