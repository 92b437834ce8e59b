"""snapshot: the occupancy of every site of one replica at one moment.

``run.h5`` holds those of a complete run (``lrmkmc.store``).  File of one while the run is under way (``snapshots/rRRR_cCCCC_AT.snap``): text lines
``key value``, one blank line, one byte a site, then XXH3-64 (little endian) of all before.

Lattice (same conventions as ``kernels/lattice.h``): planes k carry letters A, B, C = 0, 1/3, 2/3 of a1 + a2, with a1 = a (1, 0, 0) and
a2 = a (1/2, √3/2, 0).  Gap k lies above plane k; even gaps are transition-metal (TM) layers, odd gaps Li layers.

    site id = ((k·4 + kind)·nb + j)·na + i
    kind       0 O (plane)   1 oct        2 tet up       3 tet down
    lateral    own letter    third letter upper letter   lower letter
    height     0             h/2          h/4            3h/4          of the gap height h
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xxhash
from numpy.typing import NDArray

from .run import RunError

if TYPE_CHECKING:
    from ase import Atoms

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

OXYGEN, OCT, TET_UP, TET_DOWN = range(4)
OUTSIDE = 255  # cation site in the vacuum around a particle or slab
O2_MINUS, HOLE, PEROXO, MOLECULAR, F, S, CL = range(7)  # low nibble of an O site
O_VACANCY, O_OUTSIDE = 14, 15
ANION_SYMBOL = {O2_MINUS: "O", HOLE: "O", PEROXO: "O", MOLECULAR: "O", F: "F", S: "S", CL: "Cl"}
ANION_CHARGE = {O2_MINUS: -2, HOLE: -1, PEROXO: -1, MOLECULAR: 0, F: -1, S: -2, CL: -1}
MAGIC = "lrm-kmc-snapshot 1"
KEYS = (
    "na nb letters planes a_A tm_gap_A li_gap_A cycle at replica voltage_V time_s "
    "scenario parameter_hash version git_hash"
).split()

# Neighbouring O of an O as (dplane, di, dj): 0-5 in the plane, 6-8 above, 9-11 below; the last two depend on the letter difference.
IN_PLANE = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1))
ACROSS = {
    2: ((-1, -1), (0, -1), (-1, 0)),
    1: ((0, 0), (-1, 0), (0, -1)),
    -1: ((0, 0), (1, 0), (0, 1)),
    -2: ((1, 1), (0, 1), (1, 0)),
}


@dataclass(frozen=True)
class Snapshot:
    """Occupancy of a box.

    occupancy: (planes, 4, nb, na) bytes.  Cation sites hold 0 (vacancy), 1 (Li+), an index of `species`, or 255 (outside); O sites hold
    the state in the low and, for states 2 and 3, the index of the bonded neighbour in the high nibble.
    """

    occupancy: Bytes
    letters: tuple[int, ...]  # one per plane: 0, 1, 2
    a_A: float  # lattice constant, angstrom
    tm_gap_A: float  # height of an even gap, angstrom
    li_gap_A: float
    species: dict[int, tuple[str, int]]  # index -> element symbol, charge in e
    cycle: int
    at: str  # initial | charge | discharge | charge@4.400
    replica: int
    voltage_V: float
    time_s: float
    header: dict[str, str] = field(repr=False)

    def moment(self) -> str:
        """In words: as made, end of charge, charge past 4.40 V."""
        half, _, voltage = self.at.partition("@")
        if half == "initial":
            return "as made"
        return f"{half} past {float(voltage):.2f} V" if voltage else f"end of {half}"

    @property
    def na(self) -> int:
        """Cells along a1."""
        return int(self.occupancy.shape[3])

    @property
    def nb(self) -> int:
        """Cells along a2."""
        return int(self.occupancy.shape[2])

    @property
    def planes(self) -> int:
        """Number of O planes, equal to the number of gaps."""
        return int(self.occupancy.shape[0])

    @property
    def anion_state(self) -> Bytes:
        """(planes, nb, na) states of the O sites: 0 O2-, 1 hole, 2 peroxo, 3 molecular, 4 F, 5 S, 6 Cl, 14 vacancy, 15 outside."""
        return np.asarray(self.occupancy[:, OXYGEN] & 15)

    def gap_height_A(self, gap: int) -> float:
        """Height of a gap in angstrom."""
        return self.tm_gap_A if gap % 2 == 0 else self.li_gap_A

    def plane_height_A(self, plane: int) -> float:
        """z of an O plane in angstrom, 0 for plane 0."""
        return sum(self.gap_height_A(k) for k in range(plane))

    def cell_A(self) -> Array:
        """Cell vectors in angstrom, (3, 3), rows a, b, c; c stands upright since the letters repeat after it."""
        a1, a2 = self.lateral_axes_A()
        height = self.plane_height_A(self.planes)
        return np.array([[*(a1 * self.na), 0.0], [*(a2 * self.nb), 0.0], [0.0, 0.0, height]])

    def lateral_axes_A(self) -> Array:
        """a1 and a2 in angstrom, (2, 2)."""
        return self.a_A * np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])

    def site_letter(self, plane: int, kind: int) -> int:
        """Lateral letter (0, 1, 2) of the sites of one kind in plane or gap `plane`."""
        lower, upper = self.letters[plane], self.letters[(plane + 1) % self.planes]
        return (lower, 3 - lower - upper, upper, lower)[kind]

    def positions_A(self, plane: int, kind: int) -> Array:
        """Ideal positions in angstrom of the sites of one kind in one plane or gap, (nb, na, 3)."""
        shift = self.site_letter(plane, kind) / 3.0
        j, i = np.meshgrid(np.arange(self.nb), np.arange(self.na), indexing="ij")
        lateral = np.stack([i + shift, j + shift], axis=-1) @ self.lateral_axes_A()
        height = (0.0, 0.5, 0.25, 0.75)[kind] * self.gap_height_A(plane)
        z = np.full((self.nb, self.na, 1), self.plane_height_A(plane) + height)
        return np.concatenate([lateral, z], axis=-1)

    def neighbor_offsets(self, plane: int) -> NDArray[np.int64]:
        """(12, 3) offsets (dplane, di, dj) of the O neighbours of an O in `plane`, in the order the high nibble counts."""
        own = self.letters[plane]
        offsets = [(0, di, dj) for di, dj in IN_PLANE]
        for step in (1, -1):
            to = self.letters[(plane + step) % self.planes]
            offsets += [(step, di, dj) for di, dj in ACROSS[to - own]]
        return np.array(offsets)

    def bonds(self, plane: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
        """Dimers of the O in one plane.

        Returns sites (n, 2) as (j, i), bond kinds (n,) = number of molecular (z = 0) O of the two: 0 peroxo, 1 superoxo, 2 molecular O2,
        and vectors (n, 3) in angstrom to the partner's ideal site.  Every dimer turns up once from each of its ends.
        """
        state = self.anion_state
        j, i = np.nonzero(np.isin(state[plane], (PEROXO, MOLECULAR)))
        offsets = self.neighbor_offsets(plane)[self.occupancy[plane, OXYGEN, j, i] >> 4]
        other = (plane + offsets[:, 0]) % self.planes
        partner = state[other, (j + offsets[:, 2]) % self.nb, (i + offsets[:, 1]) % self.na]
        kinds = (state[plane, j, i] == MOLECULAR).astype(np.int64) + (partner == MOLECULAR)
        return np.stack([j, i], axis=-1), kinds, self._vectors_A(plane, offsets)

    def _vectors_A(self, plane: int, offsets: NDArray[np.int64]) -> Array:
        step = offsets[:, 0]
        letters = np.array(self.letters)
        shift = (letters[(plane + step) % self.planes] - letters[plane]) / 3.0
        lateral = (offsets[:, 1:] + shift[:, None]) @ self.lateral_axes_A()
        up, down = self.gap_height_A(plane), self.gap_height_A(plane - 1)
        z = np.select([step == 1, step == -1], [up, -down], 0.0)
        return np.concatenate([lateral, z[:, None]], axis=1)

    def table(self) -> pd.DataFrame:
        """One row per occupied site, in the order of site ids.

        Columns: ``site`` (id), ``plane``, ``kind`` (OXYGEN, OCT, TET_UP, TET_DOWN), ``j``, ``i``, ``layer`` (TM, Li; O for anions),
        ``symbol``, ``charge_e`` (formal), ``x_A``, ``y_A``, ``z_A`` (ideal position).
        """
        anion = self.anion_state
        held = ~np.isin(self.occupancy, (0, OUTSIDE))
        held[:, OXYGEN] = anion < O_VACANCY
        plane, kind, j, i = np.nonzero(held)
        byte = self.occupancy[held]
        symbol = np.full(256, "", dtype=object)
        charge = np.zeros(256, dtype=np.int64)
        for index, (name, valence) in self.species.items():
            symbol[index], charge[index] = name, valence
        is_anion = kind == OXYGEN
        layer = np.where(is_anion, "O", np.where(plane % 2 == 0, "TM", "Li"))
        state = np.where(is_anion, byte & 15, 0)
        anion_symbol = np.array([ANION_SYMBOL[s] for s in sorted(ANION_SYMBOL)], dtype=object)
        anion_charge = np.array([ANION_CHARGE[s] for s in sorted(ANION_CHARGE)])
        place = np.stack([[self.positions_A(k, m) for m in range(4)] for k in range(self.planes)])[
            plane, kind, j, i
        ]
        return pd.DataFrame(
            {
                "site": ((plane * 4 + kind) * self.nb + j) * self.na + i,
                "plane": plane,
                "kind": kind,
                "j": j,
                "i": i,
                "layer": layer,
                "symbol": np.where(is_anion, anion_symbol[state], symbol[byte]),
                "charge_e": np.where(is_anion, anion_charge[state], charge[byte]),
                **dict(zip(("x_A", "y_A", "z_A"), place.T, strict=True)),
            }
        )

    def atoms(self) -> Atoms:
        """ASE atoms of all occupied sites at ideal positions; initial charges are formal valences, `tags` the site ids.

        O dimers stand at their lattice sites, so O–O distances are those of the lattice, not bond lengths.
        """
        from ase import Atoms

        table = self.table()
        return Atoms(
            list(table["symbol"]),
            positions=table[["x_A", "y_A", "z_A"]].to_numpy(),
            cell=self.cell_A(),
            pbc=True,
            charges=table["charge_e"].to_numpy(),
            tags=table["site"].to_numpy(),
        )


def read_snapshot(path: str | Path) -> Snapshot:
    """Reads and checks a snapshot.

    Raises RunError when the file is missing or truncated, its checksum differs, a header key is missing or no number, the letters do not
    fit, a byte is no known species or state, or a dimer's partner does not point back.
    """
    file = Path(path)
    try:
        data = file.read_bytes()
    except OSError as problem:
        raise RunError(f"{file}: not readable: {problem.strerror}") from None
    end = data.find(b"\n\n")
    if not data.startswith(MAGIC.encode() + b"\n") or end < 0:
        raise RunError(f"{file}: expected a snapshot starting with '{MAGIC}'")
    stored = int.from_bytes(data[-8:], "little")
    computed = xxhash.xxh3_64_intdigest(data[:-8])
    if stored != computed:
        raise RunError(
            f"{file}: checksum is {computed:016x}, expected {stored:016x}: file truncated or changed"
        )
    return _parse(file, data[:end].decode("utf-8", "replace"), data[end + 2 : -8])


def _parse(file: Path, text: str, body: bytes) -> Snapshot:
    header: dict[str, str] = {}
    species: dict[int, tuple[str, int]] = {}
    for line in text.splitlines()[1:]:
        key, _, value = line.partition(" ")
        if key != "species":
            header[key] = value
            continue
        try:
            index, symbol, charge = value.split()
            species[int(index)] = symbol, int(charge)
        except ValueError:
            raise RunError(
                f"{file}: header line '{line}': expected 'species INDEX SYMBOL CHARGE'"
            ) from None
    if missing := [k for k in KEYS if k not in header]:
        raise RunError(
            f"{file}: header key{'s' if len(missing) > 1 else ''} {', '.join(missing)} missing"
        )
    return parse_snapshot(str(file), header, species, body)


def parse_snapshot(
    file: str, header: dict[str, str], species: dict[int, tuple[str, int]], body: bytes
) -> Snapshot:
    """A snapshot from the keys of its header and its bytes, checked; `file` names it in messages.  Raises RunError."""
    snapshot = _build(file, header, species, body)
    _check_bytes(file, snapshot)
    _check_partners(file, snapshot)
    return snapshot


def _build(
    file: str, header: dict[str, str], species: dict[int, tuple[str, int]], body: bytes
) -> Snapshot:
    def number(key: str) -> float:
        try:
            return float(header[key])
        except ValueError:
            raise RunError(
                f"{file}: header key '{key}': expected a number, found '{header[key]}'"
            ) from None

    na, nb, planes = int(number("na")), int(number("nb")), int(number("planes"))
    if len(body) != 4 * na * nb * planes:
        raise RunError(
            f"{file}: expected {4 * na * nb * planes} sites ({planes} planes × 4 kinds × {nb} × {na}), "
            f"found {len(body)}"
        )
    return Snapshot(
        occupancy=np.frombuffer(body, dtype=np.uint8).reshape(planes, 4, nb, na),
        letters=_letters(file, header["letters"].strip(), planes),
        a_A=number("a_A"),
        tm_gap_A=number("tm_gap_A"),
        li_gap_A=number("li_gap_A"),
        species=species,
        cycle=int(number("cycle")),
        at=header["at"],
        replica=int(number("replica")),
        voltage_V=number("voltage_V"),
        time_s=number("time_s"),
        header=header,
    )


def _letters(file: str, text: str, planes: int) -> tuple[int, ...]:
    if not text or set(text) - set("ABC") or planes % len(text) or planes % 2:
        raise RunError(
            f"{file}: header key 'letters': expected letters A, B, C whose number divides the even number "
            f"of planes ({planes}), found '{text}'"
        )
    letters = tuple("ABC".index(c) for c in text) * (planes // len(text))
    for k in range(planes):
        if letters[k] == letters[(k + 1) % planes]:
            raise RunError(
                f"{file}: header key 'letters': planes {k} and {(k + 1) % planes} carry the same letter in '{text}'"
            )
    return letters


def _check_bytes(file: str, snapshot: Snapshot) -> None:
    known = [0, OUTSIDE, *snapshot.species]
    if unknown := sorted(set(np.unique(snapshot.occupancy[:, OCT:]).tolist()) - set(known)):
        raise RunError(
            f"{file}: cation sites hold species {unknown[0]}, which the header does not list"
        )
    states = set(np.unique(snapshot.anion_state).tolist()) - {*ANION_SYMBOL, O_VACANCY, O_OUTSIDE}
    if states:
        raise RunError(f"{file}: O sites hold unknown state {min(states)}")


def _check_partners(file: str, snapshot: Snapshot) -> None:
    state = snapshot.anion_state
    nibble = np.asarray(snapshot.occupancy[:, OXYGEN] >> 4, dtype=np.uint8)
    for plane in range(snapshot.planes):
        here = np.isin(state[plane], (PEROXO, MOLECULAR))
        for j, i in zip(*np.nonzero(here), strict=True):
            m = int(nibble[plane, j, i])
            if m > 11 or not _points_back(snapshot, state, nibble, plane, int(j), int(i), m):
                raise RunError(
                    f"{file}: O at plane {plane}, j {j}, i {i} is bonded to its neighbour {m}, "
                    "which is not bonded back to it"
                )


def _points_back(
    snapshot: Snapshot, state: Bytes, nibble: Bytes, plane: int, j: int, i: int, m: int
) -> bool:
    dplane, di, dj = snapshot.neighbor_offsets(plane)[m]
    k, jj, ii = (plane + dplane) % snapshot.planes, (j + dj) % snapshot.nb, (i + di) % snapshot.na
    if state[k, jj, ii] not in (PEROXO, MOLECULAR) or nibble[k, jj, ii] > 11:
        return False
    back = -snapshot.neighbor_offsets(int(k))[nibble[k, jj, ii]]
    return bool(np.array_equal(back, (dplane, di, dj)))
