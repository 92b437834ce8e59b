"""The worked studies run as their first lines say, on the study that they name, and print the numbers of the files."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lrmkmc

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def folder(study_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, since examples write figures into it."""
    return Path(shutil.copytree(study_dir, tmp_path_factory.mktemp("examples") / "o3_o2"))


def run_example(name: str, target: Path, program: Path) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, target],
        capture_output=True,
        text=True,
        env={**os.environ, "KMC": str(program)},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    picture = Path(done.stdout.splitlines()[-1])
    assert picture.stat().st_size > 10_000 and picture.read_bytes().startswith(b"\x89PNG")
    return done.stdout


def test_fade_of_o3_against_o2(folder: Path, program: Path) -> None:
    said = run_example("fade_o3_o2.py", folder, program)
    study = lrmkmc.load_study(folder)
    for run in study.runs.values():
        assert f"{run.record('voltage_fade_mV_per_cycle').mean:.2f}" in said
    apart = study.compare(program).differences
    row = apart[apart["metric"] == "mean_hysteresis_V"].iloc[0]
    assert f"o2 - o3: mean_hysteresis_V {row['mean']:+.4g}" in said


def test_reading_clusters(folder: Path, program: Path) -> None:
    said = run_example("reading_clusters.py", folder / "o3", program)
    run = lrmkmc.load(folder / "o3")
    rows = re.findall(r"^ +(\d+) +(\d+) +([\d.]+) +([\d.]+) +(\d+) +([\d.]+)$", said, re.M)
    assert len(rows) == 4
    largest = run.cycles.groupby("cycle")["cluster_largest_charge"].max()
    assert [int(row[4]) for row in rows] == largest.astype(int).tolist()


def test_own_plot(folder: Path, program: Path) -> None:
    said = run_example("own_plot.py", folder, program)
    for name, run in lrmkmc.load_study(folder).runs.items():
        last = run.cycles[run.cycles["cycle"] == 4]
        assert f"{name} cycle 4 {100 * last['tm_li_layer_charge'].mean():.2f} % moved" in said
