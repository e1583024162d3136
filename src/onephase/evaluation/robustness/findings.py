"""What each change did: how far the answer moved, and what that cost where pathology knows better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from onephase.arrays import Float64
from onephase.biomarkers.panel import RECEPTORS, Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.cohort.lesions import events_of
from onephase.evaluation.robustness.change import Change
from onephase.evaluation.robustness.probing import UNCHANGED, Probed
from onephase.evaluation.scoring.answers import Answers, answers_of
from onephase.evaluation.scoring.comparisons import Versus, as_one_family, contender, versus
from onephase.settings import SubtypePolicy
from onephase.statistics.bootstrap import RESAMPLES, Resamples, bootstrap, mean_of
from onephase.statistics.estimate import Comparison, Estimate
from onephase.statistics.roc import auc

PERCENT = 100
MOVED = (*RECEPTORS, "ki67")
COSTS = (*RECEPTORS, "ki67_mae_percent", "panel_gain")


@dataclass(frozen=True, slots=True)
class ChangeFinding:
    """One change over the cases in which it could be made.

    Attributes:
        name: The change.
        family: What kind of change it is.
        cases: In how many cases it could be made.
        reasons: Why not in the others, with how many each reason has.
        moved: Mean absolute change of the probability of each receptor and of the Ki-67 median, in points of 100.
        costs: The changed answers less those as given, on the same cases: AUC of each receptor, the Ki-67 error
            (``ki67_mae_percent``, its sign turned) and the panel log-likelihood (``panel_gain``); below zero, the
            change has made it worse.
    """

    name: str
    family: str
    cases: int
    reasons: Mapping[str, int]
    moved: Mapping[str, Estimate]
    costs: Mapping[str, Comparison]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "name": self.name,
            "family": self.family,
            "cases": self.cases,
            "reasons": dict(self.reasons),
            "moved": {name: one.to_json() for name, one in self.moved.items()},
            "costs": {name: one.to_json() for name, one in self.costs.items()},
        }


@dataclass(frozen=True, slots=True)
class Robustness:
    """What a bundle's answers owe to outline and scan.

    Attributes:
        bundle: Its seal.
        cases: Cases with an answer as given.
        simulated: Simulated cases among them.
        problems: Why other cases have none.
        auc: AUC of each receptor as given.
        findings: Change by change; all their costs are one family of tests.
        facts: Seeds and versions.
    """

    bundle: str
    cases: int
    simulated: int
    problems: tuple[str, ...]
    auc: Mapping[str, Estimate]
    findings: tuple[ChangeFinding, ...]
    facts: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "bundle": self.bundle,
            "cases": self.cases,
            "simulated": self.simulated,
            "problems": list(self.problems),
            "auc": {name: one.to_json() for name, one in self.auc.items()},
            "findings": [one.to_json() for one in self.findings],
            "facts": dict(self.facts),
        }


def robustness_of(  # noqa: PLR0913 - what was tried on what, and how intervals are made
    probed: Sequence[Probed],
    changes: Sequence[Change],
    *,
    bundle: str,
    policy: SubtypePolicy,
    facts: Mapping[str, Any],
    seed: int = 1,
    resamples: int = RESAMPLES,
) -> Robustness:
    """Return what each change did, over the cases that have an answer.

    Args:
        probed: What became of each case, one lesion a patient.
        changes: What was tried.
        bundle: Seal of the bundle.
        policy: Subtype policy.
        facts: To be carried along.
        seed: Of the bootstrap.
        resamples: Bootstrap resamples.
    """
    answered = [one for one in probed if not one.problem]
    patients = [one.record.identity for one in answered]
    drawn = Resamples.draw(patients, np.random.default_rng(seed), resamples=resamples)
    events = events_of([one.record for one in answered])
    given = _answers(answered, UNCHANGED, policy) if answered else None
    findings, compared = [], []
    for change in changes:
        rows = np.array([row for row, one in enumerate(answered) if change.name in one.answers], dtype=np.int64)
        reasons = [one.reasons[change.name] for one in answered if change.name in one.reasons]
        counted = {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
        if given is None or len(rows) == 0:
            findings.append(ChangeFinding(change.name, change.family, 0, counted, {}, {}))
            continue
        after, before = _answers([answered[row] for row in rows], change.name, policy), given.take(rows)
        sampled = drawn.take(rows)
        known = events.take(rows)
        pair = (
            contender(name, known, answers, resamples=sampled, figures=COSTS)
            for name, answers in ((change.name, after), (UNCHANGED, before))
        )
        compared.append(versus(*pair))
        moved = {name: bootstrap(mean_of(points), sampled) for name, points in _moved(before, after).items()}
        findings.append(ChangeFinding(change.name, change.family, len(rows), counted, moved, {}))
    return Robustness(
        bundle=bundle,
        cases=len(answered),
        simulated=sum(one.record.provenance == "simulated" for one in answered),
        problems=tuple(one.problem for one in probed if one.problem),
        auc={} if given is None else _aucs(events, given),
        findings=_with_costs(findings, compared),
        facts={**facts, "bootstrap_resamples": resamples, "bootstrap_seed": seed},
    )


def _answers(probed: Sequence[Probed], name: str, policy: SubtypePolicy) -> Answers:
    posterior = PanelPosterior.stack([PanelPosterior.from_potentials(one.answers[name]) for one in probed])
    return answers_of(posterior, events_of([one.record for one in probed]), policy=policy)


def _moved(before: Answers, after: Answers) -> dict[str, Float64[np.ndarray, " case"]]:
    receptors = PERCENT * np.abs(after.receptors - before.receptors)
    ki67 = PERCENT * np.abs(after.ki67_median - before.ki67_median)
    return {**{name: receptors[:, column] for column, name in enumerate(RECEPTORS)}, "ki67": ki67}


def _aucs(events: Events, given: Answers) -> dict[str, Estimate]:
    aucs = {}
    for column, name in enumerate(RECEPTORS):
        status = events.status(name)
        rows = np.flatnonzero(status >= 0)
        aucs[name] = auc(given.receptors[rows, column], status[rows] == 1)
    return aucs


def _with_costs(findings: Sequence[ChangeFinding], compared: Sequence[Versus]) -> tuple[ChangeFinding, ...]:
    """Return the findings with their costs, all of them adjusted as one family of tests."""
    costs = {one.first: one.figures for one in as_one_family(compared)}
    return tuple(replace(one, costs=costs.get(one.name, {})) for one in findings)
