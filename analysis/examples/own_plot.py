"""A figure of one's own: does the voltage sink with the transition metals that moved?

build/kmc study analysis/examples/o3_o2.toml -o runs/o3_o2
python analysis/examples/own_plot.py runs/o3_o2
"""

import sys
from pathlib import Path

import lrmkmc
from lrmkmc.fade import by_replica, mean_interval
from lrmkmc.style import BLUE, VERMILLION, legend_below, new_figure, save, styled

folder = Path(sys.argv[1])
study = lrmkmc.load_study(folder)
first = next(iter(study.runs.values()))

with styled():  # the package's fonts and grid; new_figure puts the provenance below
    figure, body = new_figure(4.4, first.provenance())
    ax = body.subplots()
    for (name, run), colour in zip(study.runs.items(), (BLUE, VERMILLION), strict=False):
        # by_replica gives a table of cycles and replicas, mean_interval its mean and half 95 % interval over the replicas.
        cycles, voltage = by_replica(run.cycles, "mean_discharge_voltage_V")
        _, moved = by_replica(run.cycles, "tm_li_layer_charge")
        v, _, dv = mean_interval(voltage)
        m, _, dm = mean_interval(100.0 * moved)
        ax.errorbar(m, v, xerr=dm, yerr=dv, color=colour, marker="o", capsize=2, label=name)
        ax.annotate("cycle 1", (m[0], v[0]), xytext=(6, 6), textcoords="offset points")
        print(name, "cycle", int(cycles[-1]), f"{m[-1]:.2f} % moved, {v[-1]:.4f} V")
    ax.set(xlabel="TM in the Li layer, charged (%)", ylabel="Mean discharge voltage (V)")
    ax.set_title("Bars: 95 % intervals over replicas")
    legend_below(body, ax.get_legend_handles_labels()[0], 3)

print(save(figure, folder / "figures", "voltage_against_moved", "png"))
