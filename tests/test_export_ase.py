"""Reads exported structures with ASE and compares them with the snapshot they come from.

    test_export_ase.py SNAPSHOT EXTXYZ POSCAR [SNAPSHOT EXTXYZ POSCAR ...]    SNAPSHOT = RUN.h5:CYCLE:AT

The files are those of `kmc export` without --with-vacancies.  Composition, cell, number of sites and positions are derived here
once more from the letters and bytes of run.h5, independently of the C program.  Prints `N passed, N failed`; exit status 1 on failure.
"""

import collections
import sys

import ase.io
import h5py
import numpy as np

OXYGEN_CHARGE = {0: -2, 1: -1, 2: -1, 3: 0}
ANIONS = {0: "O", 1: "O", 2: "O", 3: "O", 4: "F", 5: "S", 6: "Cl"}
ANION_CHARGE = {**OXYGEN_CHARGE, 4: -1, 5: -2, 6: -1}


def read_snapshot(place):
    """Header as a dictionary (species: index -> (symbol, charge)) and the occupancy bytes [plane, kind, j, i], with plain h5py."""
    path, cycle, at = place.rsplit(":", 2)
    with h5py.File(path) as file:
        rows, attributes = file["frames"][:], dict(file.attrs)
        half = h5py.check_enum_dtype(rows.dtype["at"])[at]
        chosen = (rows["replica"] == 0) & (rows["cycle"] == int(cycle)) & (rows["at"] == half)
        (frame,) = np.flatnonzero(chosen & np.isnan(rows["passed_V"]))
        body = file["occupancy"][frame]
        symbols = enumerate(file["species"][:].tolist())
    fields = {key: str(attributes[key]) for key in ("a_A", "tm_gap_A", "li_gap_A")}
    fields["letters"] = attributes["letters"].decode()
    fields["planes"] = len(fields["letters"])
    species = {k: (symbol.decode(), charge) for k, (symbol, charge) in symbols if k > 0}
    shape = fields["planes"], 4, attributes["cells_b"], attributes["cells_a"]
    fields |= {"na": attributes["cells_a"], "nb": attributes["cells_b"]}
    fields |= {key: rows[frame][key] for key in ("cycle", "voltage_V", "time_s")}
    return fields, species, body.reshape(shape)


def site_position(fields, plane, kind, j, i):
    """Cartesian position in angstrom: O on its plane, oct at the third letter and h/2, tets at h/4 (upper letter) and 3h/4 (lower letter)."""
    letters, n = fields["letters"], int(fields["planes"])
    lower, upper = ("ABC".index(letters[k % len(letters)]) for k in (plane, (plane + 1) % n))
    gaps = [float(fields["tm_gap_A"]), float(fields["li_gap_A"])]
    lateral = [lower, 3 - lower - upper, upper, lower][kind] / 3
    height = [0, 1 / 2, 1 / 4, 3 / 4][kind] * gaps[plane % 2] + sum(gaps[k % 2] for k in range(plane))
    a1, a2 = float(fields["a_A"]) * np.array([[1, 0, 0], [0.5, np.sqrt(0.75), 0]])
    return (i + lateral) * a1 + (j + lateral) * a2 + np.array([0, 0, height])


def expected_sites(fields, species, occupancy):
    """(symbol, charge, layer, position, site id) of every site that holds an ion."""
    sites = []
    for site, byte in enumerate(occupancy.flat):
        plane, kind, j, i = np.unravel_index(site, occupancy.shape)
        if kind == 0 and byte & 15 in ANIONS:
            ion = ANIONS[byte & 15], ANION_CHARGE[byte & 15], "O"
        elif kind != 0 and byte in species:
            ion = *species[byte], "Li" if plane % 2 else "TM"
        else:
            continue
        sites.append((*ion, site_position(fields, plane, kind, j, i), site))
    return sites


def expected_cell(fields):
    a, planes = float(fields["a_A"]), int(fields["planes"])
    c = planes / 2 * (float(fields["tm_gap_A"]) + float(fields["li_gap_A"]))
    na, nb = int(fields["na"]), int(fields["nb"])
    return np.array([[na * a, 0, 0], [nb * a / 2, nb * a * np.sqrt(0.75), 0], [0, 0, c]])


def apart(cell, found, expected):
    """Largest distance between positions of the same row, modulo the cell, in angstrom."""
    fractions = np.linalg.solve(cell.T, (found - expected).T).T
    return np.abs((fractions - np.round(fractions)) @ cell).max()


def nearest_apart(cell, found, expected):
    """The same for any order of rows: each expected position's nearest found one, each found one used once."""
    used = set()
    worst = 0.0
    for position in expected:
        fractions = np.linalg.solve(cell.T, (found - position).T).T
        distances = np.linalg.norm((fractions - np.round(fractions)) @ cell, axis=1)
        nearest = int(distances.argmin())
        if nearest in used:
            return np.inf
        used.add(nearest)
        worst = max(worst, distances[nearest])
    return worst


def check(snapshot_path, extxyz_path, poscar_path):
    """Yields (name, passed) of every comparison for one snapshot."""
    fields, species, occupancy = read_snapshot(snapshot_path)
    sites = expected_sites(fields, species, occupancy)
    composition = collections.Counter(site[0] for site in sites)
    positions = np.array([site[3] for site in sites])
    cell = expected_cell(fields)
    xyz = ase.io.read(extxyz_path, format="extxyz")
    poscar = ase.io.read(poscar_path, format="vasp")
    for name, atoms in (("extxyz", xyz), ("poscar", poscar)):
        yield f"{name}: number of sites", len(atoms) == len(sites)
        yield f"{name}: composition", collections.Counter(atoms.symbols) == composition
        yield f"{name}: cell", np.allclose(atoms.cell.array, cell, atol=1e-6)
        yield f"{name}: periodic", bool(atoms.pbc.all())
    yield "extxyz: positions", apart(cell, xyz.positions, positions) < 2e-6
    yield "extxyz: symbols in site order", list(xyz.symbols) == [site[0] for site in sites]
    yield "extxyz: id", list(xyz.arrays["id"]) == [site[4] for site in sites]
    yield "extxyz: layer", list(xyz.arrays["layer"]) == [site[2] for site in sites]
    yield "extxyz: oxidation", list(xyz.arrays["oxidation"]) == [site[1] for site in sites]
    yield "extxyz: cycle", xyz.info["cycle"] == int(fields["cycle"])
    yield "extxyz: time_s", abs(xyz.info["time_s"] - float(fields["time_s"])) < 1e-5
    voltage = float(fields["voltage_V"])
    yield "extxyz: voltage_V", np.isnan(voltage) or abs(xyz.info["voltage_V"] - voltage) < 1e-5
    yield "extxyz: read without naming the format", len(ase.io.read(extxyz_path)) == len(sites)
    for symbol in composition:
        found = poscar.positions[np.array(poscar.symbols) == symbol]
        wanted = np.array([site[3] for site in sites if site[0] == symbol])
        yield f"poscar: positions of {symbol}", nearest_apart(cell, found, wanted) < 1e-6


def main(paths):
    if not paths or len(paths) % 3:
        sys.exit("usage: test_export_ase.py SNAPSHOT EXTXYZ POSCAR [SNAPSHOT EXTXYZ POSCAR ...]")
    passed = failed = 0
    for first in range(0, len(paths), 3):
        for name, good in check(*paths[first : first + 3]):
            passed, failed = passed + bool(good), failed + (not good)
            if not good:
                print(f"FAILED {paths[first]}: {name}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
