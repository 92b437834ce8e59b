"""Structure files become scenarios that the program accepts, or are refused for what they are; profiles become tables of other programs."""

import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write
from ase.spacegroup import crystal

import lrmkmc
from lrmkmc import cycler
from lrmkmc.__main__ import main
from lrmkmc.run import RunError
from lrmkmc.structure_file import KNOWN, read_structure

LCO = [2.816, 2.816, 14.05, 90, 90, 120]  # Orman & Wiseman, Acta Cryst. C 40 (1984) 12
LCO_SITES = [(0, 0, 0.5), (0, 0, 0), (0, 0, 0.2605)]
LMO = [
    4.937,
    8.532,
    5.030,
    90,
    109.46,
    90,
]  # Strobel & Lambert-Andron, J. Solid State Chem. 75 (1988) 90
LMO_SITES = [
    (0, 0.5, 0), (0, 0, 0.5), (0, 0.6606, 0.5), (0, 0.1673, 0), (0.2189, 0, 0.2273), (0.2538, 0.3213, 0.2233),
]  # fmt: skip


def licoo2(**options: bool) -> Atoms:
    return crystal(["Li", "Co", "O"], LCO_SITES, spacegroup=166, cellpar=LCO, **options)


@pytest.mark.parametrize("primitive", [False, True])
@pytest.mark.parametrize("kind", ["cif", "vasp"])
def test_rhombohedral_oxide(tmp_path: Path, primitive: bool, kind: str) -> None:
    """The same crystal in two cells and two formats; heights by hand from z = 0.2605."""
    path = tmp_path / f"LiCoO2.{kind}"
    write(path, licoo2(primitive_cell=primitive), format=kind)
    found = read_structure(path)
    assert found.letters in ("ABCABC", "ACBACB")
    assert found.lattice_a_A == pytest.approx(2.816, abs=1e-3)
    tm = 2 * 14.05 * (1 / 3 - 0.2605)
    assert (found.tm_gap_A, found.li_gap_A) == pytest.approx((tm, 14.05 / 3 - tm), abs=2e-3)
    assert found.formula == "Li1Co1O2" and found.misplaced == 0.0


def test_monoclinic_li_rich_oxide(tmp_path: Path) -> None:
    """Distorted planes, Li in the TM layer; one cell along c is not yet a period of letters."""
    path = tmp_path / "Li2MnO3.cif"
    write(path, crystal(["Li", "Li", "Li", "Mn", "O", "O"], LMO_SITES, spacegroup=12, cellpar=LMO))
    found = read_structure(path)
    assert found.letters in ("ABCABC", "ACBACB") and found.formula == "Li1.3333Mn0.6667O2"
    area = 4.937 * 8.532 / 6
    assert found.lattice_a_A == pytest.approx((2 * area / 3**0.5) ** 0.5, abs=1e-3)
    spacing = 5.030 * 0.94289  # sin 109.46°
    assert found.tm_gap_A + found.li_gap_A == pytest.approx(spacing, abs=2e-3)
    assert found.tm_gap_A < found.li_gap_A


def stacked(letters: str) -> Atoms:
    """LiCoO2 with the program's own geometry: a = 2.85, gaps 2.15 and 2.60 angstrom."""
    a1, a2 = [2.85, 0.0, 0.0], [1.425, 2.85 * 0.75**0.5, 0.0]
    lateral = {
        c: [(k / 3) * (x + y) for x, y in zip(a1, a2, strict=True)] for k, c in enumerate("ABC")
    }
    symbols, places, z = [], [], 0.0
    for k, letter in enumerate(letters):
        above = letters[(k + 1) % len(letters)]
        gap = 2.15 if k % 2 == 0 else 2.60
        third = next(iter(set("ABC") - {letter, above}))
        symbols += ["O", "Co" if k % 2 == 0 else "Li"]
        places += [[*lateral[letter][:2], z], [*lateral[third][:2], z + gap / 2]]
        z += gap
    return Atoms(symbols, places, cell=[a1, a2, [0, 0, z]], pbc=True)


@pytest.mark.parametrize("letters", ["ABCB", "ABCABC", "ABACBC"])
def test_letters_survive_and_the_program_takes_them(
    tmp_path: Path, program: Path, letters: str
) -> None:
    path = tmp_path / "crystal.cif"
    write(path, stacked(letters))
    output = tmp_path / "crystal.toml"
    assert main(["scenario", str(path), "-o", str(output)]) == 0
    found = read_structure(path)
    turned = {f"{letters[k:]}{letters[:k]}".translate(t) for k in range(0, len(letters), 2)
              for t in ({}, *(str.maketrans("ABC", p) for p in ("BCA", "CAB", "ACB", "CBA", "BAC")))}  # fmt: skip
    assert found.letters in turned
    assert found.tm_gap_A == pytest.approx(2.15, abs=1e-3)
    said = subprocess.run([program, "check", output], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert "Li1.0000Co1.0000O2.0000" in said.stdout


SHARED = """data_mixed
_cell_length_a 2.876
_cell_length_b 2.876
_cell_length_c 14.19
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
_symmetry_space_group_name_H-M 'R -3 m'
_symmetry_Int_Tables_number 166
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Li1 Li 0 0 0.5 0.95
Ni1 Ni 0 0 0.5 0.05
Ni2 Ni 0 0 0 0.95
Li2 Li 0 0 0 0.05
O1 O 0 0 0.2580 1
"""


def test_shared_sites_count_with_their_occupancies(tmp_path: Path) -> None:
    path = tmp_path / "mixed.cif"
    path.write_text(SHARED)
    found = read_structure(path)
    assert found.formula == "Li1Ni1O2" and found.misplaced == pytest.approx(0.05)
    assert "5.0 % of the metals outside their layers" in found.scenario("mixed", "mixed.cif")


@pytest.mark.parametrize(
    ("atoms", "words"),
    [
        (bulk("MgO", "rocksalt", 4.21, cubic=True), "gaps between O planes that are all alike"),
        (bulk("NaCl", "rocksalt", 5.64), "expected an oxide"),
        (bulk("FeO", "rocksalt", 4.3) * (1, 1, 2), "found 50 % of them there"),
        (
            crystal(
                ["Li", "Mn", "O"],
                [(1 / 8,) * 3, (0.5,) * 3, (0.2631,) * 3],
                spacegroup=227,
                setting=2,
                cellpar=[8.24] * 3 + [90] * 3,
            ),
            "expected two cations for two anions, found 1.500",
        ),
        (
            crystal(
                ["Na", "Co", "O"],
                [(1 / 3, 2 / 3, 0.75), (0, 0, 0.5), (1 / 3, 2 / 3, 0.5908)],
                spacegroup=194,
                cellpar=[2.84, 2.84, 10.8, 90, 90, 120],
            ),
            "P-type, prismatic",
        ),
        (bulk("ZnO", "wurtzite", 3.25, 5.2), "expected elements with parameters"),
        (bulk("Ti", "hcp", 2.95), "expected an oxide"),
    ],
)
def test_what_is_not_of_the_family_is_refused(
    tmp_path: Path, atoms: Atoms, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.cif"
    write(path, atoms)
    assert main(["scenario", str(path), "-o", str(tmp_path / "x.toml")]) == 2
    said = capsys.readouterr().err
    assert words in said and str(path) in said
    assert not (tmp_path / "x.toml").exists()


def test_unreadable_structures_are_named(tmp_path: Path) -> None:
    (tmp_path / "broken.cif").write_text("nothing of the kind")
    with pytest.raises(RunError, match=r"broken\.cif: (not readable|expected one periodic)"):
        read_structure(tmp_path / "broken.cif")
    with pytest.raises(RunError, match=r"none\.cif: file is missing"):
        read_structure(tmp_path / "none.cif")


def test_elements_are_those_of_the_program(program: Path) -> None:
    said = subprocess.run([program, "defaults"], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^\[elements\.([A-Z][a-z]?)\]", said, re.M)) == set(KNOWN)


# ---- tables of other programs -----------------------------------------------------------------------------------------


def test_cellpy_table_has_capacities_by_cycle(study_dir: Path) -> None:
    run = lrmkmc.load(study_dir / "o3")
    table = cycler.table(run, "cellpy", 1)
    ends = table.groupby("cycle_index").last()
    mine = run.cycles[run.cycles["replica"] == 1].set_index("cycle")
    for half in ("charge", "discharge"):
        assert 1e3 * ends[f"{half}_capacity"].to_numpy() == pytest.approx(
            mine[f"{half}_capacity_mAh_per_g"].to_numpy(), abs=2e-3
        )
    assert table["test_time"].is_monotonic_increasing and (table["step_time"] >= 0).all()
    assert table["data_point"].tolist() == list(range(1, len(table) + 1))
    assert table.loc[table["step_index"] == 4, "current"].mean() < 0


def test_pybamm_table_counts_discharge_positive(
    study_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "o3.csv"
    assert main(["cycler", str(study_dir / "o3"), "--format", "pybamm", "-o", str(output)]) == 0
    table = pd.read_csv(output)
    run = lrmkmc.load(study_dir / "o3")
    first = run.cycles[(run.cycles["replica"] == 0) & (run.cycles["cycle"] == 1)].iloc[0]
    charge = run.profile[(run.profile["Replica / 1"] == 0) & (run.profile["Cycle Count / 1"] == 1)]
    rows = table.iloc[: int((charge["Step Index / 1"] < 4).sum())]
    assert -1e3 * rows["Discharge capacity [A.h]"].iloc[-1] == pytest.approx(
        first["charge_capacity_mAh_per_g"], abs=2e-3
    )
    assert rows["Current [A]"].mean() < 0
    assert main(["cycler", str(study_dir / "o3"), "--format", "pybamm", "--replica", "7"]) == 2
    assert "expected a replica of [0, 1, 2], found 7" in capsys.readouterr().err
