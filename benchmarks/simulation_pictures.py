"""A page of simulated lesions for docs/simulation.md: a row a tumour, a column a site that examines it.

Run it with ``python benchmarks/simulation_pictures.py docs/images/simulated-lesions.jpg``.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from onephase.biomarkers.panel import CELL_NAMES
from onephase.simulation.cases import CaseKey, case_examination, case_truth
from onephase.simulation.phenotype import CUE_NAMES
from onephase.simulation.sites import SITES

HALF_MM = 32.0
SEED, TUMOURS = 3, (40, 41, 51)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    chosen = parser.parse_args()

    figure, axes = plt.subplots(len(TUMOURS), len(SITES), figsize=(12, 6.4), facecolor="black")
    for tumour, line in zip(TUMOURS, axes, strict=True):
        for site, axis in zip(SITES, line, strict=True):
            key = CaseKey(SEED, tumour, site)
            truth, examination = case_truth(key), case_examination(key)
            _, *centre = np.argwhere(examination.mask).mean(axis=0).round().astype(int)
            middle = int(examination.mask.sum(axis=(1, 2)).argmax())
            reach = int(HALF_MM / examination.spacing_mm[1])
            window = tuple(slice(max(0, at - reach), at + reach) for at in centre)
            bright = 1.2 * np.quantile(examination.image[examination.mask], 0.97)
            axis.imshow(examination.image[middle][window], cmap="gray", vmin=0, vmax=bright)
            size = truth.phenotype[CUE_NAMES.index("size_mm")]
            title = f"{size:.0f} mm, {CELL_NAMES[truth.cell]}, Ki-67 {100 * truth.ki67_read:.0f} %"
            axis.set_title(site if tumour == TUMOURS[0] else "", color="white", fontsize=9)
            if axis is line[0]:
                axis.text(
                    -0.04,
                    0.5,
                    title,
                    color="white",
                    fontsize=7,
                    rotation=90,
                    va="center",
                    ha="right",
                    transform=axis.transAxes,
                )
            axis.axis("off")
    figure.tight_layout(pad=0.4)
    figure.savefig(chosen.picture, dpi=110, pil_kwargs={"quality": 80})


if __name__ == "__main__":
    main()
