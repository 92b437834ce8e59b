"""Snapshots: geometry against distances of close packing, dimers against their partners, and refusal of damaged files."""

from pathlib import Path

import numpy as np
import pytest
from synthetic import bond_across, bond_in_plane, occupancy, snapshot_bytes

from lrmkmc.run import RunError
from lrmkmc.snapshot import OCT, TET_DOWN, TET_UP, Snapshot, read_snapshot

A, TM_GAP, LI_GAP = 2.85, 2.15, 2.60
SIDE = A / np.sqrt(3.0)  # lateral distance between different letters


def load(tmp_path: Path, box: np.ndarray, letters: str) -> Snapshot:
    path = tmp_path / "r000_c0001_charge.snap"
    path.write_bytes(snapshot_bytes(box, letters))
    return read_snapshot(path)


def empty(letters: str, cells: int = 4) -> np.ndarray:
    return np.zeros((len(letters), 4, cells, cells), dtype=np.uint8)


def periodic_distances(snapshot: Snapshot, point: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Shortest distances in angstrom in the periodic box, (n,)."""
    cell = snapshot.cell_A()
    shifts = np.array(list(np.ndindex(3, 3, 3))) - 1
    images = others.reshape(-1, 1, 3) + shifts @ cell
    return np.linalg.norm(images - point, axis=-1).min(axis=1)


def test_bytes_and_header_come_back(tmp_path: Path) -> None:
    box = occupancy(6, 6, "charge")
    snapshot = load(tmp_path, box, "ABCABC")
    assert np.array_equal(snapshot.occupancy, box)
    assert (snapshot.cycle, snapshot.at, snapshot.voltage_V, snapshot.time_s) == (
        1,
        "charge",
        4.8,
        36000.5,
    )
    assert snapshot.species[6] == ("Mn", 4) and snapshot.header["scenario"] == "made up"


def test_letters_may_be_one_period(tmp_path: Path) -> None:
    assert load(tmp_path, empty("ABCABC"), "ABC").letters == (0, 1, 2, 0, 1, 2)


@pytest.mark.parametrize("letters", ["ABCABC", "ABCB", "ACBACB", "ABACBC"])
def test_cation_sites_sit_in_their_polyhedra(tmp_path: Path, letters: str) -> None:
    """Octs have 6 O, tets 4 O at the distances that the gap heights give; apex included."""
    snapshot = load(tmp_path, empty(letters), letters)
    oxygen = np.concatenate(
        [snapshot.positions_A(k, 0).reshape(-1, 3) for k in range(len(letters))]
    )
    for gap in range(len(letters)):
        h = TM_GAP if gap % 2 == 0 else LI_GAP
        for kind, expected in (
            (OCT, [np.hypot(SIDE, h / 2)] * 6),
            (TET_UP, [np.hypot(SIDE, h / 4)] * 3 + [3 * h / 4]),
            (TET_DOWN, [np.hypot(SIDE, h / 4)] * 3 + [3 * h / 4]),
        ):
            found = np.sort(
                periodic_distances(snapshot, snapshot.positions_A(gap, kind)[1, 2], oxygen)
            )
            assert found[: len(expected)] == pytest.approx(sorted(expected))


@pytest.mark.parametrize("letters", ["ABCABC", "ABCB", "ACBACB", "ABACBC"])
def test_neighbour_offsets_reach_the_twelve_nearest_oxygens(tmp_path: Path, letters: str) -> None:
    snapshot = load(tmp_path, empty(letters), letters)
    for plane in range(len(letters)):
        offsets = snapshot.neighbor_offsets(plane)
        assert len({tuple(o) for o in offsets}) == 12
        vectors = snapshot._vectors_A(plane, offsets)
        up = TM_GAP if plane % 2 == 0 else LI_GAP
        down = TM_GAP + LI_GAP - up
        lengths = [A] * 6 + [np.hypot(SIDE, up)] * 3 + [np.hypot(SIDE, down)] * 3
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(lengths)
        for (step, di, dj), vector in zip(offsets, vectors, strict=True):
            target = snapshot.positions_A((plane + step) % len(letters), 0)[
                (1 + dj) % 4, (1 + di) % 4
            ]
            start = snapshot.positions_A(plane, 0)[1, 1]
            assert periodic_distances(snapshot, start + vector, target[None])[0] == pytest.approx(
                0.0, abs=1e-9
            )


def test_neighbour_order_is_the_programs(tmp_path: Path) -> None:
    """The order is part of the file format, so it is frozen here, letter by letter."""
    offsets = load(tmp_path, empty("ABCABC"), "ABCABC").neighbor_offsets(0)  # A, B above, C below
    assert offsets[:6].tolist() == [
        [0, 1, 0],
        [0, -1, 0],
        [0, 0, 1],
        [0, 0, -1],
        [0, 1, -1],
        [0, -1, 1],
    ]
    assert offsets[6:9].tolist() == [[1, 0, 0], [1, -1, 0], [1, 0, -1]]
    assert offsets[9:].tolist() == [[-1, -1, -1], [-1, 0, -1], [-1, -1, 0]]


def test_bonds_name_kind_and_partner(tmp_path: Path) -> None:
    box = empty("ABCABC")
    bond_in_plane(box, 0, 0, 3, 0, (2, 2))  # peroxo through the periodic edge
    bond_across(box, 0, 2, 2, (3, 3))  # molecular across the TM gap
    bond_across(box, 1, 1, 1, (2, 3))  # superoxo across the Li gap
    snapshot = load(tmp_path, box, "ABCABC")
    sites, kinds, vectors = snapshot.bonds(0)
    assert sites.tolist() == [[0, 0], [0, 3], [2, 2]] and kinds.tolist() == [0, 0, 2]
    assert vectors[0] == pytest.approx(-vectors[1]) and vectors[1] == pytest.approx([A, 0, 0])
    assert np.linalg.norm(vectors[2]) == pytest.approx(2.71, abs=0.005)
    sites, kinds, vectors = snapshot.bonds(1)
    assert kinds.tolist() == [1, 2] and sites.tolist() == [[1, 1], [2, 2]]
    assert np.linalg.norm(vectors[0]) == pytest.approx(3.08, abs=0.005)
    assert snapshot.bonds(2)[2][0] == pytest.approx(-vectors[0])


def test_atoms_carry_site_ids_and_charges(tmp_path: Path) -> None:
    box = empty("ABCB", 3)
    box[2, 1, 1, 2] = 6  # Mn4+ in an oct of gap 2
    box[0, 3, 0, 0] = 255
    box[1, 0, 0, 1] = 14  # O vacancy
    box[3, 0, 2, 2] = 4  # F-
    atoms = load(tmp_path, box, "ABCB").atoms()
    assert atoms.get_chemical_formula() == "FMnO34"
    ion = atoms.symbols.search("Mn")[0]
    assert atoms.get_tags()[ion] == ((2 * 4 + 1) * 3 + 1) * 3 + 2
    assert atoms.get_initial_charges().sum() == pytest.approx(4 - 1 - 2 * 34)
    z = TM_GAP + LI_GAP + TM_GAP / 2
    assert atoms.positions[ion] == pytest.approx(
        [A * 2.5, A * np.sqrt(0.75), z]
    )  # letters C, B: third letter A
    assert atoms.cell.lengths() == pytest.approx([3 * A, 3 * A, 2 * (TM_GAP + LI_GAP)])


def test_one_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.snap"
    good = bytearray(snapshot_bytes(occupancy(3, 4, "discharge"), "ABCB"))
    path.write_bytes(good)
    read_snapshot(path)
    good[-20] ^= 1
    path.write_bytes(good)
    with pytest.raises(RunError, match=r"x\.snap: checksum"):
        read_snapshot(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"na 3", b"na 4", "expected 192 sites"),
        (b"na 3", b"na x", "key 'na': expected a number, found 'x'"),
        (b"tm_gap_A", b"tm_gap_B", "header key tm_gap_A missing"),
        (b"letters ABCB", b"letters ABBC", "carry the same letter"),
        (b"letters ABCB", b"letters ABC", "letters A, B, C whose number divides"),
        (b"species 6 Mn 4", b"species 6 Mn", "expected 'species INDEX SYMBOL CHARGE'"),
        (b"species 6 Mn 4", b"species 60 Mn 4", "species 6, which the header does not list"),
        (b"lrm-kmc-snapshot 1", b"lrm-kmc-snapshot 9", "expected a snapshot starting with"),
    ],
)
def test_bad_header_is_refused(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    import xxhash

    data = snapshot_bytes(occupancy(3, 4, "discharge"), "ABCB")[:-8]
    assert old in data
    data = data.replace(old, new, 1)
    path = tmp_path / "x.snap"
    path.write_bytes(data + xxhash.xxh3_64_intdigest(data).to_bytes(8, "little"))
    with pytest.raises(RunError, match=message):
        read_snapshot(path)


@pytest.mark.parametrize("byte", [2 | 2 << 4, 3 | 13 << 4, 1, 0])
def test_one_sided_dimer_is_refused(tmp_path: Path, byte: int) -> None:
    box = empty("ABCABC")
    bond_in_plane(box, 0, 1, 1, 0, (2, 2))
    box[0, 0, 1, 2] = byte
    with pytest.raises(RunError, match=r"plane 0, j 1, i [12] .*not bonded back"):
        load(tmp_path, box, "ABCABC")


def test_unknown_anion_state_is_refused(tmp_path: Path) -> None:
    box = empty("ABCABC")
    box[0, 0, 1, 2] = 9
    with pytest.raises(RunError, match="unknown state 9"):
        load(tmp_path, box, "ABCABC")
