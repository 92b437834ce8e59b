"""calibration: fit of a few parameters of the model to published values, by runs of `kmc study`.

A calibration is a folder with ``calibration.toml`` (parameters, conditions, targets).  Each round proposes points, runs all conditions at
all of them as one study (resumable: an interrupted round goes on), and adds a row per point and target to ``observations.csv``:

    misfit(x) = Σ_targets ((m(x) - value) / tolerance)²          (one-sided targets: 0 on the free side)

The first round is a Latin hypercube; later ones take the minimum of the misfit of random functions drawn from Gaussian processes, one a
target, that know the standard errors over replicas (Thompson sampling: W. R. Thompson, Biometrika 25 (1933) 285).
"""

from __future__ import annotations

import csv
import json
import subprocess
import tomllib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fade import by_replica, t_quantile
from .run import Run, RunError, load_run
from .study import find_program

Array = NDArray[np.float64]
COLUMNS = "round point seed target mean standard_error replicas".split()


@dataclass(frozen=True)
class Parameter:
    """One scalar of the fit; `keys` maps a scenario key to a (factor, offset) pair, or to a list of them for a list of numbers."""

    name: str
    low: float
    high: float
    source: str
    keys: dict[str, Any]

    def settings(self, x: float) -> dict[str, Any]:
        """Scenario keys at value `x`, rounded to a tenth of a meV."""

        def value(pair: Sequence[Any]) -> Any:
            if isinstance(pair[0], list):
                return [value(p) for p in pair]
            return round(float(pair[0]) * x + float(pair[1]), 4)

        return {key: value(pair) for key, pair in self.keys.items()}


@dataclass(frozen=True)
class Condition:
    """A scenario of the fit, without the varied keys."""

    name: str
    base: str
    keys: dict[str, Any]
    replicas: int = 0  # of a check in the table; 0: table_replicas


@dataclass(frozen=True)
class Target:
    """A published value; `side` is 0, +1 (only values above it count as a miss) or -1 (only below).  `anchor` names the key
    that was set by this value alone, after the fit; empty: none was."""

    name: str
    condition: str
    observable: str
    value: float
    tolerance: float
    side: int
    source: str
    anchor: str = ""

    def miss(self, model: Array) -> Array:
        """(model - value) / tolerance, 0 on the free side; same shape."""
        d = (model - self.value) / self.tolerance
        return np.asarray(d if self.side == 0 else np.maximum(self.side * d, 0.0))


@dataclass(frozen=True)
class Calibration:
    """Contents of ``calibration.toml``."""

    path: Path
    seed: int
    initial_points: int
    round_points: int
    rounds: int
    replicas: int
    threads: int
    parameters: list[Parameter]
    conditions: list[Condition]
    targets: list[Target]
    table_replicas: int
    checks: list[Condition]  # looked at only once the parameters are frozen
    check_targets: list[Target]

    def settings(self, x: Array) -> dict[str, Any]:
        """All varied keys at the point `x` (parameters,)."""
        out: dict[str, Any] = {}
        for p, v in zip(self.parameters, x, strict=True):
            out |= p.settings(float(v))
        return out


@dataclass(frozen=True)
class Observations:
    """Everything run so far; n points."""

    x: Array  # (n, parameters)
    mean: Array  # (n, targets), NaN where a run failed or is not defined
    error: Array  # (n, targets) standard errors over replicas
    rounds: int


# ---- observables: one value for each replica (replicas,) ----


def _first(run: Run, column: str, cycle: int = 1) -> Array:
    at, values = by_replica(run.cycles, column)
    return np.asarray(values[int(np.flatnonzero(at == cycle)[0])])


def _steps(run: Run, replica: int, direction: int) -> tuple[Array, dict[str, Array]]:
    """Mean voltages and charges passed (mAh/g), slice by slice, in the first charge (+1) or discharge (-1), total and by couple."""
    p = run.profile
    p = p[(p["Replica / 1"] == replica) & (p["Cycle Count / 1"] == 1)]
    net = {c: p[c].to_numpy(float) for c in p.columns if c.startswith("Charge from ")}
    net["total"] = np.sum(list(net.values()), axis=0)
    taken = np.flatnonzero(direction * p["Current / A"].to_numpy(float) > 0)
    passed = {k: direction * np.diff(v, prepend=0.0)[taken] for k, v in net.items()}
    voltage = p["Voltage / V"].to_numpy(float)
    return 0.5 * (voltage[taken] + voltage[np.maximum(taken - 1, 0)]), passed


def _replicas_of_profile(run: Run) -> list[int]:
    return sorted(int(r) for r in run.profile["Replica / 1"].unique())


def _mean_voltage(run: Run, couples: Sequence[str], direction: int) -> Array:
    """Mean voltage of the charge that the couples pass in the stated direction, weighted by it; V."""
    means = []
    for r in _replicas_of_profile(run):
        voltage, passed = _steps(run, r, direction)
        weight = np.sum([passed[f"Charge from {c} / mAh g-1"] for c in couples], axis=0)
        means.append(float(np.sum(weight * voltage) / np.sum(weight)))
    return np.array(means)


def _slope_charge(run: Run) -> Array:
    charges = []
    for r in _replicas_of_profile(run):
        voltage, passed = _steps(run, r, +1)
        charges.append(float(np.sum(passed["total"][voltage < 4.4])))
    return np.array(charges)


def _fade(run: Run) -> Array:
    at, values = by_replica(run.cycles, "mean_discharge_voltage_V")
    chosen = at >= 2
    return np.asarray(-1e3 * np.polyfit(at[chosen], values[chosen], 1)[0])


def _plateau_ratio(run: Run) -> Array:
    column = "plateau_charge_mAh_per_g"
    return np.asarray(_first(run, column, 2) / _first(run, column, 1))


def _retention_30(run: Run) -> Array:
    column = "discharge_capacity_mAh_per_g"
    return np.asarray(_first(run, column, 30) / _first(run, column, 1))


OXYGEN = ("O hole", "O dimer", "O2")

OBSERVABLES: dict[str, tuple[str, Callable[[Run], Array]]] = {
    "charge_capacity_1": ("mAh/g", lambda r: _first(r, "charge_capacity_mAh_per_g")),
    "discharge_capacity_1": ("mAh/g", lambda r: _first(r, "discharge_capacity_mAh_per_g")),
    "slope_charge": ("mAh/g", _slope_charge),
    "oxygen_oxidation_V": ("V", lambda r: _mean_voltage(r, OXYGEN, +1)),
    "molecular_reduction_V": ("V", lambda r: _mean_voltage(r, ("O2",), -1)),
    "nickel_charged": ("%", lambda r: 100 * _first(r, "ni_li_layer_charge")),
    "cobalt_charged": ("%", lambda r: 100 * _first(r, "co_li_layer_charge")),
    "manganese_charged": ("%", lambda r: 100 * _first(r, "mn_li_layer_charge")),
    "plateau_ratio": ("", _plateau_ratio),
    "hysteresis_1": ("V", lambda r: _first(r, "hysteresis_V")),
    "coulombic_efficiency_1": ("", lambda r: _first(r, "coulombic_efficiency")),
    "retention_30": ("", _retention_30),
    "first_cycle_loss": ("%", lambda r: 100 * (1 - _first(r, "coulombic_efficiency"))),
    "oxygen_lost_charged": ("%", lambda r: 100 * _first(r, "budget_lost_charge")),
    "fade_mV": ("mV/cycle", _fade),
}


def observe(run: Run, observable: str) -> tuple[float, float, int]:
    """Mean, standard error and number of replicas of an observable, replicas without it left out."""
    values = OBSERVABLES[observable][1](run)
    values = values[~np.isnan(values)]
    n = len(values)
    mean = float(values.mean()) if n else float("nan")
    return mean, float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"), n


# ---- reading ----


def _target(t: dict[str, Any], anchors: dict[str, str]) -> Target:
    side = 1 if t.get("at_most") else -1 if t.get("at_least") else 0
    return Target(
        t["name"],
        t["condition"],
        t["observable"],
        float(t["value"]),
        float(t["tolerance"]),
        side,
        t["source"],
        anchors.get(t["name"], ""),
    )


def load_calibration(folder: Path) -> Calibration:
    """``calibration.toml`` of a folder.  Raises RunError naming the entry that is missing or wrong."""
    path = folder / "calibration.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{path}: file is missing") from None
    except tomllib.TOMLDecodeError as problem:
        raise RunError(f"{path}: not TOML: {problem}") from None
    try:
        fit = data["fit"]
        anchors = {a["target"]: a["key"] for a in data.get("anchor", [])}
        out = Calibration(
            path=path,
            **{
                k: int(fit[k])
                for k in (
                    "seed initial_points round_points rounds replicas threads table_replicas"
                ).split()
            },
            parameters=[
                Parameter(p["name"], float(p["low"]), float(p["high"]), p["source"], p["set"])
                for p in data["parameter"]
            ],
            conditions=[Condition(c["name"], c["base"], c["set"]) for c in data["condition"]],
            checks=[
                Condition(c["name"], c["base"], c["set"], int(c.get("replicas", 0)))
                for c in data.get("check", [])
            ],
            targets=[_target(t, anchors) for t in data["target"] if t.get("fitted", True)],
            check_targets=[
                _target(t, anchors) for t in data["target"] if not t.get("fitted", True)
            ],
        )
    except KeyError as missing:
        raise RunError(f"{path}: key {missing} is missing") from None
    for name in set(anchors) - {t.name for t in out.check_targets}:
        raise RunError(
            f"{path}: anchor: expected the target of a check, found '{name}'\n"
            "    hint: targets with fitted = false"
        )
    fitted = {c.name for c in out.conditions}
    for t in out.targets + out.check_targets:
        names = fitted if t in out.targets else fitted | {c.name for c in out.checks}
        if t.condition not in names or t.observable not in OBSERVABLES or t.tolerance <= 0:
            raise RunError(
                f"{path}: target '{t.name}': expected a condition of {sorted(names)}, an observable of "
                f"{sorted(OBSERVABLES)} and a positive tolerance, found '{t.condition}', '{t.observable}', {t.tolerance}"
            )
    return out


def load_observations(c: Calibration) -> Observations:
    """``points.csv`` and ``observations.csv`` beside the calibration; empty before the first round."""
    points = c.path.parent / "points.csv"
    rows = c.path.parent / "observations.csv"
    n, m = len(c.parameters), len(c.targets)
    if not points.exists():
        return Observations(np.empty((0, n)), np.empty((0, m)), np.empty((0, m)), 0)
    with points.open(encoding="utf-8") as f:
        table = list(csv.DictReader(f))
    x = np.array([[float(row[p.name]) for p in c.parameters] for row in table])
    mean, error = np.full((len(x), m), np.nan), np.full((len(x), m), np.nan)
    column = {t.name: k for k, t in enumerate(c.targets)}
    with rows.open(encoding="utf-8") as f:
        for row in csv.DictReader(f):
            if row["target"] in column:
                at = int(row["point"]), column[row["target"]]
                mean[at], error[at] = float(row["mean"]), float(row["standard_error"])
    return Observations(x, mean, error, 1 + max(int(row["round"]) for row in table))


# ---- one round ----


def _toml(value: Any) -> str:
    return (
        "[" + ", ".join(_toml(v) for v in value) + "]"
        if isinstance(value, list)
        else json.dumps(value)
    )


def _scenario(name: str, base: str, keys: dict[str, Any]) -> list[str]:
    keys = keys | {"output.snapshots": "none"}
    lines = ["[[scenario]]", f'name = "{name}"', f'base = "{base}"']
    return lines + [f"set.{key} = {_toml(value)}" for key, value in sorted(keys.items())] + [""]


def study_text(c: Calibration, number: int, points: Array, first: int) -> str:
    """The study of a round: all conditions at `points` (k, parameters), whose numbers begin with `first`; scenarios are called
    CONDITION-NUMBER.  All points of a round have one seed, so that they differ by their parameters alone."""
    lines = ["[study]", f'name = "round-{number}"', f"replicas = {c.replicas}"]
    lines += [f"seed = {c.seed + number}", ""]
    for k, x in enumerate(points):
        for condition in c.conditions:
            keys = condition.keys | c.settings(x)
            lines += _scenario(f"{condition.name}-{first + k}", condition.base, keys)
    return "\n".join(lines)


def _append(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        if new:
            out.writerow(header)
        out.writerows(rows)


def _read_round(c: Calibration, study: Path, number: int, first: int, n: int) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for k in range(first, first + n):
        for t in c.targets:
            try:
                mean, error, replicas = observe(
                    load_run(study / f"{t.condition}-{k}"), t.observable
                )
            except RunError as problem:
                print(f"note: point {k}, {t.name}: {problem}")
                mean, error, replicas = float("nan"), float("nan"), 0
            rows.append(
                [number, k, c.seed + number, t.name, f"{mean:.6g}", f"{error:.3g}", replicas]
            )
    return rows


def _run_study(c: Calibration, kmc: Path, work: Path, name: str, text: str) -> None:
    work.mkdir(parents=True, exist_ok=True)
    file = work / f"{name}.toml"
    file.write_text(text, encoding="utf-8")
    program = str(find_program(kmc))
    command = [program, "study", str(file), "-o", str(work / name), "--threads", str(c.threads)]
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode not in (0, 1):
        raise RunError(f"{file}: `{' '.join(command)}` failed; the same command goes on with it")


def run_round(
    c: Calibration, kmc: Path, work: Path, number: int, points: Array, first: int
) -> None:
    """Runs a round's study in `work` and books it.  Raises RunError when the program fails."""
    name = f"round-{number}"
    _run_study(c, kmc, work, name, study_text(c, number, points, first))
    folder = c.path.parent
    rows = _read_round(c, work / name, number, first, len(points))
    _append(folder / "observations.csv", COLUMNS, rows)
    names = [p.name for p in c.parameters]
    values = [[number, first + k, *(f"{v:.6g}" for v in x)] for k, x in enumerate(points)]
    _append(folder / "points.csv", ["round", "point", *names], values)


# ---- search ----


def hypercube(c: Calibration) -> Array:
    """The first round's points, (initial_points, parameters)."""
    from scipy.stats import qmc

    unit = qmc.LatinHypercube(len(c.parameters), seed=c.seed).random(c.initial_points)
    low, high = _bounds(c)
    return np.asarray(np.round(low + unit * (high - low), 4))


def _bounds(c: Calibration) -> tuple[Array, Array]:
    return np.array([p.low for p in c.parameters]), np.array([p.high for p in c.parameters])


class Surrogate:
    """Gaussian processes in the unit cube, one a target: anisotropic Gaussian kernel on a linear trend, noise of the replicas and a common rest."""

    def __init__(self, c: Calibration, seen: Observations) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

        self.c = c
        unit = self._unit(seen.x)
        self.models = []
        for k in range(len(c.targets)):
            ok = ~np.isnan(seen.mean[:, k]) & ~np.isnan(seen.error[:, k])
            y, e = seen.mean[ok, k], np.maximum(seen.error[ok, k], 1e-9)
            centre, scale = float(y.mean()), float(y.std()) or 1.0
            n = len(c.parameters)
            kernel = (
                ConstantKernel(1.0, (1e-2, 1e2)) * DotProduct(1.0, (1e-2, 1e1))
                + ConstantKernel(0.3, (1e-3, 1e1)) * RBF(np.ones(n), (0.3, 20.0))
                + WhiteKernel(0.02, (1e-5, 0.3))
            )
            model = GaussianProcessRegressor(
                kernel, alpha=(e / scale) ** 2, n_restarts_optimizer=1, random_state=c.seed
            )
            with warnings.catch_warnings():  # a hyperparameter at its bound does no harm
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(unit[ok], (y - centre) / scale)
            self.models.append((model, centre, scale))

    def _unit(self, x: Array) -> Array:
        low, high = _bounds(self.c)
        return np.asarray((x - low) / (high - low))

    def mean(self, x: Array) -> Array:
        """Expected observables at `x` (k, parameters) -> (k, targets)."""
        u = self._unit(x)
        return np.stack([m.predict(u) * s + y for m, y, s in self.models], axis=-1)

    def spread(self, x: Array) -> Array:
        """Standard deviations of the same, (k, targets)."""
        u = self._unit(x)
        return np.stack([m.predict(u, return_std=True)[1] * s for m, _, s in self.models], axis=-1)

    def draw(self, x: Array, seed: int) -> Array:
        """One random function of each process at `x`, (k, targets)."""
        u = self._unit(x)
        return np.stack(
            [m.sample_y(u, 1, random_state=seed)[:, 0] * s + y for m, y, s in self.models], axis=-1
        )


def misfit(c: Calibration, model: Array) -> Array:
    """Sum of squared misses of observables (k, targets) -> (k,)."""
    return np.asarray(np.sum([t.miss(model[..., k]) ** 2 for k, t in enumerate(c.targets)], axis=0))


def _candidates(c: Calibration, near: Array, rng: np.random.Generator, n: int) -> Array:
    """Half of them anywhere, half within a fifth of the range around `near` (k, parameters)."""
    low, high = _bounds(c)
    wide = rng.uniform(low, high, (n // 2, len(low)))
    close = near[rng.integers(len(near), size=n // 2)]
    close = close + rng.normal(0, 0.2, close.shape) * (high - low)
    return np.clip(np.vstack([wide, close]), low, high)


def propose(c: Calibration, seen: Observations) -> Array:
    """The next round's points, (round_points, parameters)."""
    surrogate = Surrogate(c, seen)
    rng = np.random.default_rng(c.seed + seen.rounds)
    order = np.argsort(misfit(c, surrogate.mean(seen.x)))
    points = []
    for k in range(c.round_points):
        x = _candidates(c, seen.x[order[:5]], rng, 400)
        drawn = surrogate.draw(x, c.seed + 1000 * seen.rounds + k)
        points.append(x[int(np.argmin(misfit(c, drawn)))])
    return np.round(np.array(points), 4)


def prior(c: Calibration, x: Array) -> Array:
    """Squared distances of points (k, parameters) from the middle of the ranges, in half ranges, summed -> (k,)."""
    low, high = _bounds(c)
    return np.asarray(np.sum(((2 * x - low - high) / (high - low)) ** 2, axis=-1))


def best(c: Calibration, seen: Observations) -> tuple[Array, Array, Array]:
    """The point of least expected misfit, the ranges taken as a prior (a bound costs as much as a miss by one tolerance), with its expected
    observables and their standard deviations; (parameters,), (targets,), (targets,)."""
    surrogate = Surrogate(c, seen)
    rng = np.random.default_rng(c.seed)
    x = seen.x
    for width in range(6):
        x = np.vstack([x, _candidates(c, x, rng, 2000)])
        cost = misfit(c, surrogate.mean(x)) + prior(c, x)
        x = x[np.argsort(cost)[: 200 >> width]]
    top = np.round(x[:1], 2)
    return top[0], surrogate.mean(top)[0], surrogate.spread(top)[0]


def _interval(mean: float, error: float, n: int) -> str:
    if n < 2:
        return f"{mean:.4g}"
    half = t_quantile(n - 1) * error
    digits = max(0, 1 - int(np.floor(np.log10(half)))) if half > 0 else 3
    return f"{mean:.{digits}f} [{mean - half:.{digits}f}, {mean + half:.{digits}f}]"


def _box(run: Run) -> str:
    s = "structure."
    planes = len(str(run.setting(s + "stacking"))) * int(run.setting(s + "repeats"))
    return f"{run.setting(s + 'cells_a')} × {run.setting(s + 'cells_b')} × {planes}"


def table(folder: Path, kmc: Path, work: Path) -> str:
    """Runs all conditions at the program's own parameters with fresh seeds; a Markdown table of all targets.  Raises RunError."""
    c = load_calibration(folder)
    studies: dict[int, list[Condition]] = {}  # by number of replicas
    for condition in [*c.conditions, *c.checks]:
        studies.setdefault(condition.replicas or c.table_replicas, []).append(condition)
    place: dict[str, Path] = {}
    for replicas, conditions in studies.items():
        name = f"table-{replicas}"
        lines = ["[study]", f'name = "{name}"', f"replicas = {replicas}"]
        lines += [f"seed = {c.seed + 1000}", ""]
        for condition in conditions:
            lines += _scenario(condition.name, condition.base, condition.keys)
            place[condition.name] = work / name / condition.name
        _run_study(c, kmc, work, name, "\n".join(lines))
    out = ["| target | published | model [95 %] | within | replicas | box, cells × planes |"]
    out += ["|---|---|---|---|---|---|"]
    for t in c.targets + c.check_targets:
        run = load_run(place[t.condition])
        mean, error, n = observe(run, t.observable)
        sign = {0: "", 1: "at most ", -1: "at least "}[t.side]
        unit = OBSERVABLES[t.observable][0]
        miss = float(np.abs(t.miss(np.array(mean))))
        how = "" if t in c.targets else f" (by {t.anchor})" if t.anchor else " (not fitted)"
        out.append(
            f"| {t.name}{how} | {sign}{t.value:g} ± {t.tolerance:g} {unit} | "
            f"{_interval(mean, error, n)} | {'yes' if miss <= 1 else f'no, {miss:.1f} tolerances'} | {n} | {_box(run)} |"
        )
    return "\n".join(out)


def calibrate(folder: Path, kmc: Path, work: Path) -> str:
    """Runs the rounds that are missing and returns a text table of the best point.  Raises RunError."""
    c = load_calibration(folder)
    seen = load_observations(c)
    while seen.rounds < c.rounds + 1:
        points = hypercube(c) if seen.rounds == 0 else propose(c, seen)
        print(f"round {seen.rounds}: {len(points)} points", flush=True)
        run_round(c, kmc, work, seen.rounds, points, len(seen.x))
        seen = load_observations(c)
    x, model, spread = best(c, seen)
    lines = [
        f"{p.name:12s} {v:8.3f}   [{p.low}, {p.high}]" for p, v in zip(c.parameters, x, strict=True)
    ]
    lines += ["", f"{'target':46s} {'value':>9s} {'expected':>9s} {'± s.d.':>8s}"]
    for t, m, s in zip(c.targets, model, spread, strict=True):
        unit = OBSERVABLES[t.observable][0]
        lines.append(f"{t.name:46s} {t.value:9.3f} {m:9.3f} {s:8.3f} {unit}")
    return "\n".join(lines)
