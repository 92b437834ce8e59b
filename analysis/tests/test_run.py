"""A run directory is read as it was written, and every defect is named by file and column."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import HASH, write_run

from lrmkmc.run import RunError, format_record, load_run


def test_tables_keep_their_values(run_dir: Path) -> None:
    run = load_run(run_dir)
    assert len(run.cycles) == 6 * 4
    row = run.cycles[(run.cycles["cycle"] == 3) & (run.cycles["replica"] == 0)].iloc[0]
    assert row["discharge_capacity_mAh_per_g"] == pytest.approx(300.0 - 15.0 - 3.0)
    assert row["state_hash"] == "0000000300000000"  # text, not a number
    assert run.profile["Step Index / 1"].unique().tolist() == [1, 4]
    assert run.clusters["count"].tolist() == [2]
    assert run.clusters["wall_contact"].tolist() == [0.9]
    assert run.voids["event"].tolist()[:2] == ["birth", "birth"]
    assert run.depth.empty and "tm_valence" in run.depth.columns


def test_depth_is_read_where_there_is_a_surface(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "slab", surface=True))
    assert sorted(run.depth["depth_planes"].unique()) == list(range(6))


def test_text_in_a_later_column_is_placed(run_dir: Path) -> None:
    table = pd.read_csv(run_dir / "cycles.csv", dtype=str)
    table.loc[2, "void_births"] = "many"
    table.to_csv(run_dir / "cycles.csv", index=False)
    with pytest.raises(RunError, match="line 4, column 'void_births': expected a number"):
        load_run(run_dir)


def test_record_comes_from_summary_only(run_dir: Path) -> None:
    """The number of record is the file's even where the cycles say otherwise."""
    table = pd.read_csv(run_dir / "summary.csv")
    table.loc[0, "mean"] = 99.5
    table.to_csv(run_dir / "summary.csv", index=False)
    record = load_run(run_dir).record("voltage_fade_mV_per_cycle")
    assert (record.mean, record.standard_error, record.unit, record.replicas) == (
        99.5,
        0.91,
        "mV/cycle",
        4,
    )


def test_per_cycle_row_is_no_record(run_dir: Path) -> None:
    with pytest.raises(RunError, match=r"summary\.csv.*mean_discharge_voltage_V.*found 0"):
        load_run(run_dir).record("mean_discharge_voltage_V")


@pytest.mark.parametrize(
    "name",
    ["cycles.csv", "summary.csv", "profile.bdf.csv", "clusters.csv", "run.json", "resolved.toml"],
)
def test_missing_file_is_named(run_dir: Path, name: str) -> None:
    (run_dir / name).unlink()
    with pytest.raises(RunError, match=f"{name}: file is missing"):
        load_run(run_dir)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("cycles.csv", "hysteresis_V"),
        ("summary.csv", "ci95_low"),
        ("profile.bdf.csv", "Step Index / 1"),
        ("clusters.csv", "o2_count"),
        ("voids.csv", "absorbed"),
    ],
)
def test_missing_column_is_named(run_dir: Path, name: str, column: str) -> None:
    pd.read_csv(run_dir / name).drop(columns=column).to_csv(run_dir / name, index=False)
    with pytest.raises(RunError) as caught:
        load_run(run_dir)
    assert name in str(caught.value) and f"'{column}'" in str(caught.value)


def test_text_in_a_number_column_is_placed(run_dir: Path) -> None:
    table = pd.read_csv(run_dir / "cycles.csv", dtype=str)
    table.loc[4, "hysteresis_V"] = "oops"
    table.to_csv(run_dir / "cycles.csv", index=False)
    with pytest.raises(
        RunError, match="line 6, column 'hysteresis_V': expected a number, found 'oops'"
    ):
        load_run(run_dir)


def test_empty_field_is_not_a_number(run_dir: Path) -> None:
    table = pd.read_csv(run_dir / "cycles.csv", dtype=str)
    table.loc[4, "hysteresis_V"] = ""
    table.to_csv(run_dir / "cycles.csv", index=False)
    assert np.isnan(load_run(run_dir).cycles.loc[4, "hysteresis_V"])


def test_no_complete_cycle(run_dir: Path) -> None:
    pd.read_csv(run_dir / "cycles.csv").head(0).to_csv(run_dir / "cycles.csv", index=False)
    with pytest.raises(RunError, match="no complete cycle"):
        load_run(run_dir)


def test_repeated_row_is_placed(run_dir: Path) -> None:
    table = pd.read_csv(run_dir / "cycles.csv")
    pd.concat([table, table.iloc[[3]]]).to_csv(run_dir / "cycles.csv", index=False)
    with pytest.raises(RunError, match="line 26: cycle and replica occur twice"):
        load_run(run_dir)


def test_missing_key_of_run_json(run_dir: Path) -> None:
    (run_dir / "run.json").write_text('{"version": "1"}')
    with pytest.raises(RunError, match=r"run\.json: missing keys git_hash, seed"):
        load_run(run_dir)


def test_provenance_line(run_dir: Path, tmp_path: Path) -> None:
    line = load_run(run_dir).provenance()
    for part in (
        "scenario made-up",
        "6 × 6 cells × 6 planes (ABCABC)",
        "4 replicas",
        "seed 1",
        HASH,
    ):
        assert part in line
    assert line.endswith("uncalibrated")
    silent = write_run(tmp_path / "silent", replicas=1, cycles=2, snapshots=False, claims="")
    assert "uncalibrated" not in load_run(silent).provenance()
    assert "1 replica ·" in load_run(silent).provenance()


def test_format_record(run_dir: Path, tmp_path: Path) -> None:
    text = format_record(load_run(run_dir).record("voltage_fade_mV_per_cycle"))
    assert text == "12.00 ± 0.91 mV/cycle (s.e., 4 replicas; 95 %: 9.10 to 14.90)"
    single = load_run(write_run(tmp_path / "one", replicas=1))
    assert (
        format_record(single.record("voltage_fade_mV_per_cycle"))
        == "12 mV/cycle (1 replica, no interval)"
    )


def test_snapshot_names(run_dir: Path) -> None:
    (run_dir / "snapshots" / "notes.snap").write_bytes(b"")
    keys = set(load_run(run_dir).snapshots())
    assert keys == {(0, n, at) for n in (1, 6) for at in ("charge", "discharge")}
