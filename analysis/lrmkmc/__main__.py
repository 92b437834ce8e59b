"""Command line: ``python -m lrmkmc figures DIR``, ``report DIR...``, ``voltage CSV...``, ``scenario CIF``,
``cycler DIR`` and ``calibrate DIR``.

Paths of what was written go to stdout, everything else to stderr.  Exit codes: 0 ok, 2 usage or input error, 5 figure not written.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import calibration, cycler, figures, report, structure_file
from .run import RunError, load_run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lrmkmc", description="figures from lrm-kmc output")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("figures", help="figures of a run directory")
    run.add_argument("run_dir", type=Path, help="directory written by `kmc run`")
    volt = commands.add_parser("voltage", help="figures of equilibrium voltage curves")
    volt.add_argument("csv", type=Path, nargs="+", help="output of `kmc voltage`")
    for command, place in ((run, "RUN_DIR/figures"), (volt, "beside the CSV file")):
        command.add_argument("-o", "--output", type=Path, help=f"folder (default: {place})")
        command.add_argument("--format", choices=("svg", "png", "pdf"), default="svg")
    page = commands.add_parser("report", help="one HTML file of runs and studies")
    page.add_argument(
        "folders", type=Path, nargs="+", metavar="DIR", help="directory of `kmc run` or `kmc study`"
    )
    page.add_argument(
        "-o", "--output", type=Path, default=Path("report.html"), help="file to write"
    )
    page.add_argument("--force", action="store_true", help="overwrite an existing file")
    page.add_argument("--kmc", type=Path, help="the program, for the comparison of runs")
    crystal = commands.add_parser("scenario", help="structure file (CIF, POSCAR) to scenario")
    crystal.add_argument("structure", type=Path, help="anything ASE reads")
    table = commands.add_parser("cycler", help="profile of a run for PyBaMM or cellpy, as CSV")
    table.add_argument("run_dir", type=Path, help="directory written by `kmc run`")
    table.add_argument("--format", choices=cycler.FORMATS, required=True)
    table.add_argument("--replica", type=int, default=0)
    for command in (crystal, table):
        command.add_argument("-o", "--output", type=Path, help="file to write (default: stdout)")
        command.add_argument("--force", action="store_true", help="overwrite an existing file")
    fit = commands.add_parser("calibrate", help="fit of parameters to published values")
    fit.add_argument("folder", type=Path, help="folder with calibration.toml")
    fit.add_argument("--kmc", type=Path, default=Path("build/kmc"), help="the program")
    fit.add_argument(
        "--work", type=Path, default=Path("runs/calibration"), help="folder of the runs"
    )
    fit.add_argument(
        "--table",
        action="store_true",
        help="no fit: the program's own parameters against all targets",
    )
    return parser


def _drawn(args: argparse.Namespace) -> Iterator[tuple[Path, str, figures.Figure]]:
    """(folder, name, figure) of every figure the command asks for."""
    if args.command == "figures":
        run = load_run(args.run_dir)
        drawn, notes = figures.run_figures(run)
        for note in notes:
            print(f"note: {note}", file=sys.stderr)
        for name, figure in drawn.items():
            yield args.output or args.run_dir / "figures", name, figure
        return
    for path in args.csv:
        yield args.output or path.parent, f"voltage_{path.stem}", figures.voltage_curve(path)


def _refuse_existing(args: argparse.Namespace) -> None:
    if args.output and args.output.exists() and not args.force:
        raise RunError(f"{args.output}: exists; --force overwrites it")


def _report(args: argparse.Namespace) -> int:
    _refuse_existing(args)
    for note in report.write(args.folders, args.output, args.kmc):
        print(f"note: {note}", file=sys.stderr)
    print(args.output)
    return 0


def _convert(args: argparse.Namespace) -> int:
    _refuse_existing(args)
    if args.command == "scenario":
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", args.structure.stem).strip("-") or "crystal"
        found = structure_file.read_structure(args.structure)
        text = found.scenario(name, args.structure.name)
    else:
        text = cycler.table(load_run(args.run_dir), args.format, args.replica).to_csv(index=False)
    if args.output is None:
        print(text, end="")
        return 0
    args.output.write_text(text, encoding="utf-8")
    print(args.output)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code; `argv` defaults to the command line."""
    args = _parser().parse_args(argv)
    try:
        if args.command == "calibrate":
            work = calibration.table if args.table else calibration.calibrate
            print(work(args.folder, args.kmc, args.work))
            return 0
        if args.command == "report":
            return _report(args)
        if args.command in ("scenario", "cycler"):
            return _convert(args)
        for folder, name, figure in _drawn(args):
            print(figures.save(figure, folder, name, args.format))
    except RunError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    except OSError as problem:
        what = "figure" if args.command in ("figures", "voltage") else args.command
        print(f"error: {problem.filename}: {what} not written: {problem.strerror}", file=sys.stderr)
        return 5
    return 0


if __name__ == "__main__":
    sys.exit(main())
