"""How visible each simulated phenotype is: region descriptors, ridge regression, cross-validated R2.

Simulates a cohort of the internal sites, prepares it as any cohort (default settings), describes each patch by
``imaging.descriptors`` and predicts each cue by ridge regression, its strength chosen inside the training
folds. Size, correlation length and uptake are predicted on the logarithm, the other cues as they are.

Run it with ``python benchmarks/phenotype_recovery.py FOLDER --cases 900``; it needs the ``train`` extra for
scikit-learn. The folder keeps the cohort, so that a second run is quick.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from onephase.cohort.preparation import prepare
from onephase.imaging.descriptors import DESCRIPTORS, describe
from onephase.imaging.yardsticks import Yardsticks
from onephase.settings import Settings
from onephase.simulation.cohort import simulate_cohort
from onephase.simulation.phenotype import CUES
from onephase.simulation.truth import read_truth

SITES = ("alder", "birch", "cedar")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cases", type=int, default=900)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()

    settings = Settings()
    table = simulate_cohort(
        chosen.folder / "cohort", cases=chosen.cases, sites=SITES, seed=chosen.seed, workers=chosen.workers
    )
    prepared = prepare([table], chosen.folder / "store", settings, workers=chosen.workers)
    store, records = prepared.store, prepared.records
    truth = read_truth(table.parent / "truth.csv").of([record.case_id for record in records])

    rows = store.rows(truth.case_ids)
    features = store.descriptors[rows]
    spacing = (settings.imaging.spacing_mm,) * 3
    started = time.process_time()
    for row in rows:  # for the time alone: what a lesion is compared with lies in the volume, not in the patch
        describe(store.image[row], store.distance_mm[row], spacing_mm=spacing, against=Yardsticks.even(air=0.0))
    seconds = (time.process_time() - started) / len(features)

    print(f"{len(truth)} cases, {len(DESCRIPTORS)} descriptors, {seconds:.3f} s of one core a case for them\n")
    print("| cue | R2 |\n|---|---|")
    folds = KFold(5, shuffle=True, random_state=0)
    for column, cue in enumerate(CUES):
        value = np.log(truth.phenotype[:, column]) if cue.geometric else truth.phenotype[:, column]
        ridge = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(0, 4, 9)))
        predicted = cross_val_predict(ridge, features, value, cv=folds)
        print(f"| {cue.name} | {r2_score(value, predicted):.2f} |")


if __name__ == "__main__":
    main()
