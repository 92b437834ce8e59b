"""Writes made-up run directories in the format of `kmc run`.  Numbers are invented; nothing here is physics."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import xxhash

from lrmkmc.run import (
    CLUSTERS_COLUMNS,
    CYCLES_COLUMNS,
    DEPTH_COLUMNS,
    LATER_CLUSTERS_COLUMNS,
    LATER_CYCLES_COLUMNS,
    SUMMARY_COLUMNS,
    VOIDS_COLUMNS,
)

SPECIES = {
    1: ("Li", 1),
    2: ("Co", 3),
    3: ("Co", 4),
    4: ("K", 1),
    5: ("Mn", 3),
    6: ("Mn", 4),
    7: ("Ni", 2),
    8: ("Ni", 4),
}
IN_PLANE = [
    (1, 0),
    (-1, 0),
    (0, 1),
    (0, -1),
    (1, -1),
    (-1, 1),
]  # neighbours 0-5 of an O; 2m and 2m + 1 are opposite
OTHER_METRICS = (
    ("voltage_fade_endpoint_mV_per_cycle", "mV/cycle"),
    ("window_voltage_fade_mV_per_cycle", "mV/cycle"),
    ("capacity_fade_mAh_per_g_per_cycle", "mAh/g/cycle"),
    ("energy_fade_Wh_per_kg_per_cycle", "Wh/kg/cycle"),
    ("capacity_retention", "1"),
    ("energy_retention", "1"),
    ("mean_hysteresis_V", "V"),
)
HASH = "0123456789abcdef"
COUPLE = "Charge from {} / mAh g-1"


def cycles_table(replicas: int, cycles: int, fade_mV: float = 12.0) -> pd.DataFrame:
    """cycles.csv: mean discharge voltage falls by exactly `fade_mV` per cycle on average over replicas."""
    spread = np.linspace(-1.0, 1.0, replicas) if replicas > 1 else np.zeros(1)
    rows = []
    for n in range(1, cycles + 1):
        for r, s in enumerate(spread):
            row = dict.fromkeys(CYCLES_COLUMNS + LATER_CYCLES_COLUMNS, 0.1)
            row |= {"cycle": n, "replica": r, "state_hash": f"{n:08x}{r:08x}"}
            row["charge_capacity_mAh_per_g"] = 320.0 - 5 * n + 3 * s
            row["discharge_capacity_mAh_per_g"] = 300.0 - 5 * n + 3 * s
            row["mean_discharge_voltage_V"] = 3.80 - 1e-3 * (fade_mV + 2.0 * s) * n + 0.01 * s
            row["mean_charge_voltage_V"] = 4.2 - 0.4 * (1 - np.exp(-(n - 1))) + 0.02 * s
            for name, start, step in (
                ("tm_li_layer_charge", 0.05, 0.015),
                ("tm_li_layer_discharge", 0.02, 0.012),
                ("mn_li_layer_discharge", 0.01, 0.008),
                ("ni_li_layer_discharge", 0.008, 0.004),
                ("o_hole_charge", 0.12, -0.004),
                ("o_peroxo_charge", 0.06, 0.003),
                ("o_superoxo_charge", 0.02, 0.001),
                ("o_molecular_charge", 0.03, 0.008),
                ("o_hole_discharge", 0.005, 0.0),
                ("o_peroxo_discharge", 0.01, 0.002),
                ("o_superoxo_discharge", 0.002, 0.0),
                ("o_molecular_discharge", 0.001, 0.003),
            ):
                row[name] = max(0.0, start + step * n) * (1 + 0.06 * s)
            row["budget_lost_charge"] = 0.002 * n
            row["o2_lost_charge_mL_per_g"] = 0.5 * n
            row["o2_reduced_void_to_4"] = np.nan if n == 1 else 1.0
            row["void_coalescences"] = n + s
            rows.append(row)
    return pd.DataFrame(rows, columns=CYCLES_COLUMNS + LATER_CYCLES_COLUMNS)


def voids_table(cycles: int) -> pd.DataFrame:
    """voids.csv of replica 0: void 1 grows and takes up void 2 in the third charge; void 3 is seen once."""
    rows = []
    for n in range(1, cycles + 1):
        joined = n == 3
        event = "birth" if n == 1 else "coalescence" if joined else "reopening"
        before = np.nan if n == 1 else 10 * (n - 1)
        parent = np.nan if n == 1 else 1
        rows.append([n, 0, "charge", 1, 10 * n, 2, 0.2, 0.8, 0, 0, event, parent, +joined, before])
        if n < 3:
            event = "birth" if n == 1 else "reopening"
            rows.append([n, 0, "charge", 2, 3, 0, 0.0, 0.9, 0, 0, event, parent, 0, before])
    rows.append([cycles, 0, "charge", 3, 1, 0, 0.0, 1.0, 0, 0, "birth", np.nan, 0, np.nan])
    return pd.DataFrame(rows, columns=VOIDS_COLUMNS)


def depth_table(replicas: int, cycles: int) -> pd.DataFrame:
    """depth.csv of a slab: TM in the Li layer falls inwards, from 10 % in the first cycle and 20 % in the last at the face."""
    rows = []
    for n in (1, cycles):
        for at in ("charge", "discharge"):
            for r in range(replicas):
                for k in range(6):
                    tm = (0.1 if n == 1 else 0.2) / (1 + k)
                    li = 0.1 if at == "charge" else 1.1
                    rows.append(
                        [n, at, r, k, 0.2375 * k, 72, tm, 0.0, 0.02 * k, 3.9, li + 0.01 * r]
                    )
    table = pd.DataFrame(rows, columns=DEPTH_COLUMNS)
    return table.drop_duplicates(["cycle", "at", "replica", "depth_nm"])


def profile_table(replicas: int, cycles: int, points: int = 60) -> pd.DataFrame:
    """profile.bdf.csv with a charge (step 1) and a discharge (step 4) per cycle and replica."""
    blocks = []
    for n in range(1, cycles + 1):
        for r in range(replicas):
            for step, total in ((1, 320.0 - 5 * n + 3 * r), (4, 300.0 - 5 * n + 3 * r)):
                share = np.linspace(0.0, 1.0, points)
                fall = 0.03 * (n - 1) + 0.004 * r
                volt = (
                    3.3 + 1.1 * share**0.4 - fall
                    if step == 1
                    else 4.6 - 0.9 * share - 0.9 * share**8 - fall
                )
                volt += np.clip((share - 0.97) / 0.03, 0, 1) * (0.4 if step == 1 else -0.7)
                charged = share * total * 1e-3
                data = {
                    "Test Time / s": 3600.0 * share,
                    "Voltage / V": volt,
                    "Current / A": 0.025 if step == 1 else -0.025,
                    "Cycle Count / 1": n,
                    "Charging Capacity / Ah": charged if step == 1 else 0.32,
                    "Discharging Capacity / Ah": charged if step == 4 else 0.0,
                    "Step Index / 1": step,
                    "Replica / 1": r,
                    "Capacity / mAh g-1": share * total,
                }
                left = total * (share if step == 1 else 1.0 - share)
                data |= {COUPLE.format("Ni"): 0.25 * left, COUPLE.format("O2"): 0.75 * left}
                blocks.append(pd.DataFrame(data))
    return pd.concat(blocks, ignore_index=True)


def summary_table(replicas: int) -> pd.DataFrame:
    """summary.csv; errors are empty for one replica."""
    error = [0.91, 9.1, 14.9] if replicas > 1 else [np.nan] * 3
    rows = [
        ["voltage_fade_mV_per_cycle", "mV/cycle", np.nan, 12.0, *error, replicas],
        ["initial_coulombic_efficiency", "1", np.nan, 0.93, *error, replicas],
        ["mean_discharge_voltage_V", "V", 1, 3.788, *error, replicas],
        *([metric, unit, np.nan, 0.5, *error, replicas] for metric, unit in OTHER_METRICS),
    ]
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def resolved_text(cells: int, letters: str) -> str:
    """The part of resolved.toml the package reads."""
    return f"""[structure]
stacking = "{letters}"
repeats = 1
cells_a = {cells}
cells_b = {cells}
[protocol]
fade_first_cycle = 2
[kinetics]
large_step = 0.3
large_step_share = 0.1
[elements.Mn]
role = "TM"
[elements.Ni]
role = "TM"
[elements.Co]
role = "TM"
[elements.K]
role = "pillar"
"""


def occupancy(cells: int, planes: int, at: str, seed: int = 1) -> np.ndarray:
    """(planes, 4, cells, cells) bytes: honeycomb TM layers, Li layers with K, moved TM ions, in-plane dimers."""
    rng = np.random.default_rng(seed)
    box = np.zeros((planes, 4, cells, cells), dtype=np.uint8)
    j, i = np.indices((cells, cells))
    for gap in range(planes):
        if gap % 2 == 0:
            tm = np.where(rng.random((cells, cells)) < 0.3, 7 if at != "charge" else 8, 6)
            box[gap, 1] = np.where((i - j) % 3 == 0, 0 if at == "charge" else 1, tm)
            box[gap, 1][rng.random((cells, cells)) < 0.06] = 2
        else:
            box[gap, 1] = (rng.random((cells, cells)) < (0.3 if at == "charge" else 0.95)).astype(
                np.uint8
            )
            box[gap, 1][rng.random((cells, cells)) < 0.03] = 4
            box[gap, 1][rng.random((cells, cells)) < 0.04] = 6
            box[gap, 2][rng.random((cells, cells)) < 0.02] = 6
            box[gap, 3][rng.random((cells, cells)) < 0.02] = 1
        box[gap, 0][rng.random((cells, cells)) < 0.04] = 14 if gap == 3 else 4
        if at == "charge":
            box[gap, 0][rng.random((cells, cells)) < 0.1] = 1
            for _ in range(cells):
                bond_in_plane(
                    box,
                    gap,
                    *rng.integers(cells, size=2),
                    int(rng.integers(6)),
                    rng.choice([2, 3], size=2),
                )
    if at == "charge":
        for plane in (0, 1, 3):  # A to B, B to C, A to B of ABCABC
            for _ in range(cells // 2 if planes % 3 == 0 else 0):
                bond_across(box, plane, *rng.integers(cells, size=2), rng.choice([2, 3], size=2))
    return box


def bond_in_plane(
    box: np.ndarray, plane: int, j: int, i: int, m: int, states: tuple[int, int]
) -> None:
    """Bonds the O at (j, i) to its in-plane neighbour m, unless one of them is in a dimer already."""
    di, dj = IN_PLANE[m]
    cells = box.shape[2]
    jj, ii = (j + dj) % cells, (i + di) % cells
    if (
        box[plane, 0, j, i] >> 4
        or box[plane, 0, jj, ii] >> 4
        or {2, 3} & {box[plane, 0, j, i], box[plane, 0, jj, ii]}
    ):
        return
    box[plane, 0, j, i] = states[0] | m << 4
    box[plane, 0, jj, ii] = states[1] | (m ^ 1) << 4


def bond_across(box: np.ndarray, plane: int, j: int, i: int, states: tuple[int, int]) -> None:
    """Bonds the O at (j, i) to the one above it in the same cell; the letters must rise by one (A to B, B to C)."""
    if not (box[plane, 0, j, i] in (0, 1) and box[plane + 1, 0, j, i] in (0, 1)):
        return
    box[plane, 0, j, i] = states[0] | 6 << 4  # first neighbour above
    box[plane + 1, 0, j, i] = states[1] | 9 << 4  # first neighbour below


def snapshot_bytes(
    box: np.ndarray, letters: str, cycle: int = 1, at: str = "charge", replica: int = 0
) -> bytes:
    """A snapshot file with a right checksum."""
    planes, _, nb, na = box.shape
    head = [
        "lrm-kmc-snapshot 1",
        f"na {na}",
        f"nb {nb}",
        f"letters {letters}",
        f"planes {planes}",
        "a_A 2.85",
        "tm_gap_A 2.15",
        "li_gap_A 2.60",
        f"cycle {cycle}",
        f"at {at}",
        f"replica {replica}",
        f"voltage_V {4.8 if at == 'charge' else 2.0}",
        "time_s 36000.5",
        "scenario made up",
        f"parameter_hash {HASH}",
        "version 0.1.0",
        "git_hash abc1234",
    ]
    head += [f"species {index} {symbol} {charge}" for index, (symbol, charge) in SPECIES.items()]
    data = ("\n".join(head) + "\n\n").encode() + box.tobytes()
    return data + xxhash.xxh3_64_intdigest(data).to_bytes(8, "little")


def write_run(
    path: Path,
    replicas: int = 4,
    cycles: int = 6,
    cells: int = 6,
    letters: str = "ABCABC",
    snapshots: bool = True,
    claims: str = "uncalibrated",
    surface: bool = False,
) -> Path:
    """Writes a whole run directory and returns its path."""
    (path / "snapshots").mkdir(parents=True)
    info = {
        "program": "kmc",
        "version": "0.1.0",
        "git_hash": "abc1234",
        "engine": "exact",
        "seed": 1,
        "replicas": replicas,
        "parameter_hash": HASH,
        "scenario": "made-up",
        "box": {"formula_units": cells * cells * len(letters) // 2},
        "claims": claims,
    }
    (path / "run.json").write_text(json.dumps(info))
    (path / "resolved.toml").write_text(resolved_text(cells, letters))
    cycles_table(replicas, cycles).to_csv(path / "cycles.csv", index=False)
    profile_table(replicas, cycles).to_csv(path / "profile.bdf.csv", index=False)
    summary_table(replicas).to_csv(path / "summary.csv", index=False)
    clusters = pd.DataFrame(
        [[1, 0, "charge", 3, 2, 1, 0, 0, 1 / 6, 0.9]],
        columns=CLUSTERS_COLUMNS + LATER_CLUSTERS_COLUMNS,
    )
    clusters.to_csv(path / "clusters.csv", index=False)
    voids_table(cycles).to_csv(path / "voids.csv", index=False)
    if surface:
        depth_table(replicas, cycles).to_csv(path / "depth.csv", index=False)
    for cycle in (1, cycles) if snapshots else ():
        for at in ("charge", "discharge"):
            data = snapshot_bytes(occupancy(cells, len(letters), at), letters, cycle, at)
            (path / "snapshots" / f"r000_c{cycle:04d}_{at}.snap").write_bytes(data)
    return path


def pack_snapshots(path: Path) -> None:
    """Moves the snapshots of a run directory into a run.h5 with plain h5py, as the program's kmc/store.h describes it."""
    files = sorted((path / "snapshots").glob("*.snap"))
    fields, rows, boxes = {}, [], []
    for file in files:
        head, body = file.read_bytes().split(b"\n\n", 1)
        lines = [line.split(" ", 1) for line in head.decode().split("\n")]
        fields = {key: value for key, value in lines if key != "species"}
        half, _, passed = fields["at"].partition("@")
        box = np.frombuffer(body[:-8], np.uint8).reshape(int(fields["planes"]), 4, -1)
        li = int((box[:, 1:] == 1).sum())
        index = ("initial", "charge", "discharge").index(half)
        volt, time = float(fields["voltage_V"]), float(fields["time_s"])
        rows.append((0, int(fields["cycle"]), index, volt, float(passed or "nan"), li, time))
        boxes.append(box.ravel())
        file.unlink()
    columns = np.dtype(
        [("replica", "<i8"), ("cycle", "<i8"), ("at", "i1"), ("voltage_V", "<f8")]
        + [("passed_V", "<f8"), ("li", "<i8"), ("time_s", "<f8")]
    )
    species = [("X", 0), *(SPECIES[k] for k in sorted(SPECIES))]
    with h5py.File(path / "run.h5", "w") as store:
        for key in ("scenario", "parameter_hash", "version", "git_hash"):
            store.attrs[key] = np.bytes_(fields[key])
        for key in ("a_A", "tm_gap_A", "li_gap_A"):
            store.attrs[key] = float(fields[key])
        letters = fields["letters"] * (int(fields["planes"]) // len(fields["letters"]))
        store.attrs.update({"letters": np.bytes_(letters), "format": np.bytes_("lrm-kmc store 1")})
        store.attrs.update({"cells_a": int(fields["na"]), "cells_b": int(fields["nb"]), "seed": 1})
        store["frames"] = np.array(rows, columns)
        store["species"] = np.array(species, [("symbol", "S4"), ("charge", "i1")])
        store.create_dataset("occupancy", data=np.stack(boxes), chunks=True, compression="gzip")
    (path / "snapshots").rmdir()


def write_voltage(path: Path) -> Path:
    """A table like the output of `kmc voltage`."""
    share = np.linspace(0.0, 1.0, 120)
    parts = []
    for branch in ("charge", "discharge"):
        q = 350.0 * share
        x = 1.2 * (1 - share) if branch == "charge" else 1.2 * share
        full = share if branch == "charge" else 1 - share
        volt = (
            3.4
            + 0.8 * np.clip(full / 0.4, 0, 1)
            + 0.4 * full
            + (0.002 if branch == "charge" else 0)
        )
        ni2 = 0.13 * np.clip(1 - full / 0.2, 0, 1)
        ni4 = 0.13 * np.clip(full / 0.2 - 1, 0, 1)
        co3 = 0.13 * np.clip(2 - full / 0.2, 0, 1)
        data = {
            "branch": branch,
            "voltage_V": volt,
            "capacity_mAh_per_g": q,
            "x_li": x,
            "dqdv_mAh_per_g_V": np.abs(np.gradient(q, volt)),
            "ni2": ni2,
            "ni3": 0.13 - ni2 - ni4,
            "ni4": ni4,
            "co3": co3,
            "co4": 0.13 - co3,
            "mn3": 0.0,
            "mn4": 0.54,
            "o_hole": 0.6 * np.clip(full - 0.4, 0, 1),
        }
        parts.append(pd.DataFrame(data))
    pd.concat(parts).to_csv(path, index=False)
    return path
