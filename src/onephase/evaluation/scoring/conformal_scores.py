"""Conformal sets and intervals beside the posterior, calibrated on validation cases, and the coverage obtained.

They are no part of the posterior and are labelled as what they are: an answer that promises to hold
the truth in so many of a hundred cases like the calibrating ones, and nothing about one case.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onephase.arrays import Bool, Float64, Int64
from onephase.biomarkers.posterior import PanelPosterior
from onephase.cohort.lesions import events_of
from onephase.cohort.records import sites_of
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.scoring.abstention_scores import KI67
from onephase.evaluation.scoring.answers import answers_of
from onephase.evaluation.scoring.ki67_scores import has_percentage, ki67_reference
from onephase.evaluation.scoring.targets import Target, targets_of
from onephase.settings import SubtypePolicy
from onephase.statistics.bootstrap import Resamples, bootstrap, mean_of
from onephase.statistics.conformal import class_scores, class_sets, interval_scores, thresholds_by_fold, widened
from onephase.statistics.estimate import Estimate
from onephase.statistics.proportion import proportion

LEVEL = 0.9
PERCENT = 100


@dataclass(frozen=True, slots=True)
class ConformalScore:
    """Conformal answers to one question.

    Attributes:
        target: As in :class:`onephase.evaluation.scoring.abstention_scores.AbstentionScore`.
        level: Coverage that is promised.
        calibrated_on: Calibrating cases; of several folds the fewest.
        coverage: Answers that hold the truth, with Wilson's interval.
        by_class: The same over the cases of each true class, for which nothing is promised; empty for Ki-67.
        by_site: The same over the cases of each site; empty where there is one.
        size: Mean number of classes in a set, or for Ki-67 the mean width in points.
        single: Sets of exactly one class; absent for Ki-67.
    """

    target: str
    level: float
    calibrated_on: int
    coverage: Estimate
    by_class: dict[str, Estimate]
    by_site: dict[str, Estimate]
    size: Estimate
    single: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "target": self.target,
            "level": self.level,
            "calibrated_on": self.calibrated_on,
            "coverage": self.coverage.to_json(),
            "by_class": {name: share.to_json() for name, share in self.by_class.items()},
            "by_site": {name: share.to_json() for name, share in self.by_site.items()},
            "size": self.size.to_json(),
            "single": self.single.to_json(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Answered:
    """What became of the answers to one question, over the cases whose record decides it."""

    target: str
    calibrated_on: int
    rows: Int64[np.ndarray, " decided"]
    held: Bool[np.ndarray, " decided"]
    size: Float64[np.ndarray, " decided"]
    classes: tuple[str, ...]  # true class of each case; empty for Ki-67


def conformal_scores(
    cases: Predictions, contestant: str, *, policy: SubtypePolicy, resamples: Resamples
) -> tuple[ConformalScore, ...]:
    """Return the conformal answers of one contestant, those of each fold calibrated on its own validation cases.

    Args:
        cases: Tested cases, one index lesion a patient.
        contestant: Whose posterior is made conformal.
        policy: Subtype policy.
        resamples: Resampled patients of the cases.

    Returns:
        A score for each question that some case decides; none where no calibrating cases are stored.
    """
    if cases.calibration is None or contestant not in {*cases.posteriors} & {*cases.calibration.posteriors}:
        return ()
    known = _index_lesions_of_folds(cases.calibration)
    asked, knowing = (_targets(part, contestant, policy) for part in (cases, known))
    folds = cases.fold, known.fold
    answered = [_of_classes(name, asked[name], knowing[name], folds=folds) for name in asked]
    answered.append(_of_ki67(cases, known, contestant))
    sites = np.array(sites_of(cases.records))
    return tuple(_score(one, sites=sites, resamples=resamples) for one in answered if len(one.rows))


def _targets(part: Predictions, contestant: str, policy: SubtypePolicy) -> dict[str, Target]:
    events = events_of(part.records)
    return targets_of(events, answers_of(part.posteriors[contestant], events, policy=policy))


def _of_classes(
    name: str, asked: Target, known: Target, *, folds: tuple[Int64[np.ndarray, " a"], Int64[np.ndarray, " b"]]
) -> _Answered:
    rows, usable = np.flatnonzero(asked.truth >= 0), np.flatnonzero(known.truth >= 0)
    calibrating, tested = folds[1][usable], folds[0][rows]
    scores = class_scores(known.probabilities[usable], known.truth[usable])
    thresholds = thresholds_by_fold(scores, calibrating=calibrating, tested=tested, level=LEVEL)
    sets, truth = class_sets(asked.probabilities[rows], thresholds), asked.truth[rows]
    return _Answered(
        target=name,
        calibrated_on=_fewest(calibrating, tested),
        rows=rows,
        held=sets[np.arange(len(rows)), truth],
        size=sets.sum(axis=1).astype(np.float64),
        classes=tuple(asked.classes[one] for one in truth),
    )


def _of_ki67(cases: Predictions, known: Predictions, contestant: str) -> _Answered:
    (rows, ends, truth), (usable, known_ends, known_truth) = (_ki67(part, contestant) for part in (cases, known))
    calibrating, tested = known.fold[usable], cases.fold[rows]
    scores = interval_scores(known_ends, known_truth)
    thresholds = thresholds_by_fold(scores, calibrating=calibrating, tested=tested, level=LEVEL)
    intervals = widened(ends, thresholds, within=(0.0, 1.0))
    return _Answered(
        target=KI67,
        calibrated_on=_fewest(calibrating, tested),
        rows=rows,
        held=(intervals[:, 0] <= truth) & (truth <= intervals[:, 1]),
        size=PERCENT * (intervals[:, 1] - intervals[:, 0]),
        classes=(),
    )


def _ki67(
    part: Predictions, contestant: str
) -> tuple[Int64[np.ndarray, " exact"], Float64[np.ndarray, "exact 2"], Float64[np.ndarray, " exact"]]:
    """Return the cases with a percentage, the posterior's central interval of each, and what was measured."""
    events = events_of(part.records)
    rows = np.flatnonzero(has_percentage(events))
    posterior: PanelPosterior = part.posteriors[contestant].take(rows)
    ends = [posterior.ki67_quantile(tail) for tail in ((1 - LEVEL) / 2, (1 + LEVEL) / 2)]
    return rows, np.column_stack(ends), ki67_reference(events)[rows]


def _score(one: _Answered, *, sites: np.ndarray, resamples: Resamples) -> ConformalScore:
    level = resamples.level
    no_set = Estimate.absent("an interval is no set", n=len(one.rows), level=level)
    return ConformalScore(
        target=one.target,
        level=LEVEL,
        calibrated_on=one.calibrated_on,
        coverage=_share(one.held, level),
        by_class=_shares(one.held, np.array(one.classes), level) if one.classes else {},
        by_site=_shares(one.held, sites[one.rows], level) if len(np.unique(sites)) > 1 else {},
        size=bootstrap(mean_of(one.size), resamples.take(one.rows)),
        single=_share(one.size == 1, level) if one.classes else no_set,
    )


def _share(held: Bool[np.ndarray, " case"], level: float) -> Estimate:
    return proportion(int(held.sum()), len(held), level=level)


def _shares(held: Bool[np.ndarray, " case"], labels: np.ndarray, level: float) -> dict[str, Estimate]:
    return {str(label): _share(held[labels == label], level) for label in np.unique(labels)}


def _fewest(calibrating: Int64[np.ndarray, " a"], tested: Int64[np.ndarray, " b"]) -> int:
    return min((int((calibrating == fold).sum()) for fold in np.unique(tested)), default=0)


def _index_lesions_of_folds(calibration: Predictions) -> Predictions:
    """Return one lesion a patient and fold; a patient may calibrate for several folds."""
    folds = [np.flatnonzero(calibration.fold == fold) for fold in np.unique(calibration.fold)]
    rows = [part[calibration.take(part).index_lesions()] for part in folds]
    return calibration.take(np.concatenate(rows))
