"""A study: every contestant scored on the same patients, cohort by cohort and together.

It is made from stored predictions alone, so that it can be made again without training. More
contestants, splits or statistics are further entries of the same dictionaries.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from onephase.arrays import Int64
from onephase.biomarkers.panel import Events
from onephase.cohort.flow import CohortFlow
from onephase.cohort.lesions import events_of
from onephase.evaluation.predictions import NETWORK, ORACLE, PRIOR, Predictions
from onephase.evaluation.scoring.answers import SCORED_RECEPTORS, Answers, answers_of
from onephase.evaluation.scoring.comparisons import Versus, as_one_family, contender, versus
from onephase.evaluation.scoring.conformal_scores import ConformalScore, conformal_scores
from onephase.evaluation.scoring.ki67_scores import has_percentage
from onephase.evaluation.scoring.scores import Scores, TrainingPrior, score
from onephase.evaluation.scoring.subgroups import subgroups_of
from onephase.settings import SubtypePolicy
from onephase.statistics.bootstrap import RESAMPLES, Resamples

ALL_COHORTS = "all cohorts"
COMPARED = "compared"
UNCOMPARED = (PRIOR, ORACLE)
"""Never compared one against one: the prior stands in every row already, the oracle is no rival."""


@dataclass(frozen=True, slots=True)
class FlowRow:
    """From lesions to scored cases, for one group.

    Attributes:
        group: Cohort, or all of them.
        lesions: Lesions with a prediction.
        cases: Index lesions, one a patient: what is scored.
        positive: Scored cases with a positive status, by receptor.
        negative: Scored cases with a negative status, by receptor.
        ki67: Scored cases with a Ki-67 percentage.
    """

    group: str
    lesions: int
    cases: int
    positive: dict[str, int]
    negative: dict[str, int]
    ki67: int

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Compared:
    """Who is compared with whom; all comparisons of a group are one family of tests.

    Attributes:
        lead: The contestant that the study is about.
        rivals: The others, each of which it is compared with.
    """

    lead: str
    rivals: tuple[str, ...]

    @classmethod
    def stored_in(cls, predictions: Predictions) -> "Compared":
        """Return what the predictions were stored with; without it, the network and everybody else."""
        others = [name for name in predictions.posteriors if name != NETWORK]
        lead, *rivals = predictions.facts.get(COMPARED, [NETWORK, *others])
        return cls(lead, tuple(rivals))

    def stored(self, predictions: Predictions) -> Predictions:
        """Return the predictions with it among their facts, so that whoever makes the page again compares the same."""
        return replace(predictions, facts={**predictions.facts, COMPARED: [self.lead, *self.rivals]})


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of one group of cases.

    Attributes:
        name: Cohort, or all of them.
        flow: How many cases stand behind the figures.
        scores: By contestant, in the order of the tables.
        versus: The lead against each rival; all their figures are one family of tests.
    """

    name: str
    flow: FlowRow
    scores: dict[str, Scores]
    versus: tuple[Versus, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "name": self.name,
            "flow": self.flow.to_json(),
            "scores": {name: scores.to_json() for name, scores in self.scores.items()},
            "versus": [one.to_json() for one in self.versus],
        }


@dataclass(frozen=True, slots=True)
class Study:
    """All groups of a study.

    Attributes:
        protocol: How the cases were kept apart from training.
        simulated: Cases that are simulated, of all.
        policy: Subtype policy.
        level: Coverage that intervals aim at.
        groups: Cohort by cohort; all together last, where there are several.
        conformal: Conformal answers of the network on all cases; none where nothing is stored to calibrate them.
        cohort_flow: What became of the rows of each cohort table; empty where that is not known.
        facts: Versions, settings, seeds, those of the bootstrap among them.
    """

    protocol: str
    simulated: int
    policy: SubtypePolicy
    level: float
    groups: tuple[Group, ...]
    conformal: tuple[ConformalScore, ...]
    cohort_flow: tuple[CohortFlow, ...]
    facts: Mapping[str, Any]

    @property
    def whole(self) -> Group:
        """The group that holds every case."""
        return self.groups[-1]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "protocol": self.protocol,
            "simulated": self.simulated,
            "policy": self.policy,
            "level": self.level,
            "groups": [group.to_json() for group in self.groups],
            "conformal": [one.to_json() for one in self.conformal],
            "cohort_flow": [one.to_json() for one in self.cohort_flow],
            "facts": dict(self.facts),
        }


def study_of(
    predictions: Predictions,
    *,
    policy: SubtypePolicy,
    seed: int = 1,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> Study:
    """Score every contestant of ``predictions``, cohort by cohort and together.

    Args:
        predictions: Contestants on the same cases.
        policy: Subtype policy.
        seed: Seed of the bootstrap.
        resamples: Bootstrap resamples.
        level: Coverage that intervals aim at.

    Returns:
        The study. Only the largest lesion with a label of each patient is scored.
    """
    cases = predictions.take(predictions.index_lesions())
    patients = [record.identity for record in cases.records]
    drawn = Resamples.draw(patients, np.random.default_rng(seed), resamples=resamples, level=level)
    events = events_of(cases.records)
    answers = {name: answers_of(posterior, events, policy=policy) for name, posterior in cases.posteriors.items()}
    names = np.array([record.cohort for record in cases.records])
    lesions = [record.cohort for record in predictions.records]
    who = Compared.stored_in(predictions)
    groups = []
    for name in sorted(set(lesions)):
        rows = np.flatnonzero(names == name)
        flow = _flow(name, lesions.count(name), events.take(rows))
        groups.append(_group(flow, cases.take(rows), answers, who, rows=rows, resamples=drawn.take(rows)))
    if len(groups) > 1:
        rows = np.arange(len(cases))
        flow = _flow(ALL_COHORTS, len(lesions), events)
        groups.append(_group(flow, cases, answers, who, rows=rows, resamples=drawn))
    return Study(
        protocol=predictions.protocol,
        simulated=sum(record.provenance == "simulated" for record in cases.records),
        policy=policy,
        level=level,
        groups=tuple(groups),
        conformal=conformal_scores(cases, NETWORK, policy=policy, resamples=drawn),
        cohort_flow=predictions.cohort_flow,
        facts={**predictions.facts, "bootstrap_resamples": resamples, "bootstrap_seed": seed},
    )


def _group(
    flow: FlowRow,
    members: Predictions,
    answers: Mapping[str, Answers],
    compared: Compared,
    *,
    rows: Int64[np.ndarray, " member"],
    resamples: Resamples,
) -> Group:
    """Score the cases ``members``, which are the rows ``rows`` of ``answers``."""
    events = events_of(members.records)
    own = {name: one.take(rows) for name, one in answers.items()}
    prior = TrainingPrior(own[PRIOR].log_probability, members.ki67_constant)
    whole = len(rows) == len(answers[PRIOR])
    parts = subgroups_of(members.records, volume_ml=members.volume_ml) if whole else ()
    scores = {name: score(events, one, prior=prior, resamples=resamples, subgroups=parts) for name, one in own.items()}
    return Group(flow.group, flow, scores, _family(events, own, compared, resamples=resamples))


def _family(
    events: Events, answers: Mapping[str, Answers], compared: Compared, *, resamples: Resamples
) -> tuple[Versus, ...]:
    """Compare the lead, where it has answers, with each of its rivals."""
    rivals = [name for name in compared.rivals if name not in UNCOMPARED]
    if compared.lead not in answers or not rivals:
        return ()
    lead, *others = (contender(name, events, answers[name], resamples=resamples) for name in (compared.lead, *rivals))
    return as_one_family([versus(lead, other) for other in others])


def _flow(name: str, lesions: int, events: Events) -> FlowRow:
    status = {receptor: events.status(receptor) for receptor in SCORED_RECEPTORS}
    return FlowRow(
        group=name,
        lesions=lesions,
        cases=len(events),
        positive={receptor: int((values == 1).sum()) for receptor, values in status.items()},
        negative={receptor: int((values == 0).sum()) for receptor, values in status.items()},
        ki67=int(has_percentage(events).sum()),
    )
