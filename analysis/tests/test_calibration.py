"""The fit: settings, studies and observables by hand; the search against a function whose minimum is known; rounds with a made-up program."""

import stat
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from synthetic import COUPLE, write_run

from lrmkmc import calibration
from lrmkmc.__main__ import main
from lrmkmc.calibration import Observations, Parameter, Target, load_calibration, observe
from lrmkmc.run import RunError, load_run

TEXT = """
[fit]
seed = 5
initial_points = 12
round_points = 3
rounds = 1
replicas = 4
threads = 1
table_replicas = 4
[[parameter]]
name = "a"
low = 0.0
high = 2.0
source = "made up"
set = { "model.a_eV" = [1.0, 0.0], "model.list_eV" = [[1.0, -0.35], [2.0, 0.0]] }
[[parameter]]
name = "b"
low = -1.0
high = 1.0
source = "made up"
set = { "model.b_eV" = [0.5, 0.05] }
[[condition]]
name = "first"
base = "builtin:demo"
set = { "protocol.cycles" = 3, "structure.order" = "swap" }
[[target]]
name = "fade"
condition = "first"
observable = "fade_mV"
value = 12.0
tolerance = 1.0
source = "made up"
[[target]]
name = "ratio"
condition = "first"
observable = "plateau_ratio"
value = 0.4
tolerance = 0.1
at_most = true
source = "made up"
[[check]]
name = "other"
base = "builtin:demo"
set = {}
replicas = 3
[[target]]
name = "efficiency"
condition = "other"
observable = "first_cycle_loss"
value = 50.0
tolerance = 1.0
fitted = false
source = "made up"
[[anchor]]
key = "model.a_eV"
value = 0.1
target = "efficiency"
source = "made up"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fit").mkdir()
    (tmp_path / "fit" / "calibration.toml").write_text(TEXT)
    return tmp_path / "fit"


def test_settings_scale_and_shift() -> None:
    p = Parameter("x", 0, 1, "", {"k": [0.5, 0.05], "l": [[1.0, -0.35], [1.0, 0.0]]})
    assert p.settings(1.23456) == {"k": 0.6673, "l": [0.8846, 1.2346]}


def test_study_is_toml_with_every_condition_at_every_point(folder: Path) -> None:
    c = load_calibration(folder)
    study = tomllib.loads(calibration.study_text(c, 1, np.array([[1.0, 0.2], [0.5, -0.4]]), 7))
    assert study["study"] == {"name": "round-1", "replicas": 4, "seed": 6}
    assert [s["name"] for s in study["scenario"]] == ["first-7", "first-8"]
    assert study["scenario"][1]["set"]["model"] == {
        "a_eV": 0.5,
        "b_eV": -0.15,
        "list_eV": [0.15, 1.0],
    }
    assert study["scenario"][0]["set"]["structure"]["order"] == "swap"


def test_one_sided_targets_miss_on_one_side_only() -> None:
    t = Target("t", "c", "fade_mV", 0.4, 0.1, +1, "")
    assert t.miss(np.array([0.2, 0.4, 0.6])).tolist() == pytest.approx([0, 0, 2])
    t = Target("t", "c", "fade_mV", 0.4, 0.1, 0, "")
    assert t.miss(np.array([0.2, 0.6])).tolist() == pytest.approx([-2, 2])


def test_observables_of_a_known_run(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "run", snapshots=False))
    assert observe(run, "fade_mV")[0] == pytest.approx(12.0)
    assert observe(run, "charge_capacity_1")[::2] == (pytest.approx(315.0), 4)
    assert observe(run, "plateau_ratio")[:2] == (pytest.approx(1.0), pytest.approx(0.0))
    # three quarters of every slice come from O2, so its mean voltage is that of all the charge
    p = run.profile
    p[COUPLE.format("O hole")] = p[COUPLE.format("O dimer")] = 0.0
    p.loc[p["Current / A"] < 0, COUPLE.format("O2")] += (
        15.0  # the discharge begins where the charge ended
    )
    for direction, name in ((1, "oxygen_oxidation_V"), (-1, "molecular_reduction_V")):
        voltages = []
        for r in range(4):
            part = p[(p["Replica / 1"] == r) & (p["Cycle Count / 1"] == 1)]
            part = part[direction * part["Current / A"] > 0]
            v, q = part["Voltage / V"].to_numpy(), part["Capacity / mAh g-1"].to_numpy()
            voltages.append(np.sum(np.diff(q) * (v[1:] + v[:-1]) / 2) / q[-1])
        mean, error, n = observe(run, name)
        assert mean == pytest.approx(np.mean(voltages), abs=2e-3)
        assert error == pytest.approx(np.std(voltages, ddof=1) / 2, rel=0.05)
        assert n == 4


def test_search_finds_a_known_minimum(folder: Path) -> None:
    c = load_calibration(folder)
    rng = np.random.default_rng(1)
    x = calibration.hypercube(c)
    assert x.shape == (12, 2)
    for k, (low, high) in enumerate(((0, 2), (-1, 1))):  # one point in every twelfth of the range
        assert sorted(np.floor((x[:, k] - low) / (high - low) * 12)) == list(range(12))

    def truth(x: np.ndarray) -> np.ndarray:
        return np.stack([10 * x[:, 0] + 2 * x[:, 1] ** 2, 0.3 + (x[:, 1] - 0.5) ** 2], axis=-1)

    error = np.full((12, 2), 0.05) * [1, 0.1]
    seen = Observations(x, truth(x) + error * rng.normal(size=(12, 2)), error, 1)
    points = calibration.propose(c, seen)
    assert points.shape == (3, 2)
    assert np.all(points >= [0, -1]) and np.all(points <= [2, 1])
    found, model, spread = calibration.best(c, seen)
    assert calibration.misfit(c, truth(found[None]))[0] < 0.2
    assert np.all(np.abs(model - truth(found[None])[0]) < 5 * spread + 0.02)
    worse = calibration.misfit(c, truth(x)).min()
    assert calibration.misfit(c, truth(points)).min() < worse


FAKE = """#!{python}
import sys, tomllib
from pathlib import Path
if sys.argv[1] == "--version":
    sys.exit(print("lrm-kmc"))
sys.path.insert(0, {tests!r})
from synthetic import write_run
study, out = tomllib.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[4])
if {fails}:
    sys.exit(4)
for s in study["scenario"]:
    write_run(out / s["name"], snapshots=False)
"""


def fake_kmc(path: Path, fails: bool) -> Path:
    tests = str(Path(__file__).parent)
    path.write_text(FAKE.format(python=sys.executable, tests=tests, fails=fails))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_rounds_are_booked_and_go_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, kmc = fake_kmc(tmp_path / "broken", True), fake_kmc(tmp_path / "kmc", False)
    command = ["calibrate", str(folder), "--work", str(tmp_path / "work"), "--kmc"]
    assert main([*command, str(tmp_path / "none")]) == 2
    assert "expected the program kmc" in capsys.readouterr().err
    assert main([*command, str(broken)]) == 2
    assert not (folder / "observations.csv").exists()
    assert main([*command, str(kmc)]) == 0
    assert "fade" in capsys.readouterr().out
    seen = calibration.load_observations(load_calibration(folder))
    assert seen.rounds == 2 and seen.x.shape == (15, 2)
    assert seen.mean[:, 0] == pytest.approx(12.0)
    before = (folder / "observations.csv").read_text()
    assert main([*command, str(broken)]) == 0  # nothing left to run
    assert (folder / "observations.csv").read_text() == before


def test_table_holds_all_targets_against_the_programs_own_parameters(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kmc = fake_kmc(tmp_path / "kmc", False)
    assert (
        main(
            ["calibrate", str(folder), "--table", "--work", str(tmp_path / "w"), "--kmc", str(kmc)]
        )
        == 0
    )
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [r.split(" | ")[0] for r in rows] == [
        "| fade",
        "| ratio",
        "| efficiency (by model.a_eV)",
    ]
    assert "| 12 ± 1 mV/cycle | 12.0 [9.3, 14.7] | yes | 4 | 6 × 6 × 6 |" in rows[0]
    assert "at most 0.4 ± 0.1" in rows[1] and "no, 6.0 tolerances" in rows[1]
    study = tomllib.loads((tmp_path / "w" / "table-4.toml").read_text())
    assert study["study"] == {"name": "table-4", "seed": 1005, "replicas": 4}
    assert [s["name"] for s in study["scenario"]] == ["first"]
    study = tomllib.loads((tmp_path / "w" / "table-3.toml").read_text())
    assert study["study"] == {"name": "table-3", "seed": 1005, "replicas": 3}
    assert study["scenario"][0]["set"] == {"output": {"snapshots": "none"}}


def test_shipped_anchors_are_frozen_or_set_where_they_are_used() -> None:
    shipped = Path(__file__).parents[2] / "lattices" / "data" / "calibration"
    c = load_calibration(shipped)
    conditions = {k.name: k.keys for k in c.checks}
    frozen = tomllib.loads((shipped / "parameters.toml").read_text())["model"]
    anchors = tomllib.loads((shipped / "calibration.toml").read_text())["anchor"]
    assert len(anchors) > 0
    for anchor in anchors:
        (target,) = [t for t in c.check_targets if t.name == anchor["target"]]
        key = anchor["key"]
        value = conditions[target.condition].get(key, frozen.get(key.removeprefix("model.")))
        assert value == anchor["value"]
        assert anchor["low"] <= anchor["value"] <= anchor["high"]


def test_mistakes_are_named(folder: Path) -> None:
    for old, new, message in (
        ('observable = "fade_mV"', 'observable = "fad"', "target 'fade'"),
        ("rounds = 1", "", "'rounds' is missing"),
        ("tolerance = 1.0", "tolerance = 0.0", "positive tolerance"),
        ('target = "efficiency"', 'target = "fade"', "anchor: .* 'fade'"),
    ):
        (folder / "calibration.toml").write_text(TEXT.replace(old, new, 1))
        with pytest.raises(RunError, match=message):
            load_calibration(folder)
