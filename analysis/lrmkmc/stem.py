"""stem: the lattice projected along rows of atoms, bright where heavy atoms stand, as a scanning transmission microscope sees it.

    I(x, z) = Σ_atoms Z^1.7 g(x − x_a, z − z_a)        g: Gaussian probe, full width at half maximum 0.8 Å

Z-contrast of a high-angle detector goes as Z^1.6 to Z^1.9 (Pennycook & Jesson, Ultramicroscopy 37 (1991) 14; 1.7 is the usual choice); the
probe is that of an aberration-corrected microscope (estimate, 0.6 to 1.0 Å).  A projection of the whole periodic box at ideal sites: no
channelling, no thermal motion, no noise.

Directions, with a1 and a2 at 60°:  [100] runs along a1, a close-packed row ([010] of C2/m); columns stand a √3/2 apart.  [110] runs along
a1 + a2 ([100] of C2/m); columns stand a/2 apart, and honeycomb order shows as pairs of bright columns with a dark one between them.
"""

from __future__ import annotations

import math

import numpy as np
from ase.data import atomic_numbers
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .fade import Array
from .run import Run, RunError
from .snapshot import Snapshot
from .style import BLUE, VERMILLION, legend_below, new_figure

EXPONENT, PROBE_FWHM_A, PIXEL_A = 1.7, 0.8, 0.1
DIRECTIONS = {"[100]": "along [100]", "[110]": "along [110]"}
SHOWN_A = 26.0  # width of a panel; narrower boxes repeat


def project(snapshot: Snapshot, direction: str) -> tuple[Array, float, float]:
    """Image of a snapshot along "[100]" or "[110]".

    Returns intensities (rows upwards along c, columns across), the mean over the projected depth per atom column so that boxes of any depth
    compare, and the width and height of the (periodic) image in angstrom.  Raises RunError for another direction.
    """
    if direction not in DIRECTIONS:
        raise RunError(f"expected a direction of {', '.join(DIRECTIONS)}, found '{direction}'")
    table = snapshot.table()
    x, y, z = (table[name].to_numpy() for name in ("x_A", "y_A", "z_A"))
    if direction == "[100]":
        across, width = y, snapshot.nb * snapshot.a_A * math.sqrt(0.75)
        depth = snapshot.na
    else:  # rows i - j = constant close on themselves modulo the common divisor of both sizes
        columns = math.gcd(snapshot.na, snapshot.nb)
        across, width = math.sqrt(0.75) * y - 0.5 * x, 0.5 * columns * snapshot.a_A
        depth = snapshot.na * snapshot.nb // columns
    height = snapshot.plane_height_A(snapshot.planes)
    numbers = table["symbol"].map(atomic_numbers).to_numpy(dtype=np.float64)
    shape = max(1, round(height / PIXEL_A)), max(1, round(width / PIXEL_A))
    row = np.rint(z / height * shape[0]).astype(np.int64) % shape[0]
    column = np.rint(across / width * shape[1]).astype(np.int64) % shape[1]
    flat = np.bincount(row * shape[1] + column, numbers**EXPONENT, minlength=shape[0] * shape[1])
    return _blurred(flat.reshape(shape) / depth, width, height), width, height


def _blurred(image: Array, width: float, height: float) -> Array:
    """Convolution with the probe, periodic both ways; the sum stays."""
    sigma = PROBE_FWHM_A / math.sqrt(8.0 * math.log(2.0))
    kz = 2.0 * np.pi * np.fft.fftfreq(image.shape[0], height / image.shape[0])
    kx = 2.0 * np.pi * np.fft.fftfreq(image.shape[1], width / image.shape[1])
    damping = np.exp(-0.5 * sigma**2 * (kz[:, None] ** 2 + kx**2))
    return np.asarray(np.fft.ifft2(np.fft.fft2(image) * damping).real, dtype=np.float64)


def choose(run: Run) -> list[Snapshot]:
    """First and last stored state of the first replica that has two; the last is a discharge where there is one."""
    stored = run.snapshots()
    mine = [k for k in stored if k[0] == next(iter(stored))[0]]
    return [stored[k].read() for k in dict.fromkeys([mine[0], mine[-1]])]


def picture(run: Run) -> Figure:
    """Projections of the first and the last stored state along [100] and [110], and their profiles along c."""
    shown = choose(run)
    figure, body = new_figure(0.7 + 2.1 * max(2, len(shown)), run.provenance())
    grid = body.add_gridspec(len(shown), 3, width_ratios=(1.0, 1.0, 0.75))
    images = {(k, d): project(s, d) for k, s in enumerate(shown) for d in DIRECTIONS}
    brightest = {
        d: max(float(images[k, d][0].max()) for k in range(len(shown))) for d in DIRECTIONS
    }
    for (k, direction), (image, width, height) in images.items():
        column = list(DIRECTIONS).index(direction)
        ax = body.add_subplot(grid[k, column])
        _panel(ax, image, width, height, brightest[direction])
        ax.set_title(f"{_moment(shown[k])}, {DIRECTIONS[direction]}")
        ax.set(xlabel="Distance (Å)", ylabel="" if column else "Height (Å)")
    ax = body.add_subplot(grid[:, 2])
    for k, colour in zip(range(len(shown)), (BLUE, VERMILLION), strict=False):
        _profile(ax, shown[k], images[k, "[100]"][0], colour, _moment(shown[k]))
    legend_below(body, ax.get_legend_handles_labels()[0], 2)
    return figure


def _moment(snapshot: Snapshot) -> str:
    if snapshot.at == "initial":
        return "initial"
    word = snapshot.moment() if "@" in snapshot.at else f"{snapshot.at}d"
    return f"cycle {snapshot.cycle}, {word}"


def _panel(ax: Axes, image: Array, width: float, height: float, brightest: float) -> None:
    repeats = max(1, math.ceil(SHOWN_A / width))
    tiled = np.tile(image, (1, repeats))
    ax.imshow(
        tiled,
        cmap="gray",
        origin="lower",
        extent=(0.0, width * repeats, 0.0, height),
        vmin=0.0,
        vmax=brightest,
        interpolation="bilinear",
    )
    ax.set_xlim(0.0, min(SHOWN_A, width * repeats))
    ax.set_ylim(0.0, min(SHOWN_A, height))
    ax.grid(visible=False)


def _profile(ax: Axes, snapshot: Snapshot, image: Array, colour: str, label: str) -> None:
    """Intensity along c, mean across; TM that moved raise the rows of the Li layers."""
    rows = image.mean(axis=1)
    z = (np.arange(len(rows)) + 0.5) * snapshot.plane_height_A(snapshot.planes) / len(rows)
    ax.plot(rows / rows.max(), z, color=colour, linewidth=1.3, label=label)
    ax.set(title="Profile along c", ylabel="Height (Å)", xlabel="Intensity (1 = brightest row)")
    ax.set_xlim(0.0, 1.05)
    ax.set_ylim(0.0, min(SHOWN_A, float(z[-1])))
