"""store: where the snapshots of a run lie, and ``run.h5``, which holds those of a run that is complete.

Until then each is a file of ``snapshots/``; older programs left them there.  Layout of ``run.h5``: the program's ``kmc/store.h``; any reader of
HDF5 opens it:

    with h5py.File("run.h5") as f:
        frames = pd.DataFrame(f["frames"][:])   # replica, cycle, at (0 initial, 1 charge, 2 discharge), voltage_V, passed_V, li, time_s
        bytes = f["occupancy"][5]               # of frame 5, in the order of site ids
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from .run import RunError

if TYPE_CHECKING:
    from .snapshot import Snapshot

Key = tuple[int, int, str]  # replica, cycle, at

FORMAT = "lrm-kmc store 1"
HALF = ("initial", "charge", "discharge")
FILE_NAME = re.compile(r"r(\d+)_c(\d+)_(initial|(?:dis)?charge(?:@\d+\.\d{3})?)\.snap")
COLUMNS = ("replica", "cycle", "at", "voltage_V", "passed_V", "li", "time_s")


@dataclass(frozen=True)
class Stored:
    """A file of ``snapshots/``, or a frame of ``run.h5``."""

    path: Path
    frame: int | None = None

    def __str__(self) -> str:
        return str(self.path) if self.frame is None else f"{self.path}: frame {self.frame}"

    def read(self) -> Snapshot:
        """The snapshot.  Raises RunError when it is damaged or not of the format."""
        from .snapshot import parse_snapshot, read_snapshot

        if self.frame is None:
            return read_snapshot(self.path)
        with _opened(self.path) as file:
            header, species = _header(self.path, file, self.frame)
            body = _dataset(self.path, file, "occupancy", 2)[self.frame]
            if body.dtype != np.uint8:
                raise RunError(f"{self}: expected one byte a site, found {body.dtype}")
        return parse_snapshot(str(self), header, species, body.tobytes())


def normal_moment(at: str) -> str:
    """``charge@4.4`` as files and tables have it, ``charge@4.400``; others as they are."""
    half, sign, voltage = at.partition("@")
    try:
        return f"{half}@{float(voltage):.3f}" if sign else at
    except ValueError:
        return at


def moment_order(at: str) -> tuple[int, float]:
    """Sorts the moments of a cycle by time: voltages passed, then the end of the half-cycle."""
    half, _, voltage = at.partition("@")
    sign = -1.0 if half == "discharge" else 1.0
    return HALF.index(half), sign * float(voltage) if voltage else math.inf


def find_stored(directory: Path) -> dict[Key, Stored]:
    """All snapshots of a run, ordered by replica, cycle and time; a file counts before a frame of the same key.

    Raises RunError when ``run.h5`` is damaged or not of the format.
    """
    found: dict[Key, Stored] = {}
    store = directory / "run.h5"
    if store.exists():
        with _opened(store) as file:
            for k, row in enumerate(_frames(store, file)):
                found[int(row["replica"]), int(row["cycle"]), _moment(store, row)] = Stored(
                    store, k
                )
    for path in (directory / "snapshots").glob("*.snap"):
        if match := FILE_NAME.fullmatch(path.name):
            found[int(match[1]), int(match[2]), match[3]] = Stored(path)
    order = sorted(found, key=lambda key: (key[0], key[1], moment_order(key[2])))
    return {key: found[key] for key in order}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Problems of HDF5 become RunError."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            if _attribute(path, file, "format") != FORMAT:
                raise RunError(f"{path}: attribute 'format': expected '{FORMAT}', found another")
            yield file
    except (OSError, KeyError, ValueError, RuntimeError) as problem:
        raise RunError(f"{path}: expected a whole run.h5, found: {problem}") from None


def _dataset(path: Path, file: Any, name: str, dimensions: int) -> Any:
    link = file.get(name, getlink=True)
    data = file[name] if isinstance(link, h5py.HardLink) else None
    if not isinstance(data, h5py.Dataset) or data.ndim != dimensions or data.is_virtual:
        raise RunError(f"{path}: expected dataset '{name}' of {dimensions} dimensions, found none")
    return data


def _attribute(path: Path, file: Any, name: str) -> str:
    if name not in file.attrs:
        raise RunError(f"{path}: attribute '{name}' is missing")
    value = file.attrs[name]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _frames(path: Path, file: Any) -> Any:
    rows = _dataset(path, file, "frames", 1)[:]
    if missing := [c for c in COLUMNS if c not in (rows.dtype.names or ())]:
        raise RunError(f"{path}: frames: column '{missing[0]}' is missing")
    sites = _dataset(path, file, "occupancy", 2)
    if len(sites) != len(rows):
        raise RunError(f"{path}: occupancy: expected {len(rows)} frames, found {len(sites)}")
    return rows


def _moment(path: Path, row: Any) -> str:
    if not 0 <= int(row["at"]) < len(HALF):
        raise RunError(f"{path}: frames: expected at from 0 to 2, found {row['at']}")
    half, passed = HALF[int(row["at"])], float(row["passed_V"])
    return half if math.isnan(passed) else f"{half}@{passed:.3f}"


def _header(path: Path, file: Any, frame: int) -> tuple[dict[str, str], dict[int, tuple[str, int]]]:
    """What the text of a single snapshot says, from attributes and tables."""
    row = _frames(path, file)[frame]
    letters = _attribute(path, file, "letters")
    header = {
        "na": _attribute(path, file, "cells_a"),
        "nb": _attribute(path, file, "cells_b"),
        "letters": letters,
        "planes": str(len(letters)),
        "cycle": str(row["cycle"]),
        "at": _moment(path, row),
        "replica": str(row["replica"]),
        "voltage_V": repr(float(row["voltage_V"])),
        "time_s": repr(float(row["time_s"])),
    }
    for key in ("a_A", "tm_gap_A", "li_gap_A", "scenario", "parameter_hash", "version", "git_hash"):
        header[key] = _attribute(path, file, key)
    species = {
        k: (symbol.decode("ascii", "replace"), int(charge))
        for k, (symbol, charge) in enumerate(_dataset(path, file, "species", 1)[:].tolist())
        if k > 0
    }
    return header, species
