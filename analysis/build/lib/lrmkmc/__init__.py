"""lrmkmc: reads run directories of lrm-kmc and draws figures.

Reads files, never recomputes physics: energies, voltages and events come from the program; this package only averages over replicas
and draws.  The numbers of record are those of ``summary.csv``.
"""

from .run import Record, Run, RunError, load_run
from .snapshot import Snapshot, read_snapshot

__version__ = "0.1.0"
__all__ = ["Record", "Run", "RunError", "Snapshot", "load_run", "read_snapshot"]
