"""The ceiling of a simulated cohort: what Bayes' rule gets from the true phenotype, beside the constant answer.

Draws phenotypes without images, so 20,000 take seconds; and times cases with their images, written to a temporary
folder. Run it with ``python benchmarks/simulation_ceiling.py``; scikit-learn (``train`` extra) gives the AUC.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from onephase.biomarkers.panel import CELLS, RECEPTORS, Events
from onephase.biomarkers.subtypes import SUBTYPES, subtype_of
from onephase.simulation.biology import draw_biology
from onephase.simulation.cases import CaseKey
from onephase.simulation.cohort import write_case
from onephase.simulation.oracle import oracle_posterior
from onephase.simulation.phenotype import draw_phenotype
from onephase.simulation.truth import Truth

SITES = ("alder", "birch", "cedar")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--timed", type=int, default=30)
    parser.add_argument("--seed", type=int, default=5)
    chosen = parser.parse_args()

    rng = np.random.default_rng(chosen.seed)
    tumours = draw_biology(rng, cases=chosen.cases)
    phenotype = draw_phenotype(tumours.cell, tumours.ki67, rng=rng)
    names = tuple(str(case) for case in range(chosen.cases))
    oracle = oracle_posterior(Truth(names, tumours.cell, tumours.ki67, tumours.ki67_read, phenotype))
    percent = np.floor(100 * tumours.ki67_read)
    recorded = Events(
        np.eye(8, dtype=bool)[tumours.cell],
        np.stack([percent / 100, (percent + 1) / 100], axis=1),
        np.full(chosen.cases, -1, dtype=np.int8),
    )

    print("| quantity | constant | oracle |\n|---|---|---|")
    for receptor, name in enumerate(RECEPTORS):
        auc = roc_auc_score(CELLS[tumours.cell, receptor], oracle.marginals()[:, receptor])
        print(f"| {name.upper()} AUC | .500 | {auc:.3f} |")
    for kind, name in zip(range(5), SUBTYPES, strict=False):
        auc = roc_auc_score(subtype_of(recorded, "ki67_20") == kind, oracle.subtype_probabilities("ki67_20")[:, kind])
        print(f"| {name} AUC, one against the rest | .500 | {auc:.3f} |")
    constant = 100 * np.abs(np.median(tumours.ki67_read) - tumours.ki67_read).mean()
    error = 100 * np.abs(oracle.ki67_median() - tumours.ki67_read).mean()
    print(f"| Ki-67 MAE, points | {constant:.1f} | {error:.1f} |")
    print(f"| Ki-67 Spearman | 0 | {spearmanr(oracle.ki67_median(), tumours.ki67_read).statistic:.2f} |")
    table = np.zeros((8, 100))
    np.add.at(table, (tumours.cell, percent.astype(int)), 1 / chosen.cases)
    frequency = np.log(table[tumours.cell, percent.astype(int)]).mean()
    print(f"| panel log-likelihood | {frequency:.3f} | {oracle.log_probability(recorded).mean():.3f} |")
    print(f"| the same as a PanelPosterior | | {oracle.panel_posterior().log_probability(recorded).mean():.3f} |")

    with tempfile.TemporaryDirectory() as folder:
        keys = [CaseKey(chosen.seed, index, SITES[index % len(SITES)]) for index in range(chosen.timed + 1)]
        write_case(Path(folder), keys[0])  # imports and caches
        started, wall = time.process_time(), time.perf_counter()
        for key in keys[1:]:
            write_case(Path(folder), key)
        core = (time.process_time() - started) / chosen.timed
        print(f"\n{core:.3f} s of one core a case, {(time.perf_counter() - wall) / chosen.timed:.3f} s by the clock")


if __name__ == "__main__":
    main()
