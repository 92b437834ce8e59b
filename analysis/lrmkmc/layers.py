"""layers: pictures of the lattice from snapshots, at ideal sites, in angstrom.

Top view: one TM and one Li layer with the O planes below and above.  In a gap between planes X and Y the oct sites project on the third
letter, the tet sites on X and Y, so octs, lower O and upper O do not hide each other.
Side view along [100]: a slab one cell thick (one index i), so no column of sites hides another.
Every O of a dimer draws its half of the bond; a half bond alone means that the partner lies outside the view.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from numpy.typing import NDArray

from .run import Run
from .snapshot import (
    CL,
    HOLE,
    O2_MINUS,
    O_VACANCY,
    OCT,
    OUTSIDE,
    TET_DOWN,
    TET_UP,
    Array,
    F,
    S,
    Snapshot,
)
from .style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    LIGHT,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
    legend_below,
    new_figure,
)

MAX_CELLS, MAX_PLANES = 18, 12  # larger boxes are cropped around their middle to stay readable
PANEL_IN = 3.6  # width of one of two panels side by side, inches
TM, LI, DOPANT, VACANT, ANION, OXIDISED = 0.78, 0.62, 0.78, 0.62, 0.26, 0.46  # radii, angstrom


@dataclass(frozen=True)
class Mark:
    """How one kind of site looks: legend text, face and edge colour, shape, radius in angstrom."""

    label: str
    face: str
    edge: str
    shape: str  # a matplotlib marker of SHAPES
    radius: float
    order: float  # drawing order, higher on top
    bond: bool = False  # legend shows a bond


SHAPES: dict[str, tuple[int, float]] = {  # marker -> corners, angle of the first corner in degrees
    "o": (28, 0.0), "^": (3, 90.0), "v": (3, -90.0), "s": (4, 45.0), "D": (4, 0.0), "p": (5, 90.0), "h": (6, 90.0),
}  # fmt: skip
ION_COLOUR = {"Li": YELLOW, "Ni": GREEN, "Co": BLUE, "Mn": PURPLE}
DOPANT_LOOKS = (
    ("s", GREY),
    ("h", BLACK),
    ("p", LIGHT),
    ("s", SKY),
    ("h", ORANGE),
    ("p", VERMILLION),
)
VACANCY = Mark("vacancy", "none", "#9A9A9A", "o", VACANT, 1.5)
RING = Mark("TM in the Li layer", "none", BLACK, "o", 1.05, 2.6)
PEROXO_BOND, SUPEROXO_BOND, MOLECULAR_BOND = (
    100,
    101,
    102,
)  # classes of dimer O, by the bond they are part of
ANIONS = {
    O2_MINUS: Mark("O²⁻", LIGHT, "none", "o", ANION, 1.0),
    HOLE: Mark("hole O⁻", SKY, BLACK, "o", OXIDISED, 4.0),
    PEROXO_BOND: Mark("peroxo", ORANGE, BLACK, "s", OXIDISED, 4.0, True),
    SUPEROXO_BOND: Mark("superoxo", VERMILLION, BLACK, "D", OXIDISED, 4.0, True),
    MOLECULAR_BOND: Mark("molecular O₂", BLACK, BLACK, "o", OXIDISED, 4.0, True),
    F: Mark("F⁻", GREEN, "none", "D", ANION + 0.1, 1.1),
    S: Mark("S²⁻", YELLOW, BLACK, "D", ANION + 0.1, 1.1),
    CL: Mark("Cl⁻", PURPLE, "none", "D", ANION + 0.1, 1.1),
    O_VACANCY: Mark("O vacancy", "none", VERMILLION, "D", OXIDISED, 1.2),
}


@dataclass
class Canvas:
    """Collects the sites of one panel and the marks they used; `project` maps (n, 3) angstrom to (n, 2)."""

    ax: Axes
    project: Callable[[Array], Array]
    used: dict[str, Mark] = field(default_factory=dict)

    def sites(self, mark: Mark, positions: Array) -> None:
        """Draws `mark` at positions (n, 3)."""
        if len(positions) == 0:
            return
        corners, first = SHAPES[mark.shape]
        angle = np.radians(first + 360.0 / corners * np.arange(corners))
        outline = mark.radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        polygons = self.project(positions)[:, None, :] + outline
        width = 1.6 if mark is RING else 0.5
        self.ax.add_collection(
            PolyCollection(
                list(polygons),
                facecolors=mark.face,
                edgecolors=mark.edge,
                linewidths=width,
                zorder=mark.order,
            )
        )
        self.used.setdefault(mark.label, mark)

    def half_bonds(self, mark: Mark, positions: Array, vectors: Array) -> None:
        """Lines from positions (n, 3) half-way along vectors (n, 3)."""
        start, stop = self.project(positions), self.project(positions + 0.5 * vectors)
        lines = list(np.stack([start, stop], axis=1))
        self.ax.add_collection(LineCollection(lines, colors=mark.face, linewidths=2.2, zorder=3.8))


@dataclass(frozen=True)
class Cut:
    """Which sites of a snapshot are drawn: index ranges along a1 and a2."""

    i: slice
    j: slice

    def of(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """The part of an array (nb, na, ...) inside the cut."""
        return values[self.j, self.i]


def choose_snapshots(run: Run) -> list[Snapshot]:
    """Charged and discharged state of the last cycle of the first replica that has both; else the last single one; [] without any."""
    stored = run.snapshots()
    pairs = [k for k in stored if k[2] == "charge" and (k[0], k[1], "discharge") in stored]
    if pairs:
        replica = min(k[0] for k in pairs)
        cycle = max(k[1] for k in pairs if k[0] == replica)
        return [stored[replica, cycle, at].read() for at in ("charge", "discharge")]
    return [stored[max(stored, key=lambda k: (-k[0], k[1]))].read()] if stored else []


def transition_metals(run: Run, snapshot: Snapshot) -> set[str]:
    """Elements whose role is TM in ``resolved.toml``; an element without a role counts when its charge exceeds 1."""
    elements = run.scenario.get("elements", {})
    found = set()
    for symbol, charge in snapshot.species.values():
        role = elements.get(symbol, {}).get("role", "TM" if charge > 1 else "pillar")
        if role == "TM":
            found.add(symbol)
    return found


def ion_marks(snapshot: Snapshot) -> dict[str, Mark]:
    """Mark of every element in the species table: fixed colours for Li, Ni, Co, Mn; grey-scale or shaped marks for dopants."""
    symbols = sorted({symbol for symbol, _ in snapshot.species.values()})
    marks = {}
    for symbol in symbols:
        if colour := ION_COLOUR.get(symbol):
            radius = LI if symbol == "Li" else TM
            marks[symbol] = Mark(symbol, colour, "#555555", "o", radius, 2.0)
        else:
            shape, colour = DOPANT_LOOKS[
                sum(s not in ION_COLOUR for s in marks) % len(DOPANT_LOOKS)
            ]
            marks[symbol] = Mark(symbol, colour, BLACK, shape, DOPANT, 2.0)
    return marks


def _in_tet(mark: Mark, kind: int) -> Mark:
    shape, word = ("^", "up") if kind == TET_UP else ("v", "down")
    return Mark(f"{mark.label} (tet {word})", mark.face, BLACK, shape, 0.85, 3.0)


def _draw_cations(canvas: Canvas, snapshot: Snapshot, gap: int, cut: Cut, tms: set[str]) -> None:
    marks = ion_marks(snapshot)
    for kind in (OCT, TET_UP, TET_DOWN):
        held = cut.of(snapshot.occupancy[gap, kind])
        place = cut.of(snapshot.positions_A(gap, kind))
        if kind == OCT:
            canvas.sites(VACANCY, place[held == 0])
        for index in np.unique(held[(held != 0) & (held != OUTSIDE)]):
            symbol = snapshot.species[int(index)][0]
            mark = marks[symbol] if kind == OCT else _in_tet(marks[symbol], kind)
            canvas.sites(mark, place[held == index])
            if gap % 2 == 1 and symbol in tms:
                canvas.sites(RING, place[held == index])


def _draw_anions(
    canvas: Canvas, snapshot: Snapshot, plane: int, cut: Cut, lift: float = 0.0
) -> None:
    """O sites of a plane and their half bonds; `lift` in angstrom moves the plane up (its periodic image)."""
    classes = snapshot.anion_state[plane].astype(np.int64)
    place = snapshot.positions_A(plane, 0) + np.array([0.0, 0.0, lift])
    sites, kinds, vectors = snapshot.bonds(plane)
    classes[sites[:, 0], sites[:, 1]] = PEROXO_BOND + kinds
    inside = np.zeros(classes.shape, dtype=bool)
    inside[cut.j, cut.i] = True
    for value, mark in ANIONS.items():
        canvas.sites(mark, place[inside & (classes == value)])
        if mark.bond:
            use = (kinds == value - PEROXO_BOND) & inside[sites[:, 0], sites[:, 1]]
            canvas.half_bonds(mark, place[sites[use, 0], sites[use, 1]], vectors[use])


def _middle(n: int, most: int) -> slice:
    start = max(0, (n - most) // 2)
    return slice(start, min(n, start + most))


def _outline(ax: Axes, corners: Array, cropped: bool) -> None:
    style = ":" if cropped else "-"
    ax.add_patch(
        Polygon(corners, fill=False, edgecolor=GREY, linewidth=0.9, linestyle=style, zorder=0.5)
    )


def _frame(ax: Axes, corners: Array, labels: tuple[str, str]) -> None:
    low, high = corners.min(axis=0) - 1.3, corners.max(axis=0) + 1.3
    ax.set(
        xlim=(low[0], high[0]),
        ylim=(low[1], high[1]),
        xlabel=labels[0],
        ylabel=labels[1],
        aspect="equal",
    )
    ax.grid(False)


def _state(snapshot: Snapshot) -> str:
    volt = f", {snapshot.voltage_V:.2f} V" if np.isfinite(snapshot.voltage_V) else ""
    return f"cycle {snapshot.cycle}, {snapshot.moment()}{volt}"


def _legend(body: SubFigure, canvases: list[Canvas], cropped: bool) -> None:
    used: dict[str, Mark] = {}
    for canvas in canvases:
        used.update(canvas.used)
    keys = [_key(mark) for mark in sorted(used.values(), key=_rank)]
    outline = "part of the box" if cropped else "box outline"
    keys.append(
        Line2D([], [], color=GREY, linewidth=0.9, linestyle=":" if cropped else "-", label=outline)
    )
    legend_below(body, keys, 6)


def _rank(mark: Mark) -> tuple[int, int, str]:
    """Legend order: host cations, dopants, tet ions, vacancy, ring, anions."""
    anions = [m.label for m in ANIONS.values()]
    if mark.label in anions:
        return 3, anions.index(mark.label), ""
    if mark.label in ION_COLOUR:
        return 0, list(ION_COLOUR).index(mark.label), ""
    return (
        (2, int(mark is RING), "") if mark in (VACANCY, RING) else (1, int(mark.order), mark.label)
    )


def _key(mark: Mark) -> Line2D:
    return Line2D(
        [],
        [],
        linestyle="-" if mark.bond else "none",
        color=mark.face if mark.bond else BLACK,
        linewidth=2.2,
        marker=mark.shape,
        markersize=8.5 * mark.radius + 1.5,
        markerfacecolor=mark.face,
        markeredgecolor=mark.edge,
        markeredgewidth=1.6 if mark is RING else 0.6,
        label=mark.label,
    )


# ---- top view ---------------------------------------------------------------------------------------------------------


def top_view(run: Run, snapshots: list[Snapshot]) -> Figure:
    """One TM layer (upper row) and the Li layer above it (lower row), one column per snapshot, seen along the stacking axis."""
    first = snapshots[0]
    cut = Cut(_middle(first.na, MAX_CELLS), _middle(first.nb, MAX_CELLS))
    corners = _parallelogram(first, cut)
    size = np.ptp(corners, axis=0) + 2.6
    figure, body = new_figure(2 * (PANEL_IN * size[1] / size[0] + 0.35) + 1.3, run.provenance())
    axes = body.subplots(2, len(snapshots), squeeze=False, sharex=True, sharey=True)
    gap = first.planes // 4 * 2  # the TM layer nearest the middle of the stack
    canvases = []
    for column, snapshot in enumerate(snapshots):
        for row, (layer, name) in enumerate(((gap, "TM layer"), (gap + 1, "Li layer"))):
            canvases.append(_top_panel(axes[row, column], run, snapshot, layer, cut, corners))
            axes[row, column].set_title(f"{name} (gap {layer}), {_state(snapshot)}")
    for ax in axes.flat:
        ax.label_outer()
    _legend(body, canvases, _is_cropped(first, cut))
    return figure


def _parallelogram(snapshot: Snapshot, cut: Cut) -> Array:
    ij = [
        (cut.i.start, cut.j.start),
        (cut.i.stop, cut.j.start),
        (cut.i.stop, cut.j.stop),
        (cut.i.start, cut.j.stop),
    ]
    return np.asarray(np.array(ij, dtype=np.float64) @ snapshot.lateral_axes_A())


def _is_cropped(snapshot: Snapshot, cut: Cut) -> bool:
    return bool(cut.i.stop - cut.i.start < snapshot.na or cut.j.stop - cut.j.start < snapshot.nb)


def _top_panel(
    ax: Axes, run: Run, snapshot: Snapshot, gap: int, cut: Cut, corners: Array
) -> Canvas:
    canvas = Canvas(ax, lambda xyz: xyz[:, :2])
    _draw_anions(canvas, snapshot, gap, cut)
    _draw_anions(canvas, snapshot, (gap + 1) % snapshot.planes, cut)
    _draw_cations(canvas, snapshot, gap, cut, transition_metals(run, snapshot))
    _outline(ax, corners, _is_cropped(snapshot, cut))
    _frame(ax, corners, ("x (Å)", "y (Å)"))
    return canvas


# ---- side view --------------------------------------------------------------------------------------------------------


def side_view(run: Run, snapshots: list[Snapshot]) -> Figure:
    """Slab one cell thick seen along [100], one panel per snapshot: y to the right, stacking axis up."""
    first = snapshots[0]
    middle = first.na // 2
    cut = Cut(slice(middle, middle + 1), _middle(first.nb, MAX_CELLS))
    planes = _middle(first.planes, MAX_PLANES)
    corners = _rectangle(first, cut, planes)
    size = np.ptp(corners, axis=0) + 2.6
    figure, body = new_figure(PANEL_IN * size[1] / size[0] + 1.4, run.provenance())
    axes = body.subplots(1, len(snapshots), squeeze=False, sharey=True)
    cropped = planes.stop < first.planes or cut.j.stop - cut.j.start < first.nb
    canvases = []
    for ax, snapshot in zip(axes.flat, snapshots, strict=True):
        canvases.append(_side_panel(ax, run, snapshot, cut, planes))
        _outline(ax, corners, cropped)
        _frame(ax, corners, ("y (Å)", "z (Å)"))
        ax.set_title(f"Along [100], i = {middle}, {_state(snapshot)}")
        ax.label_outer()
    _legend(body, canvases, cropped)
    return figure


def _rectangle(snapshot: Snapshot, cut: Cut, planes: slice) -> Array:
    step = snapshot.lateral_axes_A()[1, 1]
    y0, y1 = cut.j.start * step, cut.j.stop * step
    z0, z1 = snapshot.plane_height_A(planes.start), snapshot.plane_height_A(planes.stop)
    return np.array([[y0, z0], [y1, z0], [y1, z1], [y0, z1]])


def _side_panel(ax: Axes, run: Run, snapshot: Snapshot, cut: Cut, planes: slice) -> Canvas:
    canvas = Canvas(ax, lambda xyz: xyz[:, 1:])
    tms = transition_metals(run, snapshot)
    for plane in range(planes.start, planes.stop):
        _draw_anions(canvas, snapshot, plane, cut)
        _draw_cations(canvas, snapshot, plane, cut, tms)
    # The plane that closes the last gap; beyond the top of the box it is the periodic image of plane 0.
    top = planes.stop % snapshot.planes
    lift = snapshot.plane_height_A(planes.stop) - snapshot.plane_height_A(top)
    _draw_anions(canvas, snapshot, top, cut, lift)
    return canvas
