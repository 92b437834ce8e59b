"""lrmkmc: run directories of lrm-kmc in Python, figures and reports.

    import lrmkmc
    run = lrmkmc.load("runs/demo")
    print(run.fade())                                       # fades with 95 % intervals
    run.figure("mean_voltages").savefig("fade.png")

Reads files, never recomputes physics: energies, voltages and events come from the program; this package only averages over replicas
and draws.  The numbers of record are those of ``summary.csv``.
"""

from .run import Record, Run, RunError, load_run
from .snapshot import Snapshot, read_snapshot
from .study import Comparison, Study, compare, load_study

load = load_run

__version__ = "0.1.0"
__all__ = [
    "Comparison",
    "Record",
    "Run",
    "RunError",
    "Snapshot",
    "Study",
    "compare",
    "load",
    "load_run",
    "load_study",
    "read_snapshot",
]
