"""Everything that is measured of one contestant on one set of cases, each figure with its interval and n."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onephase.arrays import Float64
from onephase.biomarkers.panel import Events
from onephase.evaluation.scoring.abstention_scores import AbstentionScore, abstention_scores
from onephase.evaluation.scoring.answers import SCORED_RECEPTORS, Answers
from onephase.evaluation.scoring.ki67_scores import Ki67Score, has_percentage, ki67_reference, ki67_score
from onephase.evaluation.scoring.panel_scores import PanelScore, panel_score
from onephase.evaluation.scoring.receptor_scores import ReceptorScore, receptor_scores
from onephase.evaluation.scoring.subgroups import Subgroup, SubgroupRow
from onephase.evaluation.scoring.subtype_scores import SubtypeScore, subtype_scores
from onephase.statistics.bootstrap import Resamples
from onephase.statistics.estimate import Estimate
from onephase.statistics.regression import mean_absolute_error
from onephase.statistics.roc import auc

PERCENT = 100


@dataclass(frozen=True, slots=True)
class Scores:
    """The figures of one contestant.

    Attributes:
        cases: Cases scored, one index lesion a patient.
        receptors: ER, PR, HER2 and HR.
        ki67: Ki-67.
        panel: Panel log-likelihood beside the prior's.
        subtypes: Surrogate subtypes of the policy, then receptor groups.
        abstention: What is left of the error when the unsure cases are left unanswered.
        subgroups: Rows by cohort, site and covariate.
    """

    cases: int
    receptors: tuple[ReceptorScore, ...]
    ki67: Ki67Score
    panel: PanelScore
    subtypes: tuple[SubtypeScore, ...]
    abstention: tuple[AbstentionScore, ...]
    subgroups: tuple[SubgroupRow, ...]

    def receptor(self, name: str) -> ReceptorScore:
        """Return the row of one receptor."""
        return self.receptors[SCORED_RECEPTORS.index(name)]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "cases": self.cases,
            "receptors": [one.to_json() for one in self.receptors],
            "ki67": self.ki67.to_json(),
            "panel": self.panel.to_json(),
            "subtypes": [one.to_json() for one in self.subtypes],
            "abstention": [one.to_json() for one in self.abstention],
            "subgroups": [one.to_json() for one in self.subgroups],
        }


@dataclass(frozen=True, slots=True, eq=False)
class TrainingPrior:
    """What those alone who were learned from say of each case, before its image is seen.

    Attributes:
        log_probability: That the panel of the training cases gives to what pathology found.
        ki67_median: Median Ki-67 fraction of training and validation cases; NaN where none has a percentage.
    """

    log_probability: Float64[np.ndarray, " case"]
    ki67_median: Float64[np.ndarray, " case"]


def score(
    events: Events,
    answers: Answers,
    *,
    prior: TrainingPrior,
    resamples: Resamples,
    subgroups: Sequence[Subgroup] = (),
) -> Scores:
    """Score one contestant.

    Args:
        events: What pathology found, one index lesion a patient, for intervals assume independent cases.
        answers: What the contestant says of each.
        prior: What the training cases alone say of each.
        resamples: Resampled patients of the cases; share them among contestants.
        subgroups: Parts of the cases that get a row of their own.
    """
    rows = tuple(
        SubgroupRow(
            subgroup.column,
            subgroup.value,
            len(subgroup.rows),
            _figures(
                events.take(subgroup.rows),
                answers.take(subgroup.rows),
                prior=prior.log_probability[subgroup.rows],
                resamples=resamples.take(subgroup.rows),
            ),
        )
        for subgroup in subgroups
    )
    return Scores(
        cases=len(events),
        receptors=receptor_scores(events, answers, resamples=resamples),
        ki67=ki67_score(events, answers, constant=prior.ki67_median, resamples=resamples),
        panel=panel_score(events, answers, prior=prior.log_probability, resamples=resamples),
        subtypes=subtype_scores(events, answers, resamples=resamples),
        abstention=abstention_scores(events, answers, resamples=resamples),
        subgroups=rows,
    )


def _figures(
    events: Events, answers: Answers, *, prior: Float64[np.ndarray, " case"], resamples: Resamples
) -> dict[str, Estimate]:
    figures: dict[str, Estimate] = {}
    for column, receptor in enumerate(SCORED_RECEPTORS):
        status = events.status(receptor)
        rows = np.flatnonzero(status >= 0)
        figures[receptor] = auc(answers.receptors[rows, column], status[rows] == 1, level=resamples.level)
    rows = np.flatnonzero(has_percentage(events))
    observed = ki67_reference(events)[rows]
    figures["ki67_mae_percent"] = mean_absolute_error(
        PERCENT * answers.ki67_median[rows], PERCENT * observed, resamples=resamples.take(rows)
    )
    figures["panel_gain"] = panel_score(events, answers, prior=prior, resamples=resamples).gain.difference
    return figures
