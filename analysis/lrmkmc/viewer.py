"""viewer: stored states as data for the page's 3-D viewer (``assets/viewer.js``), small enough to stand in the page.

    sites     positions once for all states of a run, unsigned 16-bit steps of STEP_A, x y z after each other
    frames    for each state one byte a site: the class (0 = nothing to draw); bonds as site index, half vector in STEP_A, kind
    classes   what a byte means: label, colour for light and dark pages, radius, group

Binary parts are base64, little endian.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .layers import ANIONS, ION_COLOUR, transition_metals
from .run import Run
from .snapshot import (
    ANION_SYMBOL,
    HOLE,
    MOLECULAR,
    O2_MINUS,
    O_VACANCY,
    OCT,
    OUTSIDE,
    OXYGEN,
    PEROXO,
    Array,
    Snapshot,
)
from .style import BLACK, GREY, LIGHT, ORANGE, SKY, VERMILLION
from .svg import dark

STEP_A = 0.01
MAX_ATOMS = 20_000
MAX_FRAMES = 8
DOPANTS = (ORANGE, "#332288", "#AA4499", VERMILLION, GREY)  # beside those of Ni, Co, Mn
BOND_LABELS = ("peroxo", "superoxo", "molecular O₂")


@dataclass(frozen=True)
class Class:
    """One kind of site in the viewer."""

    label: str
    colour: str
    radius: float  # angstrom
    group: str  # cation | moved | anion | oxidised | vacancy


def payload(run: Run, label: str) -> dict[str, Any] | None:
    """Everything the viewer needs of one run; None without snapshots.  Raises RunError for damaged ones."""
    keys = _chosen(run)
    if not keys:
        return None
    stored = run.snapshots()
    shots = [stored[key].read() for key in keys]
    inside, note = _crop(shots[0])
    classes = _Classes(run, shots)
    bytes_ = [classes.of(shot) for shot in shots]
    drawn = inside & np.any([b > 0 for b in bytes_], axis=0)
    index = np.full(drawn.shape, -1, dtype=np.int64)
    index[drawn] = np.arange(int(drawn.sum()))
    first = shots[0]
    place = np.stack([[first.positions_A(k, m) for m in range(4)] for k in range(first.planes)])
    frames = [
        {
            "label": _label(shot),
            "classes": _base64(b[drawn].astype(np.uint8)),
            **_bonds(shot, index),
        }
        for shot, b in zip(shots, bytes_, strict=True)
    ]
    origin = place[drawn].min(axis=0)
    return {
        "label": label,
        "note": note,
        "step": STEP_A,
        "cell": (first.cell_A()).round(3).tolist(),
        "origin": origin.round(3).tolist(),
        "sites": _base64(((place[drawn] - origin) / STEP_A).round().astype("<u2")),
        "classes": [
            {
                "label": c.label,
                "light": c.colour,
                "dark": c.colour if c.colour == LIGHT else f"#{dark(c.colour[1:].lower())}",
                "radius": c.radius,
                "group": c.group,
            }
            for c in classes.list
        ],
        "bonds": list(BOND_LABELS),
        "frames": frames,
    }


def _chosen(run: Run) -> list[tuple[int, int, str]]:
    """Up to MAX_FRAMES states of the first replica, in the order of time, spread over the run; the first and the last are there."""
    keys = list(run.snapshots())
    mine = [key for key in keys if key[0] == keys[0][0]]
    picks = np.linspace(0, len(mine) - 1, min(MAX_FRAMES, len(mine))).round().astype(int)
    return [mine[k] for k in dict.fromkeys(picks.tolist())]


def _label(shot: Snapshot) -> str:
    if shot.at == "initial":
        return "as made"
    return f"cycle {shot.cycle}, {shot.moment()}, {shot.voltage_V:.2f} V"


def _crop(shot: Snapshot) -> tuple[NDArray[np.bool_], str]:
    """Sites shown, and what the reader must know when not all are: a block across the middle, all planes where they fit."""
    inside = np.ones(shot.occupancy.shape, dtype=bool)
    atoms = 2 * shot.planes * shot.na * shot.nb  # cations and O, about
    if atoms <= MAX_ATOMS:
        return inside, ""
    planes = min(shot.planes, 24)
    across = max(1, int(np.sqrt(MAX_ATOMS / (2 * planes))))
    na, nb = min(shot.na, across), min(shot.nb, across)
    i, j, k = (shot.na - na) // 2, (shot.nb - nb) // 2, (shot.planes - planes) // 4 * 2
    inside[:] = False
    inside[k : k + planes, :, j : j + nb, i : i + na] = True
    box = f"{shot.na} × {shot.nb} cells × {shot.planes} planes"
    return inside, f"shown: {na} × {nb} cells × {planes} planes around the middle of {box}"


class _Classes:
    """Classes of a run, and the class of every site of its states."""

    def __init__(self, run: Run, shots: Iterable[Snapshot]) -> None:
        self.list: list[Class] = []
        self.place: dict[str, int] = {}
        shot = next(iter(shots))
        self.tms = transition_metals(run, shot)
        dopants = iter(DOPANTS)
        for symbol in dict.fromkeys(s for s, _ in shot.species.values()):
            colour = ION_COLOUR.get(symbol) or next(dopants, GREY)
            self._add(symbol, Class(symbol, colour, 0.72 if symbol == "Li" else 0.86, "cation"))
            if symbol in self.tms:
                moved = Class(f"{symbol} in the Li layer", colour, 1.0, "moved")
                self._add(f"{symbol} moved", moved)
        for state, label, colour, radius in (
            (O2_MINUS, "O²⁻", LIGHT, 0.42),
            (HOLE, "hole O⁻", SKY, 0.6),
            (PEROXO, "O in a dimer (O⁻)", ORANGE, 0.62),
            (MOLECULAR, "O in O₂ or superoxo", BLACK, 0.66),
        ):
            group = "anion" if state == O2_MINUS else "oxidised"
            self._add(f"anion {state}", Class(label, colour, radius, group))
        for state, symbol in ANION_SYMBOL.items():
            if symbol != "O":
                mark = ANIONS[state]
                self._add(f"anion {state}", Class(mark.label, mark.face, 0.6, "anion"))
        self._add("vacant", Class("cation vacancy (oct)", LIGHT, 0.5, "vacancy"))
        self._add(f"anion {O_VACANCY}", Class("O vacancy", VERMILLION, 0.5, "vacancy"))

    def _add(self, key: str, kind: Class) -> None:
        self.list.append(kind)
        self.place[key] = len(self.list)

    def of(self, shot: Snapshot) -> NDArray[np.uint8]:
        """(planes, 4, nb, na) classes; 0 for empty tets and the outside."""
        table = np.zeros((2, 256), dtype=np.uint8)  # [in a Li gap]
        for byte, (symbol, _) in shot.species.items():
            table[:, byte] = self.place[symbol]
            if symbol in self.tms:
                table[1, byte] = self.place[f"{symbol} moved"]
        result = np.zeros(shot.occupancy.shape, dtype=np.uint8)
        for gap in range(shot.planes):
            result[gap] = table[gap % 2][shot.occupancy[gap]]
        result[:, OCT][shot.occupancy[:, OCT] == 0] = self.place["vacant"]
        result[shot.occupancy == OUTSIDE] = 0
        anions = np.zeros(16, dtype=np.uint8)
        for state in (*ANION_SYMBOL, O_VACANCY):
            anions[state] = self.place[f"anion {state}"]
        result[:, OXYGEN] = anions[shot.anion_state]
        return result


def _bonds(shot: Snapshot, index: NDArray[np.int64]) -> dict[str, str]:
    """Half bonds: every O of a dimer draws its own, so none crosses the edge of the box."""
    sites, halves, kinds = [], [], []
    for plane in range(shot.planes):
        place, kind, vectors = shot.bonds(plane)
        at = index[plane, OXYGEN, place[:, 0], place[:, 1]]
        sites.append(at[at >= 0])
        halves.append(_steps(0.5 * vectors[at >= 0]))
        kinds.append(kind[at >= 0])
    return {
        "bondSites": _base64(np.concatenate(sites).astype("<u4")),
        "bondHalves": _base64(np.concatenate(halves)),
        "bondKinds": _base64(np.concatenate(kinds).astype(np.uint8)),
    }


def _steps(vectors: Array) -> NDArray[np.int16]:
    return np.asarray((vectors / STEP_A).round(), dtype="<i2").reshape(-1, 3)


def _base64(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
