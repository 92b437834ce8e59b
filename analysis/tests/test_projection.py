"""Differential capacity, void sizes, projections and scenario figures against numbers known by hand."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import occupancy, snapshot_bytes, write_run

from lrmkmc import contrast, stem
from lrmkmc.capacity import BIN_V, half_cycle_dqdv
from lrmkmc.clusters import size_distribution
from lrmkmc.run import RunError, load_run
from lrmkmc.snapshot import Snapshot, read_snapshot
from lrmkmc.study import DIFFERENCE_COLUMNS, SENSITIVITY_COLUMNS, VALUE_COLUMNS, Comparison

A, TM_GAP, LI_GAP = 2.85, 2.15, 2.60
MN4 = 6


def load(tmp_path: Path, box: np.ndarray, letters: str) -> Snapshot:
    path = tmp_path / "r000_c0001_charge.snap"
    path.write_bytes(snapshot_bytes(box, letters))
    return read_snapshot(path)


def test_dqdv_keeps_all_charge_and_counts_both_ways() -> None:
    """A voltage that falls back on charge (the plateau's dip) still counts as charge."""
    rows = [(0, 4.01, 0.0), (0, 4.05, 8.0), (0, 4.04, 10.0), (1, 4.05, 0.0), (1, 4.09, 6.0)]
    table = pd.DataFrame(rows, columns=["Replica / 1", "Voltage / V", "Capacity / mAh g-1"])
    table["Cycle Count / 1"], table["Step Index / 1"] = 1, 1
    found = half_cycle_dqdv(table, 1, (1, 2))
    assert found is not None
    centres, values = found
    assert centres == pytest.approx([4.02, 4.06])
    assert values * BIN_V == pytest.approx(np.array([[8.0, 0.0], [2.0, 6.0]]))
    assert half_cycle_dqdv(table, 2, (1, 2)) is None


def test_void_sizes_by_hand(tmp_path: Path) -> None:
    """Replica 0 has two voids of 3 and one of 4, replica 1 none, over 108 formula units; size 0 is left out."""
    folder = write_run(tmp_path / "run", replicas=2, cycles=2)
    rows = [
        [1, 0, "charge", 3, 2, 0, 0, 0, 0.0, 1.0],
        [1, 0, "charge", 4, 1, 0, 0, 0, 0.0, 1.0],
        [1, 1, "charge", 0, 5, 5, 0, 0, 0.0, 1.0],
    ]
    columns = pd.read_csv(folder / "clusters.csv").columns
    pd.DataFrame(rows, columns=columns).to_csv(folder / "clusters.csv", index=False)
    bins, values = size_distribution(load_run(folder), 1, "charge")
    assert bins.tolist() == [1.0, 2.0, 4.0]
    assert values * 108 / 1e3 == pytest.approx(np.array([[0, 0], [2, 0], [1, 0]]))


@pytest.mark.parametrize("direction", ["[100]", "[110]"])
def test_projection_keeps_the_sum_and_puts_the_ion_in_place(tmp_path: Path, direction: str) -> None:
    """One Mn in an otherwise empty box: the whole Z^1.7, brightest where geometry puts the column."""
    box = np.full((6, 4, 6, 6), 0, dtype=np.uint8)
    box[:, 0] = 14  # no O at all
    box[2, 1, 2, 3] = MN4  # oct of the second TM layer, j = 2, i = 3
    snapshot = load(tmp_path, box, "ABCABC")
    image, width, height = stem.project(snapshot, direction)
    assert image.sum() * 6 == pytest.approx(25**1.7)  # 6 cells deep
    shift = snapshot.site_letter(2, 1) / 3.0
    across = {"[100]": (2 + shift) * A * math.sqrt(0.75), "[110]": (2 - 3) * A / 2 % width}
    row, column = np.unravel_index(image.argmax(), image.shape)
    assert row * height / image.shape[0] == pytest.approx(TM_GAP * 1.5 + LI_GAP, abs=0.1)
    assert column * width / image.shape[1] == pytest.approx(across[direction], abs=0.1)
    assert width == pytest.approx({"[100]": 6 * A * math.sqrt(0.75), "[110]": 3 * A}[direction])


def test_heavy_columns_are_brighter(tmp_path: Path) -> None:
    """Mn rows outshine O rows by (25/8)^1.7 where as many stand behind each other."""
    box = np.zeros((6, 4, 6, 6), dtype=np.uint8)
    box[0::2, 1] = MN4
    image, _, height = stem.project(load(tmp_path, box, "ABCABC"), "[100]")
    rows = image.sum(axis=1)
    tm = rows[round(TM_GAP / 2 / height * len(rows))]
    oxygen = rows[0]
    tail = math.exp(
        -4 * math.log(2) * (TM_GAP / 2 / stem.PROBE_FWHM_A) ** 2
    )  # of the TM row at the O
    assert tm / oxygen == pytest.approx(1 / ((8 / 25) ** 1.7 + tail), rel=0.02)


def test_unknown_direction_is_refused(tmp_path: Path) -> None:
    snapshot = load(tmp_path, occupancy(3, 4, "charge"), "ABCB")
    with pytest.raises(
        RunError, match=r"expected a direction of \[100\], \[110\], found '\[001\]'"
    ):
        stem.project(snapshot, "[001]")


def test_scenario_figure_shows_means_and_intervals(run_dir: Path) -> None:
    fade = ["voltage_fade_mV_per_cycle", "mV/cycle"]
    values = [["o3", "a", *fade, 3.0, 0.5, 2.0, 4.0, 4], ["o2", "b", *fade, 1.0, 0.5, 0.0, 2.0, 4]]
    test = ["o3", "paired", 0.01, 0.02, -2.0, np.nan, np.nan]
    apart = [["o2", "b", *fade, -2.0, 0.4, -3.0, -1.0, 4, *test]]
    told = Comparison(
        first_cycle=2,
        last_cycle=6,
        reference="o3",
        values=pd.DataFrame(values, columns=VALUE_COLUMNS),
        differences=pd.DataFrame(apart, columns=DIFFERENCE_COLUMNS),
        sensitivity=pd.DataFrame(columns=SENSITIVITY_COLUMNS),
        notes=[],
    )
    figure = contrast.scenarios(told, [load_run(run_dir)])
    left, right = figure.axes
    assert [line.get_xdata()[0] for line in left.lines if line.get_marker() in "os"] == [3.0, 1.0]
    (bar,) = right.containers
    assert bar.lines[2][0].get_segments()[0][:, 0] == pytest.approx([-3.0, -1.0])
    assert [t.get_text() for t in right.texts] == ["p = 0.02"]
    assert left.get_title(loc="left") == "Voltage fade (mV/cycle)"


def test_many_scenarios_are_named_beside_their_points(run_dir: Path) -> None:
    fade = ["voltage_fade_mV_per_cycle", "mV/cycle"]
    names = [f"dopant-{k}" for k in range(9)]
    values = [
        [n, f"runs/{n}", *fade, float(k), 0.5, k - 1.0, k + 1.0, 4] for k, n in enumerate(names)
    ]
    told = Comparison(
        first_cycle=2,
        last_cycle=6,
        reference=names[0],
        values=pd.DataFrame(values, columns=VALUE_COLUMNS),
        differences=pd.DataFrame(columns=DIFFERENCE_COLUMNS),
        sensitivity=pd.DataFrame(columns=SENSITIVITY_COLUMNS),
        notes=[],
    )
    left = contrast.scenarios(told, [load_run(run_dir)]).axes[0]
    assert [label.get_text() for label in left.get_yticklabels()] == names
