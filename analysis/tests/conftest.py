"""Fixtures: a made-up run directory with known numbers in it."""

from pathlib import Path

import pytest
from synthetic import write_run


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """Four replicas, six cycles, snapshots of the first and last cycle."""
    return write_run(tmp_path / "run")
