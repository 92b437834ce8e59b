"""How large are the voids, how much O2 do they hold, and which ions line them?

build/kmc study analysis/examples/o3_o2.toml -o runs/o3_o2
python analysis/examples/reading_clusters.py runs/o3_o2/o3
"""

import sys
from pathlib import Path

import numpy as np

import lrmkmc
from lrmkmc.snapshot import OCT
from lrmkmc.style import save

folder = Path(sys.argv[1])
run = lrmkmc.load(folder)

# clusters.csv has a row for each size that occurs: `count` voids of `size` vacant sites, with `o2_count` O2 in all of them.
charged = run.clusters[(run.clusters["at"] == "charge") & (run.clusters["size"] > 0)]
print("cycle  voids  mean size  seen from a vacancy  largest  O2 per vacancy   (all replicas)")
for cycle, rows in charged.groupby("cycle"):
    size, count = rows["size"].to_numpy(), rows["count"].to_numpy()
    vacancies = (size * count).sum()
    # The mean over voids is small as long as there are many small ones; the mean over vacancies is the size of the void that a
    # vacancy picked at random lies in, and is what grows when voids coalesce.
    print(
        f"{cycle:5d} {count.sum():6d} {vacancies / count.sum():10.1f} "
        f"{(size**2 * count).sum() / vacancies:20.1f} {size.max():8d} "
        f"{rows['o2_count'].sum() / vacancies:15.3f}"
    )

# voids.csv follows single voids of the first replicas: here those that took up another one.
joined = run.voids[run.voids["event"] == "coalescence"]
for row in joined.itertuples():
    print(
        f"cycle {row.cycle}, {row.at}, replica {row.replica}: void {row.void} took up {row.absorbed:.0f} "
        f"more and grew from {row.size_before:.0f} to {row.size:.0f} sites"
    )

# The stored state says where the vacancies are: shares of the octahedra of TM and Li layers that are empty.
state = run.snapshot(at="charge")
empty = (state.occupancy[:, OCT] == 0).mean(axis=(1, 2))
print(f"empty octahedra, cycle {state.cycle}, charged: TM layers {100 * np.mean(empty[0::2]):.1f} %, "
      f"Li layers {100 * np.mean(empty[1::2]):.1f} %")  # fmt: skip

print(save(run.figure("cluster_sizes"), folder / "figures", "cluster_sizes", "png"))
