"""The public interface on results of the program: fades equal the numbers of record, comparisons are the program's own."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import cycles_table, write_run

import lrmkmc
from lrmkmc.fade import fade_table
from lrmkmc.study import find_program


@pytest.fixture(scope="session")
def study(study_dir: Path) -> lrmkmc.Study:
    return lrmkmc.load_study(study_dir)


def test_fades_are_those_of_summary(study: lrmkmc.Study) -> None:
    """Every number of the table against the program's, mean, error, interval and count."""
    for run in study.runs.values():
        table = run.fade()
        assert len(table) == 5
        for row in table.itertuples():
            record = run.record(str(row.metric))
            assert row.unit == record.unit and row.replicas == record.replicas
            mine = [row.mean, row.standard_error, row.ci95_low, row.ci95_high]
            theirs = [record.mean, record.standard_error, record.ci95_low, record.ci95_high]
            assert mine == pytest.approx(theirs, rel=1e-6, abs=1e-6, nan_ok=True)


def test_one_replica_has_the_error_of_its_slope(program: Path, study_dir: Path) -> None:
    """The program's rule for a single replica, on its own words: a run of one replica of the same scenario."""
    folder = study_dir.parent / "single"
    given = str(study_dir / "o3" / "resolved.toml")
    subprocess.run(
        [program, "run", given, "--replicas", "1", "-o", folder, "-q"], check=True, timeout=300
    )
    run = lrmkmc.load(folder)
    for row in run.fade().itertuples():
        record = run.record(str(row.metric))
        assert [row.mean, row.standard_error, row.ci95_low] == pytest.approx(
            [record.mean, record.standard_error, record.ci95_low], rel=1e-6, abs=1e-6, nan_ok=True
        )
        assert np.isnan(record.ci95_low)


def test_fade_over_other_cycles_by_hand() -> None:
    """Lines of known slope, so every span and the end-point form give the same 12 mV per cycle."""
    table = cycles_table(replicas=3, cycles=8, fade_mV=12.0)
    for first, last in ((2, None), (3, 5), (1, 2)):
        fades = fade_table(table, first, last).set_index("metric")
        assert fades.loc["voltage_fade_mV_per_cycle", "mean"] == pytest.approx(12.0)
        assert fades.loc["voltage_fade_endpoint_mV_per_cycle", "mean"] == pytest.approx(12.0)
        assert fades.loc["voltage_fade_mV_per_cycle", "standard_error"] == pytest.approx(
            2.0 / np.sqrt(3)
        )
        assert fades.loc["capacity_fade_mAh_per_g_per_cycle", "mean"] == pytest.approx(5.0)
    assert fade_table(table, 8)["mean"].isna().all()
    assert fade_table(table, 20)["mean"].isna().all()


def test_study_has_its_scenarios_in_order(study: lrmkmc.Study) -> None:
    assert list(study.runs) == ["o3", "o2"]
    fades = study.fade()
    assert fades["scenario"].tolist() == ["o3"] * 5 + ["o2"] * 5


def test_comparison_is_the_programs(study: lrmkmc.Study, program: Path) -> None:
    told = study.compare(program)
    assert (told.first_cycle, told.last_cycle, told.reference) == (2, 4, "o3")
    fade = told.differences[told.differences["metric"] == "voltage_fade_mV_per_cycle"].iloc[0]
    assert fade["test"] == "paired" and fade["scenario"] == "o2" and 0.0 < fade["p"] <= 1.0
    each = [
        run.cycles.groupby("replica")
        .apply(lambda c: -1e3 * np.polyfit(c["cycle"][1:], c["mean_discharge_voltage_V"][1:], 1)[0])
        .to_numpy()
        for run in study.runs.values()
    ]
    assert fade["mean"] == pytest.approx(float(np.mean(each[1] - each[0])), rel=1e-6)
    assert told.sensitivity.empty and np.isnan(fade["band95_low"])


def test_samples_of_parameters_are_told_with_what_decides(program: Path, tmp_path: Path) -> None:
    """A key that bounds the charge decides about its capacity; samples count as replicas, and stand in the report."""
    text = """[study]
name = "drawn"
base = "builtin:demo"
replicas = 1
cycles = 1
samples = 6
sample.protocol.upper_cutoff_V = [4.3, 4.9]
[[scenario]]
name = "o3"
set = { structure.cells_a = 6, structure.cells_b = 6 }
[[scenario]]
name = "peroxo"
set = { structure.cells_a = 6, structure.cells_b = 6, kinetics.molecular_oxygen = false }
"""
    (tmp_path / "drawn.toml").write_text(text)
    folder = tmp_path / "drawn"
    command = [program, "study", tmp_path / "drawn.toml", "-o", folder, "-q"]
    subprocess.run(command, check=True, capture_output=True)
    told = lrmkmc.load_study(folder).compare(program)
    assert set(told.values["replicas"]) <= {0, 6}
    drawn = told.sensitivity[told.sensitivity["metric"] == "mean_hysteresis_V"].iloc[0]
    assert drawn["parameter"] == "protocol.upper_cutoff_V"
    assert 4.3 < drawn["low"] < 4.4 and 4.8 < drawn["high"] < 4.9
    band = told.differences.set_index("metric").loc["mean_hysteresis_V"]
    assert band["band95_low"] <= band["mean"] <= band["band95_high"]
    table = pd.read_csv(folder / "results.csv")
    assert len(table) == 12 and table["protocol.upper_cutoff_V"].nunique() == 6


def test_snapshot_of_a_run_is_balanced(study: lrmkmc.Study) -> None:
    """Every stored state of the program is neutral and holds the composition that run.json names."""
    run = study.runs["o2"]
    for replica, cycle, at in run.snapshots():
        snapshot = run.snapshot(cycle, at, replica)
        table, atoms = snapshot.table(), snapshot.atoms()
        assert table["charge_e"].sum() == 0 and len(atoms) == len(table)
        assert (table["symbol"] == "O").sum() == 2 * run.info["box"]["formula_units"]
        assert table["site"].is_monotonic_increasing
    initial = run.snapshot(0, "initial").table()
    assert (initial["symbol"] == "Li").sum() == run.info["box"]["li"]
    assert run.snapshot().cycle == 4


def test_absent_snapshot_names_those_there(study: lrmkmc.Study) -> None:
    with pytest.raises(
        lrmkmc.RunError, match=r"expected cycle 3 at charge .*found cycle 0 initial"
    ):
        study.runs["o3"].snapshot(3)


def test_figure_by_name(study: lrmkmc.Study) -> None:
    figure = study.runs["o3"].figure("mean_voltages")
    assert "Voltage fade" in figure.axes[0].get_title()
    with pytest.raises(lrmkmc.RunError, match="expected a figure of voltage_profiles"):
        study.runs["o3"].figure("sunset")
    with pytest.raises(lrmkmc.RunError, match=r"no free surface.*'depth_profiles'"):
        study.runs["o3"].figure("depth_profiles")


def test_a_run_is_no_study(run_dir: Path) -> None:
    with pytest.raises(lrmkmc.RunError, match=r"no study\.json; `lrmkmc\.load` reads a single run"):
        lrmkmc.load_study(run_dir)


def test_damaged_study(tmp_path: Path) -> None:
    write_run(tmp_path / "a")
    (tmp_path / "study.json").write_text(json.dumps({"study": "s", "scenarios": [{"name": "a"}]}))
    with pytest.raises(lrmkmc.RunError, match="key 'scenarios': expected a list of objects"):
        lrmkmc.load_study(tmp_path)


def test_other_programs_called_kmc_are_not_taken(tmp_path: Path) -> None:
    """Debian's k-mer counter, for one."""
    other = tmp_path / "kmc"
    other.write_text("#!/bin/sh\necho K-Mer Counter ver. 3.2.1\n")
    other.chmod(0o755)
    with pytest.raises(lrmkmc.RunError, match="expected the program kmc of lrm-kmc"):
        find_program(other)


def test_a_program_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "kmc"
    here.write_text("#!/bin/sh\necho lrm-kmc\n")
    here.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert find_program("./kmc") == here
