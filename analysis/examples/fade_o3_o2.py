"""Does O2 fade less than O3?  Fades with intervals, and the paired difference that answers the question.

build/kmc study analysis/examples/o3_o2.toml -o runs/o3_o2
python analysis/examples/fade_o3_o2.py runs/o3_o2
"""

import sys
from pathlib import Path

import lrmkmc
from lrmkmc import contrast
from lrmkmc.style import save

folder = Path(sys.argv[1])
study = lrmkmc.load_study(folder)

# One row a scenario and definition of fade.  The least-squares slope is the number of record; the fixed capacity window tells
# a voltage that sinks from one that only looks so because the capacity changes.
fades = study.fade()
print(fades.drop(columns=["first_cycle", "last_cycle"]).to_string(index=False, float_format="%.2f"))

# Two intervals that overlap do not answer whether the scenarios differ: replica by replica they start from the same disorder, so
# the differences scatter less than the fades.  `kmc compare` takes them, with a p-value corrected for the number of comparisons.
told = study.compare()
for row in told.differences.itertuples():
    clear = "clear" if row.p_holm < 0.05 else "not clear"
    print(
        f"{row.scenario} - {told.reference}: {row.metric} {row.mean:+.4g} "
        f"[{row.ci95_low:.4g}, {row.ci95_high:.4g}], p {row.p_holm:.2g}, {clear}"
    )
for note in told.notes:
    print(note)

print(
    save(
        contrast.scenarios(told, list(study.runs.values())), folder / "figures", "scenarios", "png"
    )
)
