"""Snapshots in run.h5: the same as in single files; damaged and foreign files are refused."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from synthetic import occupancy, pack_snapshots, snapshot_bytes

import lrmkmc
from lrmkmc.run import RunError
from lrmkmc.store import find_stored, moment_order


@pytest.fixture
def packed(run_dir: Path) -> Path:
    """A run whose snapshots, one at a voltage among them, are in run.h5."""
    box = occupancy(6, 6, "charge")
    for at in ("charge@4.400", "charge@3.900", "discharge@3.500"):
        name = f"r000_c0006_{at}.snap"
        (run_dir / "snapshots" / name).write_bytes(snapshot_bytes(box, "ABCABC", 6, at))
    pack_snapshots(run_dir)
    return run_dir


def test_store_gives_what_the_files_gave(run_dir: Path, tmp_path: Path) -> None:
    before = {key: stored.read() for key, stored in find_stored(run_dir).items()}
    pack_snapshots(run_dir)
    after = find_stored(run_dir)
    assert list(before) == list(after) and len(after) == 4
    for key, stored in after.items():
        shot = stored.read()
        assert stored.path.name == "run.h5" and f"frame {stored.frame}" in str(stored)
        assert np.array_equal(shot.occupancy, before[key].occupancy)
        assert (shot.species, shot.letters) == (before[key].species, before[key].letters)
        for name in ("a_A", "tm_gap_A", "li_gap_A", "voltage_V", "time_s", "cycle", "at"):
            assert getattr(shot, name) == getattr(before[key], name), name
        assert {k: shot.header[k] for k in ("scenario", "parameter_hash")} == {
            k: before[key].header[k] for k in ("scenario", "parameter_hash")
        }


def test_moments_are_in_the_order_of_time(packed: Path) -> None:
    run = lrmkmc.load(packed)
    moments = [at for _, cycle, at in run.snapshots() if cycle == 6]
    assert moments == ["charge@3.900", "charge@4.400", "charge", "discharge@3.500", "discharge"]
    assert run.snapshot(at="charge@4.4").moment() == "charge past 4.40 V"
    assert run.snapshot().moment() == "end of charge"
    assert moment_order("discharge@4.0") < moment_order("discharge@3.5") < moment_order("discharge")
    with pytest.raises(RunError, match=r"expected a cycle at charge@4\.500 of replica 0, found"):
        run.snapshot(at="charge@4.5")


def test_a_file_counts_before_a_frame(packed: Path) -> None:
    (packed / "snapshots").mkdir()
    box = occupancy(6, 6, "discharge")
    file = packed / "snapshots" / "r000_c0006_charge.snap"
    file.write_bytes(snapshot_bytes(box, "ABCABC", 6, "charge"))
    assert find_stored(packed)[0, 6, "charge"].path == file


def test_figures_draw_a_packed_run(packed: Path, tmp_path: Path) -> None:
    from lrmkmc import figures

    drawn, notes = figures.run_figures(lrmkmc.load(packed))
    assert {"layers_top", "layers_side", "stem"} <= set(drawn) and not notes


def test_a_flipped_byte_is_no_other_state(study_dir: Path, tmp_path: Path) -> None:
    whole = study_dir / "o3" / "run.h5"
    wanted = {key: stored.read().occupancy for key, stored in find_stored(whole.parent).items()}
    data = whole.read_bytes()
    refused = 0
    for at in range(5, len(data), len(data) // 150):
        flipped = bytearray(data)
        flipped[at] ^= 64
        (tmp_path / "run.h5").write_bytes(flipped)
        try:
            for key, stored in find_stored(tmp_path).items():
                assert np.array_equal(stored.read().occupancy, wanted[key]), at
        except RunError as problem:
            assert "run.h5" in str(problem)
            refused += 1
    assert refused > 75


@pytest.mark.parametrize("size", [0, 7, 100, 2000])
def test_cut_files_are_refused(packed: Path, size: int) -> None:
    path = packed / "run.h5"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(RunError, match=r"run\.h5: expected a whole run\.h5"):
        lrmkmc.load(packed).snapshots()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.attrs.__setitem__("format", "x"), "attribute 'format': expected"),
        (lambda f: f.attrs.__delitem__("letters"), "attribute 'letters' is missing"),
        (lambda f: f.attrs.__setitem__("cells_a", 7), "expected 1008 sites"),
        (lambda f: f.__delitem__("occupancy"), "expected dataset 'occupancy'"),
        (lambda f: f.__delitem__("species"), "expected dataset 'species'"),
        (lambda f: f.move("occupancy", "other"), "expected dataset 'occupancy'"),
    ],
)
def test_foreign_files_are_refused(packed: Path, change, message: str) -> None:  # type: ignore[no-untyped-def]
    with h5py.File(packed / "run.h5", "r+") as file:
        change(file)
    with pytest.raises(RunError, match=message):
        for stored in find_stored(packed).values():
            stored.read()


def test_links_into_other_files_are_not_followed(packed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    with h5py.File(packed / "run.h5", "r+") as file, h5py.File(other, "w") as elsewhere:
        file.copy("occupancy", elsewhere)
        del file["occupancy"]
        file["occupancy"] = h5py.ExternalLink(str(other), "occupancy")
    with pytest.raises(RunError, match="expected dataset 'occupancy'"):
        find_stored(packed)
