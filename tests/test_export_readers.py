"""Opens exported files with the programs they are meant for and compares them with the snapshot they come from.

    test_export_readers.py SNAPSHOT DIRECTORY    SNAPSHOT = RUN.h5:CYCLE:AT

DIRECTORY holds `kmc export` of SNAPSHOT as plain.extxyz, plain.extxyz.gz, plain.poscar, plain.cif, plain.lammps, plain.vtp and, with
--relax-dimers, relaxed.extxyz.  ASE, pymatgen, OVITO (PyPI ovito) and VTK have to find composition, cell and the number of neighbours within
2.3 A (each cation with its O) that follow from the snapshot's bytes.  A package that is not installed is named and skipped
(pip install './analysis[formats]' has all).  Prints `N passed, N failed`; exit status 1 on failure.
"""

import collections
import importlib.util
import itertools
import sys
import warnings

import numpy as np
from test_export_ase import expected_cell, expected_sites, read_snapshot

CUTOFF_A = 2.3  # between the longest contact of a cation with its O (2.1) and the shortest of other ions on ideal sites
BOND_A = {0: 1.45, 1: 1.33, 2: 1.21}  # by the number of molecular O of both


def with_images(cell, positions):
    """The positions, then those of the 26 images around."""
    shifts = [s for s in itertools.product((-1, 0, 1), repeat=3) if any(s)]
    return np.concatenate([positions, *(positions + np.array(s) @ cell for s in shifts)])


def neighbours(cell, positions):
    """(pairs within the cutoff, each counted from both ends; site indices of them)"""
    images = with_images(cell, positions)
    first, second = [], []
    for k, position in enumerate(positions):
        near = np.nonzero(np.linalg.norm(images - position, axis=1) < CUTOFF_A)[0]
        near = near[near != k]
        first += [k] * len(near)
        second += list(near % len(positions))
    return len(first), np.array(first), np.array(second)


class Expected:
    """What follows from the bytes of a snapshot."""

    def __init__(self, path):
        fields, species, occupancy = read_snapshot(path)
        self.sites = expected_sites(fields, species, occupancy)
        self.composition = collections.Counter(site[0] for site in self.sites)
        self.charges = np.array([site[1] for site in self.sites])
        self.positions = np.array([site[3] for site in self.sites])
        self.cell = expected_cell(fields)
        self.ids = np.array([site[4] for site in self.sites])
        self.n_neighbours, first, second = neighbours(self.cell, self.positions)
        kind = self.ids // (int(fields["na"]) * int(fields["nb"])) % 4
        share = np.where(kind == 1, self.charges / 6, self.charges / 4)
        self.s_o = np.zeros(len(self.sites))
        np.add.at(
            self.s_o, first, np.where((kind[first] == 0) & (kind[second] != 0), share[second], 0)
        )
        self.bonded = int(np.isin(occupancy[:, 0] & 15, (2, 3)).sum())

    def compare(self, name, composition, cell, n_neighbours):
        yield f"{name}: composition", dict(composition) == dict(self.composition)
        yield f"{name}: cell", np.allclose(cell, self.cell, atol=2e-6)
        yield f"{name}: neighbours within {CUTOFF_A} A", n_neighbours == self.n_neighbours


def bond_lengths(atoms):
    from ase.neighborlist import neighbor_list

    first, second, length = neighbor_list("ijd", atoms, {("O", "O"): 1.6})
    state = atoms.arrays["state"]
    molecular = {"peroxo": 0, "superoxo": 1, "O2": 2}
    wanted = np.array([BOND_A[molecular[state[k]]] for k in first])
    return (
        len(first),
        np.abs(length - wanted).max() if len(first) else 0.0,
        all(state[first] == state[second]),
    )


def check_ase(expected, folder):
    import ase.io
    from ase.neighborlist import neighbor_list

    read = {
        "extxyz": dict(filename="plain.extxyz"),
        "extxyz.gz": dict(filename="plain.extxyz.gz"),
        "poscar": dict(filename="plain.poscar", format="vasp"),
        "cif": dict(filename="plain.cif"),
        "lammps": dict(filename="plain.lammps", format="lammps-dump-text"),
    }
    for name, how in read.items():
        atoms = ase.io.read(**{**how, "filename": f"{folder}/{how['filename']}"})
        pairs = len(neighbor_list("i", atoms, CUTOFF_A))
        # of a CIF only lengths and angles are kept: the cell may be turned
        cell = (
            expected.cell
            if name == "cif"
            and np.allclose(atoms.cell.cellpar(), ase.cell.Cell(expected.cell).cellpar(), atol=2e-6)
            else atoms.cell.array
        )
        yield from expected.compare(f"ASE, {name}", collections.Counter(atoms.symbols), cell, pairs)
        if name == "lammps":
            yield (
                "ASE, lammps: charges",
                np.array_equal(atoms.get_initial_charges(), expected.charges),
            )
    atoms = ase.io.read(f"{folder}/plain.extxyz")
    yield (
        "ASE: charge shared with each anion",
        np.allclose(atoms.arrays["S_o"], expected.s_o, atol=1e-4),
    )
    count, error, agree = bond_lengths(ase.io.read(f"{folder}/relaxed.extxyz"))
    yield "ASE, relaxed: every dimer is a short bond", count == expected.bonded and count > 0
    yield "ASE, relaxed: bonds have the length of their state", agree and error < 1e-5


def check_pymatgen(expected, folder):
    from pymatgen.core import Structure
    from pymatgen.io.lammps.outputs import parse_lammps_dumps

    for name in ("cif", "poscar"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # thirds are rounded
            structure = Structure.from_file(f"{folder}/plain.{name}")
        composition = {str(e): int(n) for e, n in structure.composition.element_composition.items()}
        pairs = len(structure.get_neighbor_list(CUTOFF_A)[0])
        parameters = np.allclose(
            structure.lattice.parameters, parameters_of(expected.cell), atol=2e-6
        )
        cell = expected.cell if parameters else structure.lattice.matrix
        yield from expected.compare(f"pymatgen, {name}", composition, cell, pairs)
        if name == "cif":
            charge = sum(getattr(site.specie, "oxi_state", 0) for site in structure)
            yield "pymatgen, cif: oxidation states", charge == expected.charges.sum()
    dump = next(parse_lammps_dumps(f"{folder}/plain.lammps"))
    yield (
        "pymatgen, lammps: composition",
        dict(dump.data["element"].value_counts()) == dict(expected.composition),
    )


def parameters_of(cell):
    lengths = np.linalg.norm(cell, axis=1)
    cosines = [
        cell[(k + 1) % 3] @ cell[(k + 2) % 3] / lengths[(k + 1) % 3] / lengths[(k + 2) % 3]
        for k in range(3)
    ]
    return [*lengths, *np.degrees(np.arccos(cosines))]


def check_ovito(expected, folder):
    from ovito.data import CutoffNeighborFinder
    from ovito.io import import_file

    for name in ("extxyz", "extxyz.gz", "poscar", "cif", "lammps"):
        data = import_file(f"{folder}/plain.{name}").compute()
        types = data.particles.particle_types
        names = {t.id: t.name for t in types.types}
        composition = collections.Counter(names[t] for t in types[...])
        finder = CutoffNeighborFinder(CUTOFF_A, data)
        pairs = sum(1 for k in range(data.particles.count) for _ in finder.find(k))
        cell = np.array(data.cell[:, :3]).T
        if name == "cif" and np.allclose(
            parameters_of(cell), parameters_of(expected.cell), atol=2e-6
        ):
            cell = expected.cell
        yield from expected.compare(f"OVITO, {name}", composition, cell, pairs)
    data = import_file(f"{folder}/plain.extxyz").compute()
    yield (
        "OVITO: site ids",
        np.array_equal(data.particles["Particle Identifier"][...], expected.ids),
    )
    yield (
        "OVITO: oxidation states",
        np.array_equal(data.particles["oxidation"][...], expected.charges),
    )
    yield from check_legend(expected, folder)


def check_legend(expected, folder):
    """analysis/ovito_legend.py colours elements, and O by state, in both formats that carry states."""
    sys.path.insert(0, "analysis")
    from ovito.io import import_file

    import ovito_legend as legend

    symbols = [site[0] for site in expected.sites]
    for name in ("extxyz", "lammps"):
        pipeline = import_file(f"{folder}/plain.{name}")
        pipeline.modifiers.append(legend.modify)
        particles = pipeline.compute().particles
        states = legend.states_of(particles)
        wanted = [
            legend.STATE.get(s, legend.ELEMENT.get(e, legend.DOPANT)[0])
            for s, e in zip(states, symbols, strict=True)
        ]
        radii = {t.name: t.radius for t in particles.particle_types.types}
        yield (
            f"OVITO, legend on {name}: colours",
            np.allclose(particles["Color"][...], wanted, atol=1e-6),
        )
        yield (
            f"OVITO, legend on {name}: radii",
            all(abs(radii[e] - legend.ELEMENT[e][1]) < 1e-6 for e in set(symbols)),
        )
        yield (
            f"OVITO, legend on {name}: O2 is there",
            states.count("O2") > 0 and set(states) <= set(legend.STATE_CODES),
        )


def check_vtk(expected, folder):
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName(f"{folder}/plain.vtp")
    reader.Update()
    data = reader.GetOutput()
    field, point = data.GetFieldData(), data.GetPointData()
    names = field.GetAbstractArray("type_names")
    types = vtk_to_numpy(point.GetArray("type"))
    composition = collections.Counter(names.GetValue(int(t)) for t in types)
    cell = vtk_to_numpy(field.GetArray("Lattice"))
    positions = vtk_to_numpy(data.GetPoints().GetData())
    points = vtk.vtkPoints()
    points.SetDataTypeToDouble()
    points.SetData(numpy_to_vtk(with_images(cell, positions), deep=True))
    cloud = vtk.vtkPolyData()
    cloud.SetPoints(points)
    locator = vtk.vtkStaticPointLocator()
    locator.SetDataSet(cloud)
    locator.BuildLocator()
    near, pairs = vtk.vtkIdList(), 0
    for position in positions:
        locator.FindPointsWithinRadius(CUTOFF_A, position, near)
        pairs += near.GetNumberOfIds() - 1
    yield from expected.compare("VTK", composition, cell, pairs)
    yield "VTK: positions", np.allclose(positions, expected.positions, atol=2e-6)
    yield "VTK: vertices", data.GetNumberOfVerts() == len(expected.sites)
    yield "VTK: ids", np.array_equal(vtk_to_numpy(point.GetArray("id")), expected.ids)
    yield (
        "VTK: oxidation states",
        np.array_equal(vtk_to_numpy(point.GetArray("oxidation")), expected.charges),
    )
    yield (
        "VTK: charge shared",
        np.allclose(vtk_to_numpy(point.GetArray("S_o")), expected.s_o, atol=1e-4),
    )


READERS = {"ase": check_ase, "pymatgen": check_pymatgen, "ovito": check_ovito, "vtk": check_vtk}


def main(snapshot, folder):
    expected = Expected(snapshot)
    passed = failed = 0
    for package, reader in READERS.items():
        if importlib.util.find_spec(package) is None:
            print(f"skipped: no package {package}")
            continue
        for name, good in reader(expected, folder):
            passed, failed = passed + bool(good), failed + (not good)
            if not good:
                print(f"FAILED {name}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: test_export_readers.py SNAPSHOT DIRECTORY")
    sys.exit(main(*sys.argv[1:]))
