r"""fade: means over replicas with intervals, and the straight line drawn through the mean discharge voltages.

The voltage fade of record is ``voltage_fade_mV_per_cycle`` in ``summary.csv``; the fit here only draws the line.

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
