"""Figures show the numbers of the files, with units, legends, intervals and provenance; the command line reports defects with exit code 2."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from synthetic import COUPLE, HASH, occupancy, snapshot_bytes, write_run, write_voltage

from lrmkmc import figures, layers
from lrmkmc.__main__ import main
from lrmkmc.run import LATER_CYCLES_COLUMNS, load_run

NAMES = {
    "voltage_profiles",
    "dqdv",
    "capacity",
    "mean_voltages",
    "structure",
    "redox_couples",
    "voids",
    "cluster_sizes",
    "oxygen_budget",
    "layers_top",
    "layers_side",
    "stem",
}


def texts(figure: Figure) -> list[str]:
    """Every text of a figure: titles, labels, legends, provenance."""
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text)]


def legend_labels(figure: Figure) -> set[str]:
    from matplotlib.legend import Legend

    return {t.get_text() for legend in figure.findobj(Legend) for t in legend.get_texts()}


def lines(figure: Figure, panel: int = 0) -> dict[str, np.ndarray]:
    """Data of the labelled lines of a panel, (n, 2) each."""
    ax = [a for a in figure.findobj(lambda o: hasattr(o, "get_lines") and hasattr(o, "get_xlim"))][
        panel
    ]
    return {str(line.get_label()): np.asarray(line.get_xydata()) for line in ax.get_lines()}


def test_every_figure_has_units_and_provenance(run_dir: Path) -> None:
    drawn, notes = figures.run_figures(load_run(run_dir))
    assert set(drawn) == NAMES and notes == []
    units = {
        "voltage_profiles": "(mAh g⁻¹)",
        "dqdv": "(mAh g⁻¹ V⁻¹)",
        "capacity": "(mAh g⁻¹)",
        "mean_voltages": "(V)",
        "structure": "(%)",
        "redox_couples": "(mAh g⁻¹ V⁻¹)",
        "voids": "Size (vacant octs + O vacancies)",
        "oxygen_budget": "(mL g⁻¹)",
        "layers_top": "(Å)",
        "layers_side": "(Å)",
        "cluster_sizes": "Voids per 1000 formula units",
        "stem": "(Å)",
    }
    for name, figure in drawn.items():
        words = "\n".join(texts(figure)).replace("\n", " ")
        assert units[name] in words, name
        for part in ("made-up", "6 × 6 cells", "4 replicas", "seed 1", HASH, "uncalibrated"):
            assert part in words, (name, part)
        assert legend_labels(figure), name


def test_mean_profile_keeps_both_ends() -> None:
    """Two replicas of different length: mean capacity at the end, the mean of the last voltages there."""
    rows = [(0, 0.0, 3.0), (0, 50.0, 3.5), (0, 100.0, 4.0), (1, 0.0, 3.2), (1, 200.0, 4.2)]
    table = pd.DataFrame(rows, columns=["Replica / 1", "Capacity / mAh g-1", "Voltage / V"])
    table["Cycle Count / 1"], table["Step Index / 1"] = 1, 1
    curve = figures.mean_profile(table, 1, (1, 2), points=3)
    assert curve is not None
    capacity, voltage, half = curve
    assert capacity == pytest.approx([0.0, 75.0, 150.0])
    assert voltage == pytest.approx([3.1, 3.6, 4.1])
    assert half == pytest.approx(12.7062 * 0.1, rel=1e-5)
    assert figures.mean_profile(table, 2, (1, 2)) is None


def couples_profile(step: int, rows: list[tuple[int, float, float, float]]) -> pd.DataFrame:
    """Rows of replica, voltage, charge from Ni, charge from O2."""
    names = ["Replica / 1", "Voltage / V", COUPLE.format("Ni"), COUPLE.format("O2")]
    table = pd.DataFrame(rows, columns=names)
    table["Cycle Count / 1"], table["Step Index / 1"] = 1, step
    return table


def test_dqdv_by_couple_keeps_all_charge() -> None:
    """Two replicas with different charge: bins of 0.05 V hold the mean of what each couple gave, signs kept."""
    rows = [
        (0, 4.00, 0.0, 0.0),
        (0, 4.02, 10.0, -1.0),
        (0, 4.64, 10.0, 30.0),
        (0, 4.60, 12.0, 40.0),
    ]
    table = couples_profile(1, [*rows, (1, 4.00, 0.0, 0.0), (1, 4.04, 6.0, 0.0)])
    parts = figures.couple_dqdv(table, 1, (1, 2))
    assert list(parts.index) == pytest.approx([4.025, 4.325, 4.625])
    assert list(parts["Ni"] * 0.05) == pytest.approx([8.0, 0.0, 1.0])
    assert list(parts["O2"] * 0.05) == pytest.approx([-0.5, 15.5, 5.0])
    assert figures.couple_dqdv(table, 2, (1, 2)).empty


def test_dqdv_of_discharge_counts_what_is_taken_back() -> None:
    table = couples_profile(4, [(0, 3.90, 50.0, 20.0), (0, 3.88, 45.0, 20.0)])
    parts = figures.couple_dqdv(table, 1, (4, 5))
    assert list(parts["Ni"] * 0.05) == pytest.approx([5.0])
    assert list(parts["O2"]) == pytest.approx([0.0])


def test_run_without_couples_notes_it(run_dir: Path) -> None:
    run = load_run(run_dir)
    kept = [c for c in run.profile.columns if not c.startswith("Charge from")]
    drawn, notes = figures.run_figures(replace(run, profile=run.profile[kept]))
    assert "redox_couples" not in drawn and "redox_couples" in notes[0]


def test_first_and_last_profile_carry_bands(run_dir: Path, tmp_path: Path) -> None:
    """Charge and discharge of two cycles; one replica has none."""
    bands = figures.voltage_profiles(load_run(run_dir)).findobj(PolyCollection)
    assert len(bands) == 4
    single = load_run(write_run(tmp_path / "one", replicas=1))
    assert figures.voltage_profiles(single).findobj(PolyCollection) == []


def test_mean_voltages_show_means_line_and_record(run_dir: Path) -> None:
    figure = figures.mean_voltages(load_run(run_dir))
    drawn = lines(figure)
    assert drawn["mean discharge voltage"][:, 1] == pytest.approx(3.80 - 0.012 * np.arange(1, 7))
    assert drawn["least-squares line"][:, 0].tolist() == [2.0, 6.0]
    assert (
        "Voltage fade, cycles 2–6: 12.00 ± 0.91 mV/cycle (s.e., 4 replicas; 95 %: 9.10 to 14.90)"
        in texts(figure)
    )
    assert "95 % interval, 4 replicas" in legend_labels(figure)


def test_disagreement_of_summary_and_cycles_is_reported(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures.mean_voltages(load_run(run_dir))
    assert capsys.readouterr().err == ""
    table = pd.read_csv(run_dir / "summary.csv")
    table.loc[0, "mean"] = 20.0
    table.to_csv(run_dir / "summary.csv", index=False)
    figure = figures.mean_voltages(load_run(run_dir))
    assert "summary.csv says 20.000" in capsys.readouterr().err
    assert any("20.00 ± 0.91" in t for t in texts(figure))


def test_structure_is_in_percent(run_dir: Path) -> None:
    figure = figures.structure(load_run(run_dir))
    assert lines(figure, 0)["end of charge"][0, 1] == pytest.approx(6.5)
    assert lines(figure, 1)["peroxo"][:, 1] == pytest.approx(100 * (0.06 + 0.003 * np.arange(1, 7)))
    assert lines(figure, 2)["molecular O₂"][-1, 1] == pytest.approx(1.9)


def test_voids_are_lines_and_coalescences_diamonds(run_dir: Path) -> None:
    figure = figures.run_figures(load_run(run_dir))[0]["voids"]
    drawn = lines(figure, 0)
    assert drawn["single voids, replica 0"].tolist() == [[n, 10.0 * n] for n in range(1, 7)]
    assert drawn["coalescence: other voids ended in this one"].tolist() == [[3.0, 30.0]]
    assert lines(figure, 1)["births"][:, 1] == pytest.approx(np.full(6, 0.1))
    assert lines(figure, 2)["coalescences"][:, 1] == pytest.approx(np.arange(1, 7))
    assert "95 % interval, 4 replicas" in legend_labels(figure)


def test_budget_is_in_percent_and_gas_in_mL(run_dir: Path) -> None:
    figure = figures.run_figures(load_run(run_dir))[0]["oxygen_budget"]
    assert lines(figure, 0)["lost"][:, 1] == pytest.approx(0.2 * np.arange(1, 7))
    assert lines(figure, 2)["lost, end of charge"][:, 1] == pytest.approx(0.5 * np.arange(1, 7))
    small = lines(figure, 3)["voids to 4 sites"][:, 1]
    assert np.isnan(small[0]) and small[1:] == pytest.approx(np.full(5, 100.0))


def test_depth_profiles_of_a_slab(tmp_path: Path) -> None:
    drawn, _ = figures.run_figures(load_run(write_run(tmp_path / "slab", surface=True)))
    assert set(drawn) == NAMES | {"depth_profiles"}
    profile = lines(drawn["depth_profiles"], 0)
    assert profile["cycle 1, end of charge"][0] == pytest.approx([0.0, 10.0])
    assert profile["cycle 6, end of discharge"][1] == pytest.approx([0.2375, 10.0])
    assert "Depth (nm)" in texts(drawn["depth_profiles"])
    assert "95 % interval, 4 replicas" in legend_labels(drawn["depth_profiles"])


def test_run_of_an_older_program_is_drawn_without_voids(run_dir: Path) -> None:
    table = pd.read_csv(run_dir / "cycles.csv", dtype=str)
    table.drop(columns=LATER_CYCLES_COLUMNS).to_csv(run_dir / "cycles.csv", index=False)
    (run_dir / "voids.csv").unlink()
    drawn, notes = figures.run_figures(load_run(run_dir))
    assert set(drawn) == NAMES - {"voids", "oxygen_budget"}
    assert len(notes) == 2 and all("left out" in note for note in notes)


def test_one_replica_one_cycle_draws_without_interval(tmp_path: Path) -> None:
    path = write_run(tmp_path / "one", replicas=1, cycles=1, letters="ABCB")
    pd.read_csv(path / "summary.csv").iloc[1:].to_csv(path / "summary.csv", index=False)  # no fade
    run = load_run(path)
    drawn, _ = figures.run_figures(run)
    assert set(drawn) == NAMES
    assert not any("95 %" in label for figure in drawn.values() for label in legend_labels(figure))
    assert "Voltage fade not defined: fewer than two cycles from cycle 2 on" in texts(
        drawn["mean_voltages"]
    )


def test_last_cycle_of_first_replica_is_chosen(run_dir: Path) -> None:
    box = occupancy(6, 6, "charge")
    (run_dir / "snapshots" / "r001_c0009_charge.snap").write_bytes(
        snapshot_bytes(box, "ABCABC", 9, "charge", 1)
    )
    (run_dir / "snapshots" / "r000_c0008_charge.snap").write_bytes(snapshot_bytes(box, "ABCABC", 8))
    found = layers.choose_snapshots(load_run(run_dir))
    assert [(s.replica, s.cycle, s.at) for s in found] == [(0, 6, "charge"), (0, 6, "discharge")]


def test_layer_legend_lists_exactly_what_is_drawn(tmp_path: Path) -> None:
    """One Mn in a Li oct, one superoxo pair, K pillars unringed; nothing else in the legend."""
    run_dir = write_run(tmp_path / "run", cells=3, letters="ABCB", snapshots=False)
    box = np.zeros((4, 4, 3, 3), dtype=np.uint8)
    box[2, 1], box[3, 1] = 7, 1
    box[3, 1, 1, 1], box[3, 1, 0, 0] = 6, 4
    box[2, 0, 1, 1], box[2, 0, 1, 2] = 2, 3 | 1 << 4
    (run_dir / "snapshots" / "r000_c0001_charge.snap").write_bytes(snapshot_bytes(box, "ABCB"))
    run = load_run(run_dir)
    figure = layers.top_view(run, layers.choose_snapshots(run))
    expected = {"Li", "Ni", "Mn", "K", "TM in the Li layer", "O²⁻", "superoxo", "box outline"}
    assert legend_labels(figure) == expected
    rings = [c for c in figure.findobj(PolyCollection) if c.get_linewidth()[0] == 1.6]
    assert (
        sum(len(c.get_paths()) for c in rings) == 1
    )  # the Mn of the Li layer, none in the TM layer


def test_ring_marks_migrated_tm_only(run_dir: Path) -> None:
    run = load_run(run_dir)
    snapshot = run.snapshot(6, "charge")
    assert layers.transition_metals(run, snapshot) == {"Mn", "Ni", "Co"}
    run.scenario["elements"].clear()  # without roles, charge decides: K+ stays a pillar
    assert layers.transition_metals(run, snapshot) == {"Mn", "Ni", "Co"}


def test_large_box_is_cropped_and_says_so(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "big", replicas=1, cycles=1, cells=21, letters="ABCABC"))
    found = layers.choose_snapshots(run)
    assert "part of the box" in legend_labels(layers.top_view(run, found))
    assert "part of the box" in legend_labels(layers.side_view(run, found))


def test_run_without_snapshots_notes_it(tmp_path: Path) -> None:
    drawn, notes = figures.run_figures(load_run(write_run(tmp_path / "run", snapshots=False)))
    assert set(drawn) == NAMES - {"layers_top", "layers_side", "stem"}
    assert "no snapshots" in notes[0]


def test_command_writes_all_figures_the_same_each_time(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["figures", str(run_dir), "-o", str(out)]) == 0
    first = {p.name: p.read_bytes() for p in out.iterdir()}
    assert set(first) == {f"{n}.svg" for n in NAMES}
    assert {Path(p).stem for p in capsys.readouterr().out.split()} == NAMES
    assert all(data.startswith(b"<?xml") for data in first.values())
    assert main(["figures", str(run_dir)]) == 0
    assert {p.name: p.read_bytes() for p in (run_dir / "figures").iterdir()} == first


def test_png_is_1200_pixels_wide_and_pdf_is_pdf(run_dir: Path, tmp_path: Path) -> None:
    import matplotlib.image

    figure = load_run(run_dir).figure("structure")
    path = figures.save(figure, tmp_path, "structure", "png")
    assert matplotlib.image.imread(path).shape[1] == 1200
    assert figures.save(figure, tmp_path, "structure", "pdf").read_bytes().startswith(b"%PDF")


def test_defects_end_with_exit_code_2(run_dir: Path, tmp_path: Path) -> None:
    """As a user calls it: message on stderr, nothing on stdout, no trace."""
    pd.read_csv(run_dir / "cycles.csv").drop(columns="tm_li_layer_charge").to_csv(
        run_dir / "cycles.csv", index=False
    )
    for target, words in (
        (run_dir, ("cycles.csv", "'tm_li_layer_charge'")),
        (tmp_path / "none", ("expected a run directory",)),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "lrmkmc", "figures", str(target)], capture_output=True, text=True
        )
        assert done.returncode == 2 and done.stdout == ""
        assert done.stderr.startswith("error: ") and all(w in done.stderr for w in words)
        assert "Traceback" not in done.stderr


def test_corrupt_snapshot_ends_with_exit_code_2(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run_dir / "snapshots" / "r000_c0006_charge.snap"
    path.write_bytes(path.read_bytes()[:-30])
    assert main(["figures", str(run_dir)]) == 2
    assert "r000_c0006_charge.snap: checksum" in capsys.readouterr().err


def test_voltage_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [write_voltage(tmp_path / name) for name in ("o3.csv", "o2.csv")]
    assert main(["voltage", *map(str, paths), "--format", "png"]) == 0
    assert (tmp_path / "voltage_o3.png").stat().st_size > 10_000
    assert capsys.readouterr().out.split() == [
        str(tmp_path / f"voltage_{n}.png") for n in ("o3", "o2")
    ]


def test_voltage_curve_shows_species_with_ions_only(tmp_path: Path) -> None:
    path = write_voltage(tmp_path / "o3.csv")
    figure = figures.voltage_curve(path)
    labels = legend_labels(figure)
    assert {"charge", "discharge", "Ni$^{2+}$", "Co$^{4+}$", "hole O⁻"} <= labels
    assert "Mn$^{3+}$" not in labels  # zero throughout
    table = pd.read_csv(path)
    charge = table[table["branch"] == "charge"]
    assert lines(figure, 0)["charge"] == pytest.approx(
        charge[["capacity_mAh_per_g", "voltage_V"]].to_numpy()
    )
    assert lines(figure, 3)["hole O⁻"][0, 1] == pytest.approx(0.36)
    assert any("o3.csv" in t for t in texts(figure))


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("dqdv_mAh_per_g_V", None, "column 'dqdv_mAh_per_g_V' missing"),
        ("branch", "rest", "column 'branch': expected charge or discharge, found 'rest'"),
    ],
)
def test_voltage_defects(
    tmp_path: Path, column: str, value: str | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_voltage(tmp_path / "o3.csv")
    table = pd.read_csv(path)
    table = table.drop(columns=column) if value is None else table.assign(**{column: value})
    table.to_csv(path, index=False)
    assert main(["voltage", str(path)]) == 2
    assert f"{path}: {words}" in capsys.readouterr().err


def test_unwritable_output_ends_with_exit_code_5(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["figures", str(run_dir), "-o", str(tmp_path / "file")]) == 5
    assert "figure not written" in capsys.readouterr().err
