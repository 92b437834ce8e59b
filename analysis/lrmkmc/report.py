"""report: one HTML file of one or more runs, without network access, to be mailed.

Numbers are those of the run directories and of ``kmc compare``; this file chooses, words and lays out.  The page's text is in
``assets/report.html`` (Jinja2), its looks and scripts beside it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from . import contrast, figures, svg, viewer
from .fade import mean_interval
from .run import Record, Run, RunError, load_run
from .study import Comparison, Study, compare, find_program, load_study

ASSETS = Path(__file__).parent / "assets"
MAX_FIGURES_BYTES = 7_000_000  # together with the states of the viewer the page stays below 10 MB
BIG_FIGURES = ("layers_top", "layers_side")  # left out first
CAPTIONS = {
    "voltage_profiles": "Voltage against capacity of each half-cycle. Solid: charge, dashed: discharge.",
    "dqdv": "Differential capacity by cycle; discharge downwards.",
    "capacity": "Charge and discharge capacity, and their ratio.",
    "mean_voltages": "Mean voltages and the line whose slope is the voltage fade.",
    "structure": "Transition metals that moved into Li layers, and oxidised oxygen.",
    "redox_couples": "Which redox couple gives the charge, at which voltage.",
    "voids": "Sizes of voids and what happened to them.",
    "cluster_sizes": "Voids by size. A void is a connected cluster of vacant sites.",
    "oxygen_budget": "Where the oxygen is, and how much of the O₂ a discharge reduces.",
    "depth_profiles": "Profiles from the surface inwards.",
    "layers_top": "A TM layer and a Li layer from above.",
    "layers_side": "A slab one cell thick, from the side.",
    "stem": "Projection along rows of atoms, brightness as Z^1.7: what a dark-field electron microscope "
    "would see of ideal rows; not an image simulation.",
}
CYCLE_COLUMNS = (  # column of cycles.csv, heading, factor, decimals
    ("charge_capacity_mAh_per_g", "Charge (mAh/g)", 1.0, 1),
    ("discharge_capacity_mAh_per_g", "Discharge (mAh/g)", 1.0, 1),
    ("coulombic_efficiency", "Efficiency (%)", 100.0, 2),
    ("mean_charge_voltage_V", "V charge (V)", 1.0, 4),
    ("mean_discharge_voltage_V", "V discharge (V)", 1.0, 4),
    ("hysteresis_V", "Hysteresis (V)", 1.0, 4),
    ("plateau_charge_mAh_per_g", "Plateau (mAh/g)", 1.0, 1),
    ("tm_li_layer_charge", "TM in Li layer, charged (%)", 100.0, 2),
    ("tm_li_layer_discharge", "discharged (%)", 100.0, 2),
    ("o_molecular_charge", "O in O₂, charged (%)", 100.0, 2),
    ("cluster_largest_charge", "Largest void (sites)", 1.0, 0),
)
TILES = (  # metric, words, factor, unit
    ("voltage_fade_mV_per_cycle", "Voltage fade", 1.0, "mV/cycle"),
    ("capacity_retention", "Capacity retention", 100.0, "%"),
    ("initial_coulombic_efficiency", "First coulombic efficiency", 100.0, "%"),
    ("mean_hysteresis_V", "Mean hysteresis", 1e3, "mV"),
)
RECORDS = {
    "voltage_fade_mV_per_cycle": "Voltage fade, least squares",
    "voltage_fade_endpoint_mV_per_cycle": "Voltage fade, end points",
    "window_voltage_fade_mV_per_cycle": "Voltage fade, fixed capacity window",
    "capacity_fade_mAh_per_g_per_cycle": "Capacity fade",
    "energy_fade_Wh_per_kg_per_cycle": "Energy fade",
    "initial_coulombic_efficiency": "First coulombic efficiency",
    "capacity_retention": "Capacity retention",
    "energy_retention": "Energy retention",
    "mean_hysteresis_V": "Mean hysteresis",
}
TERMS = (
    ("Voltage fade", "Minus the least-squares slope of the mean discharge voltage over the stated cycles, per replica."),
    ("Fixed capacity window", "The same of the mean voltage inside a fixed window of capacity, free of the loss of capacity."),
    ("Mean voltage", "Integral of V dq over the half-cycle, divided by its charge; hysteresis is charge minus discharge."),
    ("Interval", "95 % Student t interval of the mean over replicas, independent crystals of one scenario."),
    ("Plateau", "Charge passed between 4.4 and 4.7 V, where lattice oxygen is oxidised (limits: protocol.plateau_*)."),
    ("TM in Li layer", "Share of the transition metals that are in octahedra or tetrahedra of the Li layers."),
    ("Void", "Connected cluster of vacant octahedra and vacant O; its size is their number."),
    ("Paired", "Runs of the same seed start from the same disorder; differences are taken replica by replica."),
)  # fmt: skip
CLAIMS = (
    "What may be read from this: differences between stackings, compositions and protocols at shared "
    "parameters, shapes and orderings, each with its interval.",
    "What may not: absolute mV per cycle of a material. 0.1 eV in a barrier is a factor 49 in rate at 298 K.",
)
LIMITS = (
    "The model has no long-range electrostatics, no strain, no shrinking lattice and no liquid electrolyte. "
    "Li is in equilibrium everywhere unless the scenario puts it on the clock, so the C-rate acts through the "
    "time that slow events have. The first coulombic efficiency of an equilibrated crystal is about 1 by "
    "construction. Void percolation needs boxes of 20 to 50 nm.",
    "Slow events and how they are controlled numerically are described in kmc/DESIGN.md of the source.",
)


# ---- what is reported -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """What a report is about: runs by label, and the comparison when the program was there to make it."""

    title: str
    subtitle: str
    runs: dict[str, Run]
    comparison: Comparison | None
    notes: list[str]


def gather(folders: Sequence[Path], kmc: Path | None = None) -> Subject:
    """Reads run and study directories; compares when there are two runs or more.  Raises RunError for unreadable ones."""
    runs: dict[str, Run] = {}
    studies: list[Study] = []
    for folder in folders:
        if (folder / "study.json").is_file():
            studies.append(load_study(folder))
            found = studies[-1].runs
        else:
            run = load_run(folder)
            found = {str(run.info["scenario"]): run}
        for name, run in found.items():
            label = name if name not in runs else f"{name} ({run.path})"
            if label in runs:
                raise RunError(f"{run.path}: given twice")
            runs[label] = run
    title, subtitle = _titles(runs, studies)
    comparison, notes = _comparison(folders, len(runs), kmc)
    return Subject(title, subtitle, runs, comparison, notes)


def _titles(runs: dict[str, Run], studies: list[Study]) -> tuple[str, str]:
    if len(studies) == 1 and len(runs) == len(studies[0].runs):
        info = studies[0].info
        return f"Study {info['study']}", str(info.get("description", ""))
    if len(runs) == 1:
        (label, run), *_ = runs.items()
        return f"Voltage fade: {label}", str(run.info.get("description", ""))
    return "Voltage fade: " + ", ".join(runs), f"{len(runs)} runs side by side"


def _comparison(
    folders: Sequence[Path], runs: int, kmc: Path | None
) -> tuple[Comparison | None, list[str]]:
    if runs < 2:
        return None, []
    program = find_program(kmc)
    if program is None:
        return None, [
            "no comparison: the program kmc was not found; name it with --kmc PATH or the variable KMC"
        ]
    return compare(folders, program), []


# ---- the page ---------------------------------------------------------------------------------------------------------


def page(subject: Subject) -> tuple[str, list[str]]:
    """The HTML text and notes on what was left out.  Raises RunError for files that contradict the format."""
    notes = list(subject.notes)
    drawn = _drawn(subject, notes)
    compared = _compared(subject) if subject.comparison else None
    states = [viewer.payload(run, label) for label, run in subject.runs.items()]
    there = [s for s in states if s]
    colours = svg.used(
        [text for one in drawn.values() for text in one.values()]
        + ([compared["svg"]] if compared else [])
    )
    first = next(iter(subject.runs.values()))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("report.html").render(
        title=subject.title,
        subtitle=subject.subtitle,
        css=_asset("report.css"),
        js=_asset("report.js"),
        viewer_js=_asset("viewer.js") if there else "",
        colours_light=Markup(svg.scheme(colours, False)),
        colours_dark=Markup(svg.scheme(colours, True)),
        tiles=_tiles(first) if len(subject.runs) == 1 else [],
        overview=_overview(subject) if len(subject.runs) > 1 else None,
        claims=[*_said(subject), *CLAIMS],
        records=_records(subject),
        comparison=compared,
        runs=[
            _section(k, label, run, drawn[label])
            for k, (label, run) in enumerate(subject.runs.items())
        ],
        viewer=_json(there) if there else "",
        terms=TERMS,
        limits=LIMITS,
        footer=f"Made by lrmkmc from the files of lrm-kmc {first.info['version']} ({first.info['git_hash']}).",
    )
    return text, notes


def write(folders: Sequence[Path], output: Path, kmc: Path | None = None) -> list[str]:
    """Writes the report and returns notes on what was left out.  Raises RunError for input, OSError for output."""
    text, notes = page(gather(folders, kmc))
    output.write_text(text, encoding="utf-8")
    return notes


def _asset(name: str) -> Markup:
    return Markup((ASSETS / name).read_text(encoding="utf-8"))


def _json(data: Any) -> Markup:
    """JSON that cannot end its <script> element."""
    return Markup(json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"))


def _drawn(subject: Subject, notes: list[str]) -> dict[str, dict[str, Markup]]:
    """SVG text of every figure by run and name; the big ones of later runs go when the page would become too long to mail."""
    result: dict[str, dict[str, Markup]] = {}
    total = 0
    for k, (label, run) in enumerate(subject.runs.items()):
        made, left_out = figures.run_figures(run)
        notes += [f"{label}: {note}" for note in left_out]
        result[label] = {}
        for name, figure in made.items():
            text = svg.inline(figure, f"r{k}-{name}", f"{label}: {CAPTIONS[name]}")
            if total + len(text) > MAX_FIGURES_BYTES * (0.8 if name in BIG_FIGURES else 1.0):
                notes.append(f"{label}: {name} left out of the page for its size")
                continue
            total += len(text)
            result[label][name] = Markup(text)
    return result


def _section(k: int, label: str, run: Run, drawn: dict[str, Markup]) -> dict[str, Any]:
    return {
        "id": f"run-{k}",
        "label": label,
        "text": run.provenance(),
        "figures": [{"svg": text, "caption": CAPTIONS[name]} for name, text in drawn.items()],
        "notes": _controls(run),
        "cycles": _cycles(k, label, run),
        "facts": _facts(run),
        "resolved": (run.path / "resolved.toml").read_text(encoding="utf-8"),
    }


def _said(subject: Subject) -> list[str]:
    """What each run claims of its parameters, once where they agree."""
    said = {str(run.info.get("claims", "")) for run in subject.runs.values()} - {""}
    return [f"Parameters: {text}." for text in sorted(said)]


def _controls(run: Run) -> list[str]:
    """Numerical controls of the last cycle, mean over replicas."""
    last = run.cycles[run.cycles["cycle"] == run.cycles["cycle"].max()]
    return [
        f"Numerical controls in cycle {int(run.cycles['cycle'].max())}: hops from large steps (k dt > "
        f"{run.setting('kinetics.large_step')}) {100 * last['large_step_share'].mean():.0f} %, wanted below "
        f"{100 * float(run.setting('kinetics.large_step_share')):.0f} %; up to {last['sub_slices_max'].max():.0f} "
        f"sub-slices a slice; smallest factor by which hops to and fro were slowed "
        f"{last['stiff_factor_min'].min():.2g}."
    ]


def _facts(run: Run) -> list[tuple[str, str]]:
    info, box, protocol = run.info, run.info.get("box", {}), run.info.get("protocol", {})
    size = " × ".join(f"{x:.2f}" for x in box.get("size_nm", []))
    facts = [
        ("Composition", info.get("composition", "")),
        ("Box", f"{size} nm, {box.get('sites', '?')} sites, {box.get('formula_units', '?')} formula units"),
        ("Protocol", ", ".join(f"{key} {value}" for key, value in protocol.items())),
        ("Replicas, seed", f"{info['replicas']}, {info['seed']}"),
        ("Parameter hash", info["parameter_hash"]),
        ("Parameters", info.get("claims", "")),
        ("Program", f"{info.get('program', 'lrm-kmc')} {info['version']} ({info['git_hash']})"),
        ("Build", f"{info.get('build_flags', '')}, compiler {info.get('compiler', '?')}"),
        ("Engine", f"{info.get('engine', '?')} on {info.get('device', '?')}, {info.get('threads', '?')} threads"),
        ("Started, finished (UTC)", f"{info.get('started', '?')}, {info.get('finished', 'not finished')}"),
        ("Directory", str(run.path)),
    ]  # fmt: skip
    return [(key, str(value)) for key, value in facts if value]


# ---- numbers ----------------------------------------------------------------------------------------------------------


def _digits(error: float, mean: float) -> int:
    """Decimals that show two digits of the error, or three of the mean without one."""
    size = error if error > 0 and math.isfinite(error) else abs(mean) / 10
    return max(0, min(5, 1 - math.floor(math.log10(size)))) if size > 0 else 3


def _number(value: float, digits: int) -> dict[str, Any]:
    if value is None or not math.isfinite(value):
        return {"number": True, "value": "", "text": "–", "range": ""}
    shown = f"{value:.{digits}f}".replace("-", "−")
    return {"number": True, "value": repr(float(value)), "text": shown, "range": ""}


def _probability(p: float) -> dict[str, Any]:
    """A p value: four digits after the point, and a bound where that would read as nought."""
    return {**_number(p, 4), **({"text": "< 0.0001"} if 0 <= p < 0.0001 else {})}


def _text(value: Any) -> dict[str, Any]:
    return {"number": False, "text": str(value)}


def _columns(*names: str) -> list[dict[str, Any]]:
    """Headings; those that end with "#" head numbers."""
    return [{"label": n.rstrip("#"), "number": n.endswith("#")} for n in names]


def _said_by(record: Record, factor: float) -> tuple[str, str]:
    """A number of record and its interval in words, two digits of the error but not more than two decimals."""
    digits = min(2, _digits(factor * record.standard_error, factor * record.mean))
    mean, low, high = (
        f"{factor * x:.{digits}f}".replace("-", "−")
        for x in (record.mean, record.ci95_low, record.ci95_high)
    )
    if math.isnan(record.mean):
        return "–", "not defined"
    return mean, f"{low} to {high}" if math.isfinite(record.ci95_low) else "one replica"


def _tiles(run: Run) -> list[dict[str, str]]:
    tiles = []
    for metric, words, factor, unit in TILES:
        mean, interval = _said_by(run.record(metric), factor)
        range_ = f"95 %: {interval}" if " to " in interval else interval
        tiles.append({"what": words, "value": mean, "unit": unit, "range": range_})
    return tiles


def _overview(subject: Subject) -> dict[str, Any]:
    """One row a scenario, where there are several."""
    rows = []
    for label, run in subject.runs.items():
        cells = [_text(label)]
        for metric, _, factor, _ in TILES:
            record = run.record(metric)
            mean, interval = _said_by(record, factor)
            cells.append({**_number(factor * record.mean, 2), "text": mean, "range": f"{interval}"})
        cells.append(_text(run.info.get("composition", "")))
        rows.append({"mark": False, "cells": cells})
    headings = [f"{words} ({unit})#" for _, words, _, unit in TILES]
    return {
        "id": "overview",
        "caption": "Mean over replicas and its 95 % interval.",
        "columns": _columns("Scenario", *headings, "Composition"),
        "rows": rows,
    }


def _records(subject: Subject) -> dict[str, Any]:
    rows = []
    for label, run in subject.runs.items():
        for metric, words in RECORDS.items():
            r = run.record(metric)
            digits = _digits(r.standard_error, r.mean)
            numbers = [r.mean, r.standard_error, r.ci95_low, r.ci95_high]
            cells = [_text(label), _text(words), *(_number(x, digits) for x in numbers)]
            unit = "" if r.unit == "1" else r.unit
            rows.append({"mark": False, "cells": [*cells, _text(unit), _number(r.replicas, 0)]})
    first = next(iter(subject.runs.values())).setting("protocol.fade_first_cycle")
    return {
        "id": "records",
        "caption": f"Numbers of record (summary.csv). Fades from cycle {first} to the last; retention: last cycle over the first.",
        "columns": _columns(
            "Scenario",
            "Quantity",
            "Mean#",
            "Standard error#",
            "95 % from#",
            "to#",
            "Unit",
            "Replicas#",
        ),
        "rows": rows,
    }


def _cycles(k: int, label: str, run: Run) -> dict[str, Any]:
    rows = []
    for cycle, group in run.cycles.groupby("cycle"):
        cells = [_number(float(str(cycle)), 0)]
        for column, _, factor, digits in CYCLE_COLUMNS:
            mean, _, half = mean_interval(factor * group[column].to_numpy(dtype=float))
            cell = _number(float(mean), digits)
            if math.isfinite(float(half)):
                cell["text"] += f" ± {float(half):.{digits}f}"
            cells.append(cell)
        rows.append({"mark": False, "cells": cells})
    return {
        "id": f"cycles-{k}",
        "caption": f"{label}: mean over replicas by cycle, ± half of the 95 % interval.",
        "columns": _columns("Cycle#", *(f"{heading}#" for _, heading, _, _ in CYCLE_COLUMNS)),
        "rows": rows,
    }


def _compared(subject: Subject) -> dict[str, Any]:
    told = subject.comparison
    assert told is not None
    figure = contrast.scenarios(told, list(subject.runs.values()))
    label = "Values and differences of the scenarios with their intervals"
    return {
        "text": f"Fades over cycles {told.first_cycle} to {told.last_cycle}, differences to {told.reference}, as kmc "
        "compare gives them. p-values are corrected for the number of comparisons in the table (Holm). A mark "
        "on the left: the interval leaves out zero and the corrected p is below 0.05.",
        "svg": Markup(svg.inline(figure, "compare", label)),
        "table": {
            "id": "differences",
            "caption": f"Differences to {told.reference}",
            "columns": _columns(
                "Scenario", "Quantity", "Difference#", "95 % from#", "to#", "Test", "n#", "p#", "p Holm#",
                "Effect size#",
            ),
            "rows": [_difference(row) for _, row in told.differences.iterrows()],
        },
        "sensitivity": _sensitivity(told) if len(told.sensitivity) else None,
        "notes": told.notes,
    }  # fmt: skip


def _sensitivity(told: Comparison) -> dict[str, Any]:
    """The parameters that were drawn, by their share of the variance of each quantity."""
    rows = []
    for _, row in told.sensitivity.iterrows():
        mean, error = float(row["mean"]), float(row["standard_error"])
        digits = _digits(error, mean)
        cells = [
            _text(contrast.heading(str(row["metric"]), str(row["unit"]))),
            _text(row["parameter"]),
            _number(float(row["low"]), 4),
            _number(float(row["high"]), 4),
            *(_number(x, digits) for x in (mean, float(row["ci95_low"]), float(row["ci95_high"]))),
            _number(float(row["share"]), 2),
            _probability(float(row["p_holm"])),
        ]
        rows.append({"mark": float(row["p_holm"]) < 0.05, "cells": cells})
    return {
        "id": "sensitivity",
        "caption": "Which uncertain parameter decides: change of a quantity over the range drawn, straight lines through the samples",
        "columns": _columns(
            "Quantity", "Parameter", "Drawn from#", "to#", "Change#", "95 % from#", "to#", "Share of variance#", "p Holm#",
        ),
        "rows": rows,
    }  # fmt: skip


def _difference(row: pd.Series[Any]) -> dict[str, Any]:
    mean, low, high = (float(row[name]) for name in ("mean", "ci95_low", "ci95_high"))
    digits = _digits(float(row["standard_error"]), mean)
    clear = float(row["p_holm"]) < 0.05 and low * high > 0
    return {
        "mark": clear,
        "cells": [
            _text(row["scenario"]),
            _text(contrast.heading(str(row["metric"]), str(row["unit"]))),
            *(_number(x, digits) for x in (mean, low, high)),
            _text(row["test"]),
            _number(float(row["replicas"]), 0),
            _probability(float(row["p"])),
            _probability(float(row["p_holm"])),
            _number(float(row["effect_size"]), 2),
        ],
    }
