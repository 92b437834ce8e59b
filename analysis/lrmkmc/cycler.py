"""cycler: the profile of one replica as the tables that other programs of the field read.

    pybamm   variable names of PyBaMM (``pybamm.Solution``); its current is positive on discharge, and the discharge capacity counts net
    cellpy   column names of cellpy's raw table (``cellpy.parameters.internal_settings.HeadersNormal``), in A, Ah, V and s; capacities
             start afresh with each cycle, current positive on charge

All for 1 g, the nominal mass of ``profile.bdf.csv``, so Ah are Ah/g.
"""

from __future__ import annotations

import pandas as pd

from .run import Run, RunError

FORMATS = ("pybamm", "cellpy")


def table(run: Run, format: str, replica: int = 0) -> pd.DataFrame:
    """Rows of one replica in the order of time.  Raises RunError for another format, or a replica without a profile."""
    if format not in FORMATS:
        raise RunError(f"expected a format of {', '.join(FORMATS)}, found '{format}'")
    rows = run.profile[run.profile["Replica / 1"] == replica].reset_index(drop=True)
    if rows.empty:
        there = sorted(run.profile["Replica / 1"].unique().tolist())
        raise RunError(
            f"{run.path / 'profile.bdf.csv'}: expected a replica of {there}, found {replica} (output.profile_replicas)"
        )
    return _pybamm(rows) if format == "pybamm" else _cellpy(rows)


def _pybamm(rows: pd.DataFrame) -> pd.DataFrame:
    net = rows["Discharging Capacity / Ah"] - rows["Charging Capacity / Ah"]
    return pd.DataFrame(
        {
            "Time [s]": rows["Test Time / s"],
            "Current [A]": -rows["Current / A"],
            "Voltage [V]": rows["Voltage / V"],
            "Discharge capacity [A.h]": net,
            "Cycle number": rows["Cycle Count / 1"],
        }
    )


def _cellpy(rows: pd.DataFrame) -> pd.DataFrame:
    cycle, step, time = (
        rows[name] for name in ("Cycle Count / 1", "Step Index / 1", "Test Time / s")
    )
    changes = (step != step.shift()) | (cycle != cycle.shift())
    begins = time.shift(fill_value=0.0).where(changes).ffill()
    return pd.DataFrame(
        {
            "data_point": range(1, len(rows) + 1),
            "test_time": time,
            "step_time": time - begins,
            "cycle_index": cycle,
            "step_index": step,
            "current": rows["Current / A"],
            "voltage": rows["Voltage / V"],
            "charge_capacity": _in_cycle(rows["Charging Capacity / Ah"], cycle),
            "discharge_capacity": _in_cycle(rows["Discharging Capacity / Ah"], cycle),
        }
    )


def _in_cycle(total: pd.Series[float], cycle: pd.Series[int]) -> pd.Series[float]:
    """What has passed since the cycle began; the program counts from the start of the test."""
    ends = total.groupby(cycle).last()
    return total - cycle.map(ends.shift(fill_value=0.0))
