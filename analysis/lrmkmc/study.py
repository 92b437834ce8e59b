"""study: the directory of `kmc study`, or run directories side by side, and the program's comparison of them.

The comparison is that of ``kmc compare --json``; nothing is tested again here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .fade import FADE_COLUMNS
from .run import Run, RunError, load_run, read_json

VALUE_COLUMNS = (
    "scenario directory metric unit mean standard_error ci95_low ci95_high replicas".split()
)
DIFFERENCE_COLUMNS = [
    *VALUE_COLUMNS,
    *"reference test p p_holm effect_size band95_low band95_high".split(),
]
SENSITIVITY_COLUMNS = (
    "parameter metric unit low high mean standard_error ci95_low ci95_high replicas share p p_holm"
).split()


@dataclass(frozen=True)
class Comparison:
    """What ``kmc compare`` says: values of each run, differences to the reference, notes; cycles first..last for all.

    The samples of a study count as replicas of their scenario; ``band95`` is where 95 % of their differences lie.
    """

    first_cycle: int
    last_cycle: int
    reference: str  # scenario
    values: pd.DataFrame  # VALUE_COLUMNS
    differences: pd.DataFrame  # DIFFERENCE_COLUMNS, p and p_holm NaN where there was no test
    sensitivity: (
        pd.DataFrame
    )  # SENSITIVITY_COLUMNS: change of a metric over the range drawn; empty without samples
    notes: list[str]


@dataclass(frozen=True)
class Study:
    """Runs by scenario, in the order of the study; the first is the reference."""

    path: Path
    info: dict[str, Any]  # study.json
    runs: dict[str, Run]

    def fade(self, first: int | None = None, last: int | None = None) -> pd.DataFrame:
        """Fade table of every scenario, with a column ``scenario`` in front; cycles as in ``Run.fade``."""
        tables = [run.fade(first, last).assign(scenario=name) for name, run in self.runs.items()]
        return pd.concat(tables, ignore_index=True)[["scenario", *FADE_COLUMNS]]

    def compare(self, kmc: str | Path | None = None) -> Comparison:
        """Paired differences, intervals and corrected p-values by the program.  Raises RunError without it."""
        return compare([self.path], kmc)


def load_study(path: str | Path) -> Study:
    """Reads all runs of a study.  Raises RunError when it is no study, or a scenario has no complete run yet."""
    root = Path(path)
    if not (root / "study.json").is_file():
        hint = "; `lrmkmc.load` reads a single run" if (root / "run.json").is_file() else ""
        raise RunError(
            f"{root}: expected the directory of a `kmc study`, found no study.json{hint}"
        )
    info = read_json(root / "study.json", ("study", "scenarios"))
    try:
        folders = {str(s["name"]): root / str(s["directory"]) for s in info["scenarios"]}
    except (TypeError, KeyError):
        raise RunError(
            f"{root / 'study.json'}: key 'scenarios': expected a list of objects with name and directory"
        ) from None
    return Study(root, info, {name: load_run(folder) for name, folder in folders.items()})


def find_program(given: str | Path | None = None) -> Path | None:
    """The program: `given`, else the environment's KMC, build/kmc, or a `kmc` on the PATH that calls itself lrm-kmc.

    Raises RunError when a program was named and is none.  (Debian's k-mer counter is called kmc, too.)
    """
    named = given or os.environ.get("KMC")
    for candidate in [named] if named else ["build/kmc", shutil.which("kmc")]:
        if candidate and _is_program(Path(candidate).absolute()):
            return Path(candidate).absolute()
    if named:
        raise RunError(
            f"{named}: expected the program kmc of lrm-kmc, found something else or none"
        )
    return None


def _is_program(path: Path) -> bool:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.stdout.startswith("lrm-kmc")


def compare(folders: Sequence[Path], kmc: str | Path | None = None) -> Comparison:
    """``kmc compare --json`` of directories of runs or studies, the first run as reference.

    Raises RunError without program, or with its message.
    """
    program = find_program(kmc)
    if program is None:
        raise RunError(
            "no program kmc found for the comparison: name it (--kmc PATH, or the variable KMC)"
        )
    command = [str(program), "compare", "--json", *(str(folder.absolute()) for folder in folders)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RunError(f"`kmc compare` failed ({done.returncode}): {done.stderr.strip()}")
    return _parse(json.loads(done.stdout))


def _parse(told: dict[str, Any]) -> Comparison:
    scenario = {run["directory"]: run["scenario"] for run in told["runs"]}
    values = [
        {"scenario": run["scenario"], "directory": run["directory"], **value}
        for run in told["runs"]
        for value in run["values"]
    ]
    reference = scenario[told["reference"]]
    differences = [
        {"scenario": scenario[d["directory"]], "reference": reference, **d}
        for d in told["differences"]
    ]
    return Comparison(
        first_cycle=int(told["first_cycle"]),
        last_cycle=int(told["last_cycle"]),
        reference=reference,
        values=_numbers(pd.DataFrame(values, columns=VALUE_COLUMNS)),
        differences=_numbers(pd.DataFrame(differences, columns=DIFFERENCE_COLUMNS)),
        sensitivity=_numbers(pd.DataFrame(told["sensitivity"], columns=SENSITIVITY_COLUMNS)),
        notes=[str(note) for note in told["notes"]],
    )


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    """JSON's null as NaN."""
    names = (
        "mean standard_error ci95_low ci95_high p p_holm effect_size band95_low band95_high share"
    ).split()
    return table.astype({name: float for name in names if name in table.columns})
