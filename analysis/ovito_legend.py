"""ovito_legend: colours and radii for `kmc export` files in OVITO; O by its state.

Needs the package `ovito` (pip install ovito, or ./analysis[formats]) or OVITO Pro:

    python analysis/ovito_legend.py FILE OUT.png      picture of an exported file
    python analysis/ovito_legend.py FILE OUT.ovito    session that the free OVITO Basic opens (File, Load session state)
    pipeline.modifiers.append(ovito_legend.modify)    in a script; in OVITO Pro: Add modification, Python script, paste this file

Colours are those of the layer pictures (Okabe and Ito, told apart with every common form of colour blindness).  Radii in angstrom are for looks:
cations small enough to see O behind them, no ionic radii.
"""

import sys
from typing import Any

BLACK, ORANGE, SKY, GREEN = (0, 0, 0), (0.90, 0.62, 0), (0.34, 0.71, 0.91), (0, 0.62, 0.45)
YELLOW, BLUE, VERMILLION, PURPLE = (
    (0.94, 0.89, 0.26),
    (0, 0.45, 0.70),
    (0.84, 0.37, 0),
    (0.80, 0.47, 0.65),
)
GREY, LIGHT = (0.5, 0.5, 0.5), (0.77, 0.77, 0.77)

ELEMENT = {  # colour, radius
    "Li": (YELLOW, 0.55),
    "Ni": (GREEN, 0.65),
    "Co": (BLUE, 0.65),
    "Mn": (PURPLE, 0.65),
    "O": (LIGHT, 0.85),
    "F": (GREEN, 0.85),
    "S": (YELLOW, 1.0),
    "Cl": (PURPLE, 1.0),
    "H": (BLACK, 0.3),
    "X": ((1, 1, 1), 0.4),  # vacant site
}
DOPANT = (GREY, 0.65)
STATE = {  # of O; oxide keeps the colour of the element
    "hole": SKY,
    "peroxo": ORANGE,
    "superoxo": VERMILLION,
    "O2": BLACK,
}
STATE_CODES = [
    "oxide",
    "hole",
    "peroxo",
    "superoxo",
    "O2",
    "fluoride",
    "sulfide",
    "chloride",
    "vacancy",
    "cation",
]


def set_types(particles: Any) -> None:
    """Colour and radius of every element of the file."""
    for kind in particles.particle_types.types:
        colour, radius = ELEMENT.get(kind.name, DOPANT)
        writable = particles.particle_types_.type_by_id_(kind.id)
        writable.color, writable.radius = colour, radius


def states_of(particles: Any) -> list[str]:
    """State of every site as text: names in extended XYZ, their numbers in LAMMPS dumps."""
    state = particles["state"][...]
    return [s if isinstance(s, str) else STATE_CODES[int(s)] for s in state]


def modify(frame: int, data: Any) -> None:
    """Modifier function of OVITO's Python interface."""
    particles = data.particles_
    set_types(particles)
    if "state" not in particles:
        return
    colours = {t.id: t.color for t in particles.particle_types.types}
    rows = zip(states_of(particles), particles.particle_types[...], strict=True)
    particles.create_property(
        "Color", data=[STATE.get(state, colours[kind]) for state, kind in rows]
    )


def main(source: str, target: str) -> None:
    from ovito import scene
    from ovito.io import import_file
    from ovito.vis import TachyonRenderer, Viewport

    pipeline = import_file(source)
    pipeline.add_to_scene()
    if target.endswith(".ovito"):
        set_types(
            pipeline.source.data.particles_
        )  # kept without a modifier, which OVITO Basic would lack
        scene.save(target)
        return
    pipeline.modifiers.append(modify)
    view = Viewport(type=Viewport.Type.Perspective, camera_dir=(1, 2, -0.4))
    view.zoom_all()
    view.render_image(
        filename=target, size=(1200, 900), background=(1, 1, 1), renderer=TachyonRenderer()
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: ovito_legend.py FILE OUT.png|OUT.ovito")
    main(*sys.argv[1:])
