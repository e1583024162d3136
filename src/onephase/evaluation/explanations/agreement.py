"""How often an explanation finds where the truth lies: which of two regions tells more of a biomarker."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import combinations, permutations, product
from typing import Any

import numpy as np

from onephase.arrays import Float64
from onephase.evaluation.explanations.looking import REGIONS, ByRegion
from onephase.evaluation.explanations.region_truth import TASKS
from onephase.statistics.bootstrap import Counts, Resamples, bootstrap, bootstrap_each, mean_of, means_of
from onephase.statistics.estimate import Estimate

TIE = 0.5
ROUNDING = 1e-9
EVEN_TO = 1e-6
"""Of their size; networks answer in single precision, whose rounding is no ranking."""
NONE = "none"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two regions of which the first really tells more of a biomarker."""

    task: int
    more: int
    less: int


@dataclass(frozen=True, slots=True)
class RegionTruth:
    """What each region's cues alone tell of each biomarker.

    Attributes:
        information: By task and region, nats a case that the oracle loses without the region's cues.
        pairs: Pairs of regions whose difference has an interval that excludes zero; the others rank nothing.
    """

    information: dict[str, dict[str, Estimate]]
    pairs: tuple[Pair, ...]

    @classmethod
    def of(cls, lost: ByRegion, *, resamples: int, seed: int = 1) -> "RegionTruth":
        """Return the truth told by the loss of each simulated case."""
        drawn = Resamples.draw([str(row) for row in range(len(lost))], np.random.default_rng(seed), resamples=resamples)
        pairs = [(row, *pair) for row in range(len(TASKS)) for pair in combinations(range(len(REGIONS)), 2)]
        gaps = [lost[:, row, one] - lost[:, row, other] for row, one, other in pairs]
        by_region = lost.transpose(1, 2, 0).reshape(-1, len(lost))  # (task x region, case)
        found = bootstrap_each(means_of(np.concatenate([by_region, gaps])), drawn)
        information = {
            task: dict(zip(REGIONS, found[row * len(REGIONS) :], strict=False)) for row, task in enumerate(TASKS)
        }
        settled = tuple(
            Pair(row, one, other) if gap.value > 0 else Pair(row, other, one)
            for (row, one, other), gap in zip(pairs, found[len(by_region) :], strict=True)
            if gap.value is not None and gap.excludes(0.0)
        )
        return cls(information, settled)

    def about(self, tasks: Collection[str]) -> "RegionTruth":
        """Return the truth without the pairs of other tasks, of which a network that lacks them can say nothing."""
        return replace(self, pairs=tuple(pair for pair in self.pairs if TASKS[pair.task] in tasks))

    def first(self, task: str) -> str:
        """Return the region that tells most of a biomarker."""
        return max(self.information[task], key=lambda name: self.information[task][name].value or 0.0)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "information": {
                task: {name: one.to_json() for name, one in own.items()} for task, own in self.information.items()
            },
            "pairs": [
                {"task": TASKS[pair.task], "more": REGIONS[pair.more], "less": REGIONS[pair.less]}
                for pair in self.pairs
            ],
        }


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well one explanation ranks the regions; 0.5 is chance.

    Attributes:
        cohort: Share of the pairs that the mean over all cases ranks as the truth does. Twice it less 1 is
            Kendall's tau within biomarkers.
        case: The same ranked case by case, averaged over cases.
        chance: Share of all possible rankings of the regions that agree at least as well; one ranking for all
            biomarkers where the explanation knows none of them apart. None where nothing is settled.
        first: By task, the region that the mean over all cases ranks first; :data:`NONE` where several share that.
    """

    cohort: Estimate
    case: Estimate
    chance: float | None
    first: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "cohort": self.cohort.to_json(),
            "case": self.case.to_json(),
            "chance": self.chance,
            "first": self.first,
        }


def agreement_with(truth: RegionTruth, values: ByRegion, resamples: Resamples) -> Agreement:
    """Compare an explanation with the truth.

    Args:
        truth: Where the truth lies.
        values: The explanation, without a missing value.
        resamples: Drawn patients.
    """
    if not truth.pairs:
        absent = Estimate.absent("no pair of regions is settled", n=len(values), level=resamples.level)
        return Agreement(absent, absent, None, _first(values))
    per_case = np.mean(list(_ranked(truth, values)), axis=0)  # (case,)

    def by_mean(counts: Counts) -> Float64[np.ndarray, " resample"]:
        total = np.einsum("nc,ctr->ntr", counts, values)
        return np.asarray(np.mean(list(_ranked(truth, total)), axis=0))

    cohort, case = bootstrap(by_mean, resamples), bootstrap(mean_of(per_case), resamples)
    return Agreement(cohort, case, _chance(truth, values.mean(axis=0)), _first(values))


def _ranked(truth: RegionTruth, values: Float64[np.ndarray, "row task region"]) -> Iterator[np.ndarray]:
    """Yield, pair by pair, 1 where a row ranks it as the truth does, 0 where not, and a half for a tie."""
    for pair in truth.pairs:
        gap = values[:, pair.task, pair.more] - values[:, pair.task, pair.less]
        size = np.abs(values[:, pair.task]).max(axis=1)
        yield np.where(np.abs(gap) <= EVEN_TO * size, TIE, gap > 0)


def _chance(truth: RegionTruth, means: Float64[np.ndarray, "task region"]) -> float:
    """Return how many of all rankings agree with the truth at least as well as an explanation."""
    orders = list(permutations((1.0, 2.0, 3.0)))
    one_for_all = bool((means == means[0]).all())
    rankings = [[order] * len(TASKS) for order in orders] if one_for_all else product(orders, repeat=len(TASKS))
    agreeing = np.mean(list(_ranked(truth, np.array(list(rankings)))), axis=0)
    found = np.mean(list(_ranked(truth, means[None])))
    return float((agreeing >= found - ROUNDING).mean())


def _first(values: ByRegion) -> dict[str, str]:
    means = values.mean(axis=0)
    return {task: _leading(own) for task, own in zip(TASKS, means, strict=True)}


def _leading(means: Float64[np.ndarray, " region"]) -> str:
    leads = np.flatnonzero(means >= means.max() - EVEN_TO * np.abs(means).max())
    return REGIONS[int(leads[0])] if len(leads) == 1 else NONE
