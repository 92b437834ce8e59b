"""Fixtures: a made-up run directory with known numbers in it, and a small study by the program itself."""

import os
import subprocess
from pathlib import Path

os.environ.setdefault(
    "OPENBLAS_NUM_THREADS", "1"
)  # read when NumPy starts; its matrices are small here

import pytest  # noqa: E402
from synthetic import write_run  # noqa: E402

STUDY = Path(__file__).parents[1] / "examples" / "o3_o2.toml"


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """Four replicas, six cycles, snapshots of the first and last cycle."""
    return write_run(tmp_path / "run")


@pytest.fixture(scope="session")
def program() -> Path:
    """The program: the environment's KMC, or the build of this working tree; tests that need it are skipped without."""
    path = Path(os.environ.get("KMC") or Path(__file__).parents[2] / "build" / "kmc").absolute()
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return path


@pytest.fixture(scope="session")
def study_dir(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """O3 against O2 by the program, a few seconds; only to be read."""
    folder = tmp_path_factory.mktemp("study")
    command = [program, "study", STUDY, "-o", folder / "o3_o2", "-q"]
    subprocess.run(command, cwd=folder, check=True, timeout=300)
    return folder / "o3_o2"
