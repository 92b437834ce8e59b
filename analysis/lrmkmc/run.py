"""run: a run directory as data frames.

Source of the formats: the program's ``kmc/output``.  Units stand in the column names; capacities are per gram of the pristine, doped
formula.  ``replica`` counts from 0, ``cycle`` from 1.  An empty field means "not defined" and becomes NaN.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .fade import fade_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .snapshot import Snapshot
    from .store import Stored

CYCLES_COLUMNS = (
    "cycle replica charge_capacity_mAh_per_g discharge_capacity_mAh_per_g "
    "coulombic_efficiency "
    "mean_charge_voltage_V mean_discharge_voltage_V hysteresis_V charge_energy_Wh_per_kg "
    "discharge_energy_Wh_per_kg plateau_charge_mAh_per_g window_mean_discharge_voltage_V "
    "tm_li_layer_charge tm_li_layer_discharge mn_li_layer_discharge ni_li_layer_discharge "
    "co_li_layer_discharge tm_tet_charge tm_tet_discharge return_fraction honeycomb_order "
    "o_hole_charge o_peroxo_charge o_superoxo_charge o_molecular_charge o_hole_discharge "
    "o_peroxo_discharge o_superoxo_discharge o_molecular_discharge cluster_number_mean_charge "
    "cluster_weight_mean_charge cluster_largest_charge cluster_percolates_charge tm_hops o_events "
    "join_events split_events cleave_events combine_events oxidise_events reduce_events "
    "large_step_share stiff_factor_min sub_slices_max energy_eV state_hash"
).split()
SUMMARY_COLUMNS = "metric unit cycle mean standard_error ci95_low ci95_high replicas".split()
PROFILE_COLUMNS = [
    "Test Time / s",
    "Voltage / V",
    "Current / A",
    "Cycle Count / 1",
    "Charging Capacity / Ah",
    "Discharging Capacity / Ah",
    "Step Index / 1",
    "Replica / 1",
    "Capacity / mAh g-1",
]
CLUSTERS_COLUMNS = "cycle replica at size count o2_count percolating".split()
VOIDS_COLUMNS = (
    "cycle replica at void size o2_count filling wall_contact open percolating event parent "
    "absorbed size_before"
).split()
DEPTH_COLUMNS = (
    "cycle at replica depth_planes depth_nm o_sites tm_li_layer o_vacant o_molecular tm_valence "
    "li_per_formula_unit"
).split()
# columns of cycles.csv and clusters.csv that older programs did not write
LATER_CYCLES_COLUMNS = (
    "side_reaction_charge_mAh_per_g side_reaction_discharge_mAh_per_g move_events lose_events "
    "vacancy_events "
    "budget_oxide_charge budget_hole_charge budget_dimer_charge budget_molecular_charge "
    "budget_lost_charge o2_lost_charge_mL_per_g budget_oxide_discharge budget_hole_discharge "
    "budget_dimer_discharge budget_molecular_discharge budget_lost_discharge "
    "o2_lost_discharge_mL_per_g spinel_charge spinel_discharge rock_salt_charge "
    "rock_salt_discharge void_count_charge void_count_discharge void_births void_reopenings "
    "void_splits void_coalescences void_closures void_openings void_percolations o2_reduced "
    "o2_reduced_void_to_4 o2_reduced_void_5_to_16 o2_reduced_void_over_16 o2_site_vacant "
    "mn_beyond_4_charge mn_beyond_4_discharge protons_charge_per_formula_unit "
    "protons_discharge_per_formula_unit exchange_events lithium_hops"
).split()
LATER_CLUSTERS_COLUMNS = "open_count filling wall_contact".split()
INFO_KEYS = ("version", "git_hash", "seed", "replicas", "parameter_hash", "scenario")


class RunError(Exception):
    """A file that is missing, unreadable or not what the format says; the text names file and column or key."""


@dataclass(frozen=True)
class Record:
    """One whole-run line of ``summary.csv``, in its unit; NaN where one replica allows no interval."""

    metric: str
    unit: str
    mean: float
    standard_error: float
    ci95_low: float
    ci95_high: float
    replicas: int


@dataclass(frozen=True)
class Run:
    """A run directory: one row per cycle and replica in ``cycles``, one per time step in ``profile``.

    ``voids`` has a row per void and half-cycle of the first replicas, ``depth`` one per depth and half-cycle; both may have no rows: older
    programs wrote neither, and runs without a free surface have no depth.
    """

    path: Path
    info: dict[str, Any]
    scenario: dict[str, Any]
    cycles: pd.DataFrame
    summary: pd.DataFrame
    profile: pd.DataFrame
    clusters: pd.DataFrame
    voids: pd.DataFrame
    depth: pd.DataFrame

    def setting(self, key: str) -> Any:
        """Value of a dotted key of ``resolved.toml`` in the unit of its name.  Raises RunError when absent."""
        node: Any = self.scenario
        for part in key.split("."):
            if not isinstance(node, dict) or part not in node:
                raise RunError(f"{self.path / 'resolved.toml'}: key '{key}' is missing")
            node = node[part]
        return node

    def record(self, metric: str) -> Record:
        """Whole-run number of record from ``summary.csv`` (its ``cycle`` is empty).  Raises RunError when absent."""
        rows = self.summary[(self.summary["metric"] == metric) & self.summary["cycle"].isna()]
        if len(rows) != 1:
            raise RunError(
                f"{self.path / 'summary.csv'}: expected one row with metric '{metric}' and empty column "
                f"'cycle', found {len(rows)}"
            )
        row = rows.iloc[0]
        return Record(
            metric=metric,
            unit=str(row["unit"]),
            mean=float(row["mean"]),
            standard_error=float(row["standard_error"]),
            ci95_low=float(row["ci95_low"]),
            ci95_high=float(row["ci95_high"]),
            replicas=int(row["replicas"]),
        )

    def snapshots(self) -> dict[tuple[int, int, str], Stored]:
        """Where the snapshots lie by (replica, cycle, at), in that order; ``.read()`` reads one.  Empty when none were kept.

        at = initial | charge | discharge (ends of half-cycles), or charge@4.400 when this voltage was passed.
        """
        from .store import find_stored

        return find_stored(self.path)

    def snapshot(self, cycle: int | None = None, at: str = "charge", replica: int = 0) -> Snapshot:
        """Occupancy of one replica at a moment of a cycle (see `snapshots`); without a cycle, the last one stored.

        Raises RunError when it was not stored (it lists what was), or the file is damaged.
        """
        from .store import normal_moment

        stored, at = self.snapshots(), normal_moment(at)
        fitting = [n for r, n, a in stored if r == replica and a == at]
        key = replica, max(fitting, default=-1) if cycle is None else cycle, at
        if key not in stored:
            there = ", ".join(f"cycle {n} {a} of replica {r}" for r, n, a in stored)
            wanted = (
                f"{'a cycle' if cycle is None else f'cycle {cycle}'} at {at} of replica {replica}"
            )
            raise RunError(f"{self.path}: expected {wanted}, found {there or 'no snapshots'}")
        return stored[key].read()

    def fade(self, first: int | None = None, last: int | None = None) -> pd.DataFrame:
        """Fades over cycles first..last with intervals, a row each: see ``lrmkmc.fade.fade_table``.

        Left out, `first` is ``protocol.fade_first_cycle`` and `last` the last cycle: the numbers of record of ``summary.csv``.
        """
        start = int(self.setting("protocol.fade_first_cycle")) if first is None else first
        return fade_table(self.cycles, start, last)

    def figure(self, name: str) -> Figure:
        """One of the figures of ``lrmkmc.figures`` as a matplotlib figure.  Raises RunError when the run lacks its data."""
        from . import figures

        return figures.draw(self, name)

    def provenance(self) -> str:
        """One line: scenario, box, replicas, seed, parameter hash, version, and the claim (e.g. "uncalibrated")."""
        s, info = "structure.", self.info
        letters = str(self.setting(s + "stacking")) * int(self.setting(s + "repeats"))
        shown = letters if len(letters) <= 12 else f"{letters[:12]}…"
        box = f"{self.setting(s + 'cells_a')} × {self.setting(s + 'cells_b')} cells × {len(letters)} planes"
        return " · ".join(
            [
                f"scenario {info['scenario']}",
                f"box {box} ({shown})",
                f"{info['replicas']} replica{'' if info['replicas'] == 1 else 's'}",
                f"seed {info['seed']}",
                *_provenance_tail(info),
            ]
        )


def _provenance_tail(info: dict[str, Any]) -> list[str]:
    tail = [
        f"parameters {info['parameter_hash']}",
        f"lrm-kmc {info['version']} ({info['git_hash']})",
    ]
    return tail + ([str(info["claims"])] if info.get("claims") else [])


def read_table(path: Path, columns: list[str], later: list[str] | None = None) -> pd.DataFrame:
    """CSV with a header row; text columns stay text, `later` ones may be missing.  Raises RunError naming file and missing columns."""
    text = {"state_hash": str, "metric": str, "unit": str, "at": str, "branch": str, "event": str}
    try:
        frame = pd.read_csv(path, dtype=text)
    except FileNotFoundError:
        raise RunError(f"{path}: file is missing") from None
    except (OSError, ValueError) as problem:  # pandas' parser errors are ValueErrors
        raise RunError(f"{path}: not a readable CSV table: {problem}") from None
    if missing := [c for c in columns if c not in frame.columns]:
        names = ", ".join(f"'{c}'" for c in missing)
        raise RunError(f"{path}: column{'s' if len(missing) > 1 else ''} {names} missing")
    numbers = [c for c in columns + (later or []) if c not in text and c in frame.columns]
    _require_numbers(frame, numbers, path)
    return frame


def _read_if_there(path: Path, columns: list[str]) -> pd.DataFrame:
    return read_table(path, columns) if path.exists() else pd.DataFrame(columns=columns)


def _require_numbers(frame: pd.DataFrame, columns: list[str], path: Path) -> None:
    for column in columns if len(frame) else ():
        if not pd.api.types.is_numeric_dtype(frame[column]):
            bad = pd.to_numeric(frame[column], errors="coerce").isna() & frame[column].notna()
            row = int(bad.to_numpy().argmax())
            raise RunError(
                f"{path}: line {row + 2}, column '{column}': expected a number, "
                f"found '{frame[column].iloc[row]}'"
            )


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RunError(f"{path}: file is missing") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise RunError(f"{path}: not readable: {problem}") from None


def read_info(path: Path) -> dict[str, Any]:
    """``run.json`` as a dictionary.  Raises RunError naming file and missing keys."""
    return read_json(path, INFO_KEYS)


def read_json(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """A JSON object that has `keys`.  Raises RunError naming file and missing keys."""
    try:
        info = json.loads(_read_text(path))
    except json.JSONDecodeError as problem:
        raise RunError(
            f"{path}:{problem.lineno}:{problem.colno}: not JSON: {problem.msg}"
        ) from None
    if not isinstance(info, dict):
        raise RunError(f"{path}: expected a JSON object, found {type(info).__name__}")
    if missing := [k for k in keys if k not in info]:
        raise RunError(f"{path}: missing key{'s' if len(missing) > 1 else ''} {', '.join(missing)}")
    return info


def _read_scenario(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as problem:
        raise RunError(f"{path}: not TOML: {problem}") from None


def load_run(path: str | Path) -> Run:
    """Reads all tables of a run directory.

    Raises RunError when the directory, a file, a column or a key is missing, a field is not a number, or no cycle is complete.
    """
    root = Path(path)
    if not root.is_dir():
        raise RunError(f"{root}: expected a run directory (written by `kmc run`), found none")
    run = Run(
        path=root,
        info=read_info(root / "run.json"),
        scenario=_read_scenario(root / "resolved.toml"),
        cycles=read_table(root / "cycles.csv", CYCLES_COLUMNS, LATER_CYCLES_COLUMNS),
        summary=read_table(root / "summary.csv", SUMMARY_COLUMNS),
        profile=read_table(root / "profile.bdf.csv", PROFILE_COLUMNS),
        clusters=read_table(root / "clusters.csv", CLUSTERS_COLUMNS, LATER_CLUSTERS_COLUMNS),
        voids=_read_if_there(root / "voids.csv", VOIDS_COLUMNS),
        depth=_read_if_there(root / "depth.csv", DEPTH_COLUMNS),
    )
    twice = run.cycles.duplicated(["cycle", "replica"])
    if twice.any():
        row = int(twice.to_numpy().argmax())
        raise RunError(f"{root / 'cycles.csv'}: line {row + 2}: cycle and replica occur twice")
    if run.cycles.empty:
        raise RunError(f"{root / 'cycles.csv'}: no complete cycle yet")
    return run


def format_record(record: Record) -> str:
    """Mean ± standard error in the record's unit, with the 95 % interval when there is one."""
    if math.isnan(record.mean):
        return "not defined"
    if math.isnan(record.standard_error):
        return f"{record.mean:.3g} {record.unit} ({record.replicas} replica, no interval)"
    digits = (
        max(0, min(4, 1 - math.floor(math.log10(record.standard_error))))
        if record.standard_error > 0
        else 3
    )
    return (
        f"{record.mean:.{digits}f} ± {record.standard_error:.{digits}f} {record.unit} "
        f"(s.e., {record.replicas} replicas; 95 %: {record.ci95_low:.{digits}f} to {record.ci95_high:.{digits}f})"
    )
