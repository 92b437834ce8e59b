"""The profiles are Battery Data Format as the reader of the Battery Data Alliance (PyPI: batterydf) understands it."""

from pathlib import Path

import pandas as pd
import pytest


def test_the_profile_of_a_replica_is_valid(study_dir: Path) -> None:
    """Required columns, names and units, and a time that never goes back."""
    bdf = pytest.importorskip("bdf", reason="batterydf is not installed")
    table = pd.read_csv(study_dir / "o3" / "profile.bdf.csv")
    for _, profile in table.groupby("Replica / 1"):
        told = bdf.validate(profile, raise_on_error=True)
        assert told["ok"] and not told["missing"] and not told["legacy_labels"]
        assert told["time_stats"]["monotonic"] and told["n_rows"] == len(profile)
