"""structure_file: a crystal structure (CIF, POSCAR, anything ASE reads) as a scenario of the program.

What is read: the stacking of the O planes, the heights of TM and Li gaps, the lattice constant in the planes, the composition.  The planes
are looked for along every low-index direction; of those with close-packed anion planes, the one whose gaps differ most in transition
metals is the stacking axis (a rock-salt-like crystal has four candidates).

    plane p at lateral position (u, v) of a1, a2 (60° apart)      u ≡ v ≡ 0, 1/3, 2/3  ->  letter A, B, C

Order inside the TM layers is not read: a scenario says how it is made (``structure.order``).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read
from numpy.typing import NDArray

from .fade import Array
from .run import RunError

ANIONS = ("O", "F", "S", "Cl")
ALKALI = ("Li", "Na", "K")
KNOWN = (
    *ALKALI,
    *ANIONS,
    "Ni",
    "Co",
    "Mn",
    "Fe",
    "Al",
    "Mg",
    "Ti",
    "Zr",
    "Nb",
)  # lattices/data/elements.toml
A_RANGE = (2.6, 3.2)  # angstrom, O–O in a close-packed plane of oxides of Li and 3d or 4d metals
FLAT_A = 0.55  # anions of one plane within this height; Jahn–Teller and monoclinic distortions stay below
LETTER_TOLERANCE = 0.15  # of a letter's step of 1/3, in fractions of the lateral axes
LAYERED = (
    0.8  # least share of the metals in their own gaps: below, the crystal is disordered or spinel
)
CATION_TOLERANCE = 0.02  # per formula unit, as in the program


@dataclass(frozen=True)
class Layered:
    """What a structure file says, in the program's terms; lengths in angstrom."""

    letters: str  # one period, the first gap holds TM
    lattice_a_A: float
    tm_gap_A: float
    li_gap_A: float
    composition: dict[str, float]  # per two anions
    misplaced: float  # share of the metals outside their layers

    @property
    def formula(self) -> str:
        """Formula per two anions, in the program's spelling."""
        order = sorted(self.composition, key=lambda s: (s in ANIONS, s not in ALKALI))
        return "".join(f"{s}{self.composition[s]:.4f}".rstrip("0").rstrip(".") for s in order)

    def scenario(self, name: str, source: str) -> str:
        """TOML text for `kmc run`: twelve planes or a little more, 12 × 12 cells."""
        repeats = max(1, 12 // len(self.letters))
        return f"""# from {source}: stacking, gaps, lattice constant and composition; {100 * self.misplaced:.1f} % of the metals outside their layers
# (a scenario starts without them) and the order inside the layers were not taken over
base = "builtin:o3-lmr"

[run]
name = "{name}"
description = "structure of {source}"

[structure]
stacking = "{self.letters}"
repeats = {repeats}
lattice_a_A = {self.lattice_a_A:.4f}
tm_gap_A = {self.tm_gap_A:.4f}
li_gap_A = {self.li_gap_A:.4f}

[host]
formula = "{self.formula}"
"""


def read_structure(path: str | Path) -> Layered:
    """Reads and checks a structure.

    Raises RunError when the file is unreadable, holds elements without parameters, or is no layered oxide of the family: no close-packed
    anion planes, planes of equal letters (P-type), metals in all gaps, or cations other than two for two anions.
    """
    file = Path(path)
    try:
        atoms = read(file)
    except FileNotFoundError:
        raise RunError(f"{file}: file is missing") from None
    except Exception as problem:  # readers of ASE raise whatever they meet
        raise RunError(f"{file}: not readable as a structure: {problem}") from None
    if not isinstance(atoms, Atoms) or not atoms.pbc.all() or atoms.cell.rank < 3:
        raise RunError(f"{file}: expected one periodic crystal, found something else")
    weights = _occupancies(atoms)
    composition = _composition(file, weights)
    return _layers(file, atoms, weights, composition)


def _occupancies(atoms: Atoms) -> list[dict[str, float]]:
    """Elements of every site with their occupancies; a CIF may share a site among several."""
    shared = atoms.info.get("occupancy")
    if not shared:
        return [{symbol: 1.0} for symbol in atoms.get_chemical_symbols()]
    kinds = atoms.get_array("spacegroup_kinds")
    return [dict(shared.get(str(kind)) or shared[kind]) for kind in kinds]


def _composition(file: Path, weights: list[dict[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for site in weights:
        for symbol, share in site.items():
            total[symbol] = total.get(symbol, 0.0) + share
    if unknown := sorted(set(total) - set(KNOWN)):
        raise RunError(
            f"{file}: expected elements with parameters ({', '.join(KNOWN)}), found {', '.join(unknown)}"
        )
    anions = sum(total.get(s, 0.0) for s in ANIONS)
    if total.get("O", 0.0) < 0.5 * anions or anions == 0.0:
        raise RunError(
            f"{file}: expected an oxide, found {total.get('O', 0.0):g} O of {anions:g} anions"
        )
    scaled = {symbol: 2.0 * amount / anions for symbol, amount in total.items()}
    cations = sum(amount for symbol, amount in scaled.items() if symbol not in ANIONS)
    if abs(cations - 2.0) > CATION_TOLERANCE:
        raise RunError(
            f"{file}: expected two cations for two anions, found {cations:.3f}: give the lithiated crystal "
            "of a layered oxide"
        )
    return scaled


# ---- planes -----------------------------------------------------------------------------------------------------------


def _layers(
    file: Path, atoms: Atoms, weights: list[dict[str, float]], composition: dict[str, float]
) -> Layered:
    metal = np.array([sum(w for s, w in site.items() if s not in ALKALI) for site in weights])
    anion = np.array([any(s in ANIONS for s in site) for site in weights])
    metal[anion] = 0.0
    best: tuple[float, Layered] | None = None
    p_type = close_packed = alike = False
    for index in _directions():
        planes = _Planes.find(atoms, anion, metal, index)
        if planes is None:
            continue
        if len(planes.heights) % 2:  # the period is one gap, so all gaps are alike
            alike = True
            continue
        close_packed = True
        letters = planes.letters()
        if letters is None:
            continue
        if any(a == b for a, b in itertools.pairwise(letters + letters[:1])):
            p_type = True
            continue
        share = planes.metal_share()
        if best is None or share > best[0]:
            tm, li = planes.heights[0::2].mean(), planes.heights[1::2].mean()
            found = Layered(
                letters, planes.a_A, float(tm), float(li), composition, max(0.0, 1.0 - share)
            )
            best = share, found
    if best is None:
        reason = (
            "planes of equal letters on both sides of a gap (P-type, prismatic)"
            if p_type
            else "close-packed planes that do not stack as letters A, B, C"
            if close_packed
            else "gaps between O planes that are all alike (rock salt)"
            if alike
            else "no close-packed planes of anions"
        )
        raise RunError(f"{file}: expected O planes stacked as A, B, C (O-type), found {reason}")
    if best[0] < LAYERED:
        raise RunError(
            f"{file}: expected metals in every second gap between O planes, found {100 * best[0]:.0f} % of "
            f"them there (wanted {100 * LAYERED:.0f} %): disordered rock salt or spinel, not layered"
        )
    return best[1]


def _directions() -> list[tuple[int, ...]]:
    """Low Miller indices, one of each opposite pair, without common divisors."""
    found = []
    for index in itertools.product(range(-2, 3), repeat=3):
        first = next((x for x in index if x), 0)
        if first > 0 and np.gcd.reduce(index) == 1:
            found.append(index)
    return found


@dataclass(frozen=True)
class _Planes:
    """Anion planes along one direction, from the first that has a metal-rich gap above it."""

    a_A: float
    lateral: Array  # (planes, 2) position of one anion of each plane in fractions of a1, a2
    shift: Array  # (2,) lateral shift after one period
    heights: Array  # (planes,) of the gap above each plane
    metals: Array  # (planes,) metals in the gap above each plane

    @staticmethod
    def find(
        atoms: Atoms, anion: NDArray[np.bool_], metal: Array, index: tuple[int, ...]
    ) -> _Planes | None:
        """None unless the anions form flat, triangular planes, an even number of them."""
        normal = np.asarray(atoms.cell.reciprocal() @ np.eye(3)).T @ np.array(index, dtype=float)
        spacing = 1.0 / float(np.linalg.norm(normal))
        normal = normal * spacing
        step = _lattice_vector(index) @ np.asarray(atoms.cell)
        place = atoms.get_positions()
        height = place @ normal
        turns = np.floor(height / spacing + 1e-6)
        place, height = place - turns[:, None] * step, height - turns * spacing
        groups = _groups(height[anion], spacing)
        if groups is None or len({len(g) for g in groups}) != 1:
            return None
        anions = place[anion]
        area = atoms.get_volume() / spacing / len(groups[0])
        a = float(np.sqrt(2.0 * area / np.sqrt(3.0)))
        axes = _axes(atoms, anions[groups[0]], normal, a)
        if not A_RANGE[0] < a < A_RANGE[1] or axes is None:
            return None
        levels = np.array([_mean_level(height[anion][g], spacing) for g in groups])
        order = np.argsort(levels)
        levels = levels[order]
        inverse = np.linalg.inv(np.vstack([axes, normal]))
        lateral = np.empty((len(groups), 2))
        for row, k in enumerate(order):
            # an anion that wrapped to the other end of the period stands one step too high or low
            turns = np.rint((height[anion][groups[k]] - levels[row]) / spacing)
            fractions = ((anions[groups[k]] - turns[:, None] * step) @ inverse)[:, :2]
            around = np.exp(2j * np.pi * fractions).mean(axis=0)  # mean on a circle
            lateral[row] = np.angle(around) / (2.0 * np.pi)
        shift = (step @ inverse)[:2]
        gaps = np.diff(np.append(levels, levels[0] + spacing))
        above = (height[:, None] - levels) % spacing  # distance above each plane
        holder = np.argmin(np.where(above > 1e-3, above, np.inf), axis=1)
        metals = np.array([metal[(holder == k) & ~anion].sum() for k in range(len(levels))])
        found = _Planes(a, lateral - lateral[0], shift, gaps, metals)
        if len(levels) % 2:
            return found
        return found if metals[0::2].sum() >= metals[1::2].sum() else found._from_second()

    def _from_second(self) -> _Planes:
        """The same planes, counted from the second one; the first comes back at the end, one period on."""
        lateral = np.vstack([self.lateral[1:], self.lateral[:1] + self.shift]) - self.lateral[1]
        return _Planes(
            self.a_A, lateral, self.shift, np.roll(self.heights, -1), np.roll(self.metals, -1)
        )

    def metal_share(self) -> float:
        """Share of the metals in the gaps that are rich in them."""
        return float(self.metals[0::2].sum() / max(self.metals.sum(), 1e-9))

    def letters(self) -> str | None:
        """Letters until they repeat, None when a plane sits between letters."""
        text = ""
        for turn in range(3):
            third = 3.0 * (self.lateral + turn * self.shift)
            steps = np.rint(third)
            off = np.abs(third - steps).max() / 3.0
            if off > LETTER_TOLERANCE or np.any((steps[:, 0] - steps[:, 1]) % 3):
                return None
            if turn and not np.any(steps[0] % 3):
                return text
            text += "".join("ABC"[int(s) % 3] for s in steps[:, 0])
        return text


def _lattice_vector(index: tuple[int, ...]) -> NDArray[np.int64]:
    """Shortest integers (u, v, w) with h u + k v + l w = 1: one period along the direction."""
    steps = sorted(itertools.product(range(-3, 4), repeat=3), key=lambda s: sum(x * x for x in s))
    return np.array(
        next(s for s in steps if sum(x * h for x, h in zip(s, index, strict=True)) == 1)
    )


def _groups(height: Array, period: float) -> list[NDArray[np.int64]] | None:
    """Indices of the anions of each plane, None when planes are not flat or not apart."""
    order = np.argsort(height)
    sorted_ = height[order]
    jumps = np.diff(np.append(sorted_, sorted_[0] + period))
    ends = np.nonzero(jumps > 1.2)[
        0
    ]  # planes are more than 2 angstrom apart, flat ones thinner than FLAT_A
    if len(ends) < 1:
        return None
    start = int(ends[-1]) + 1
    order = np.roll(order, -start)
    sizes = np.diff(np.append(-1, np.sort((ends - start) % len(order))))
    groups = np.split(order, np.cumsum(sizes)[:-1])
    spreads = [_spread(height[g], period) for g in groups]
    return groups if max(spreads) < FLAT_A else None


def _spread(height: Array, period: float) -> float:
    turned = (height - height[0] + period / 2) % period
    return float(turned.max() - turned.min())


def _mean_level(height: Array, period: float) -> float:
    turned = (height - height[0] + period / 2) % period - period / 2
    return float((height[0] + turned.mean()) % period)


def _axes(atoms: Atoms, plane: Array, normal: Array, a: float) -> Array | None:
    """Mean a1 and a2, 60° apart, of a triangular plane, (2, 3); None when an anion has not six neighbours around it at about `a`."""
    cell = np.asarray(atoms.cell)
    images = np.array(list(itertools.product(range(-3, 4), repeat=3))) @ cell
    rings = []
    for centre in plane:
        vectors = (plane[None, :, :] - centre + images[:, None, :]).reshape(-1, 3)
        near = vectors[np.abs(vectors @ normal) < FLAT_A]
        near = near - np.outer(near @ normal, normal)
        length = np.linalg.norm(near, axis=1)
        ring = near[(length > 0.5 * a) & (length < 1.35 * a)]
        if len(ring) != 6 or np.abs(np.linalg.norm(ring, axis=1) / a - 1.0).max() > 0.15:
            return None
        rings.append(ring)
    first = rings[0][0]
    side = np.cross(normal, first)
    ideal = [np.cos(t) * first + np.sin(t) * side for t in (0.0, np.pi / 3)]
    mean = [
        np.mean([ring[np.argmin(np.linalg.norm(ring - x, axis=1))] for ring in rings], axis=0)
        for x in ideal
    ]
    return np.vstack(mean)
