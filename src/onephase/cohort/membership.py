"""The cohort-identity alarm: how well cohort and site alone tell each label, before anybody looks at an image.

A network that tells sites apart by their look earns as much on all of them together, and has seen no biology.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from onephase.biomarkers.panel import Events
from onephase.cohort.columns import LABELS
from onephase.cohort.problems import Problem
from onephase.cohort.records import Record
from onephase.cohort.splits import folds, strata
from onephase.statistics.estimate import Estimate
from onephase.statistics.membership import membership_auc

ALARM_AUC: Final = 0.60
"""From here on it is warned, where the interval leaves out 0.5 as well."""
FOLDS, FOLD_SEED = 5, 1
NAMES: Final = {"er": "ER", "pr": "PR", "her2": "HER2", "hr": "HR", "ki67": "Ki-67 of 20 % or more"}


def membership_aucs(records: Sequence[Record]) -> dict[str, Estimate]:
    """Return, by label, the AUC of cohort and site alone on the cases in which the label is decided.

    Five folds by patient. Empty where there is one cohort of one site, or fewer patients than folds.
    """
    places = [f"{record.cohort}/{record.site}" for record in records]
    if len(set(places)) < 2 or len({record.identity for record in records}) < FOLDS:  # noqa: PLR2004 - nothing to tell
        return {}
    events = Events.stack([record.events for record in records])
    fold = folds(records, FOLDS, seed=FOLD_SEED)
    found = {}
    for label in LABELS:
        status = strata(events)[:, 2] if label == "ki67" else events.status(label)
        known = np.flatnonzero(status != -1)
        found[label] = membership_auc([places[case] for case in known], status[known] == 1, fold=fold[known])
    return found


def told_by_membership(aucs: Mapping[str, Estimate]) -> Iterator[Problem]:
    """Warn of each label that cohort and site alone tell better than :data:`ALARM_AUC`."""
    for label, estimate in aucs.items():
        if estimate.value is not None and estimate.value >= ALARM_AUC and estimate.excludes(0.5):
            found = estimate.sentence(f"the AUC of cohort and site alone for {NAMES[label]}").removesuffix(".")
            fix = "read the figures of each cohort and site apart: over all, telling sites apart looks like biology"
            yield Problem("", "", label, found, fix, severity="warning")
