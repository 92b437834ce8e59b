"""The figure of this study: build/kmc study lattices/studies/dopants.toml, then

python analysis/examples/dopants/figure.py runs/dopants analysis/examples/dopants
"""

import sys
from pathlib import Path

import lrmkmc
from lrmkmc import contrast
from lrmkmc.style import save

study = lrmkmc.load_study(Path(sys.argv[1]))
print(
    save(
        contrast.scenarios(study.compare(), list(study.runs.values())),
        Path(sys.argv[2]),
        "scenarios",
        "png",
    )
)
