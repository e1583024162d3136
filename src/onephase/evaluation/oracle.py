"""The ceiling of a simulated study: what the true phenotype would tell, for cases that are simulated."""

from pathlib import Path

import numpy as np

from onephase.biomarkers.posterior import PanelPosterior
from onephase.cohort.records import Record
from onephase.evaluation.predictions import ORACLE, Predictions
from onephase.simulation.oracle import oracle_posterior
from onephase.simulation.truth import read_truth

TRUTH_NAME = "truth.csv"


def with_oracle(predictions: Predictions) -> Predictions:
    """Return the predictions with the oracle beside the contestants.

    They come back unchanged when a case is real, or when the ``truth.csv`` that the simulator wrote
    into the cohort's folder is no longer there.
    """
    truths = [_truth_of(record) for record in predictions.records]
    tables = [path for path in truths if path is not None]
    if not tables or len(tables) < len(truths):
        return predictions
    parts, order = [], []
    for path in dict.fromkeys(tables):
        rows = [row for row, other in enumerate(tables) if other == path]
        truth = read_truth(path).of([predictions.records[row].case_id for row in rows])
        parts.append(oracle_posterior(truth).panel_posterior())
        order += rows
    return predictions.with_contestant(ORACLE, PanelPosterior.stack(parts).take(np.argsort(order)))


def _truth_of(record: Record) -> Path | None:
    if record.provenance != "simulated":
        return None
    beside = (folder / TRUTH_NAME for folder in record.image.resolve().parents[:2])
    return next((path for path in beside if path.exists()), None)
