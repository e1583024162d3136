"""How many cases a comparison needs, told by a study that is at hand: its patients are drawn again, more or fewer.

Nothing is assumed of the scores. But the drawn patients differ by what the pilot found, which is itself
uncertain: a difference that chance has flattered asks for too few cases.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from scipy.stats import t

from onephase.arrays import Bool, Float64, Int64
from onephase.biomarkers.panel import Events
from onephase.biomarkers.subtypes import subtype_of
from onephase.cohort.lesions import events_of
from onephase.errors import CohortError
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.scoring.answers import SCORED_RECEPTORS, Answers, answers_of
from onephase.evaluation.scoring.ki67_scores import has_percentage, ki67_reference
from onephase.evaluation.scoring.subtype_scores import log_likelihood_of
from onephase.settings import SubtypePolicy
from onephase.statistics.estimate import Estimate
from onephase.statistics.proportion import proportion
from onephase.statistics.roc import compare_aucs

FigureName: TypeAlias = Literal["er", "pr", "her2", "hr", "ki67", "subtype", "panel"]
FIGURES: tuple[str, ...] = get_args(FigureName)
REPEATS = 500
PERCENT = 100
POLICY: SubtypePolicy = "ki67_20"

Rows: TypeAlias = Int64[np.ndarray, " drawn"]


@dataclass(frozen=True, slots=True)
class PilotPower:
    """The power that resampled studies of several sizes have.

    Attributes:
        figure: What is compared: the AUC of ``er``, ``pr``, ``her2`` or ``hr``, the error of ``ki67``, or
            the log-likelihood of the ``subtype`` (Ki-67 below 20 % parts A from B) or of the ``panel``.
        first: The contestant that shall be better.
        second: Its rival.
        gain: By how much the first was ahead in the pilot: AUC, Ki-67 points, or nats a case.
        test: The paired test that each resampled study runs.
        alpha: Size of the test.
        points: Number of cases that decide the figure, and the share of resampled studies that find a
            difference in favour of the first.
    """

    figure: FigureName
    first: str
    second: str
    gain: Estimate
    test: str
    alpha: float
    points: tuple[tuple[int, Estimate], ...]

    @property
    def unit(self) -> str:
        """What the gain is measured in."""
        return {"ki67": "points of Ki-67", "subtype": "nats a case", "panel": "nats a case"}.get(self.figure, "AUC")

    def enough(self, power: float) -> int | None:
        """Return the smallest size listed that reaches the power; None when none does."""
        return min((n for n, share in self.points if share.value is not None and share.value >= power), default=None)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "figure": self.figure,
            "first": self.first,
            "second": self.second,
            "gain": self.gain.to_json(),
            "unit": self.unit,
            "test": self.test,
            "alpha": self.alpha,
            "points": [{"cases": n, "power": share.to_json()} for n, share in self.points],
        }


def pilot_power(  # noqa: PLR0913 - each is a choice of whoever plans
    predictions: Predictions,
    figure: FigureName,
    *,
    contestants: tuple[str, str],
    sizes: Sequence[int],
    rng: np.random.Generator,
    alpha: float = 0.05,
    repeats: int = REPEATS,
) -> PilotPower:
    """Draw the patients of a stored study anew, ``repeats`` times a size, and count how often the test decides.

    Args:
        predictions: The pilot.
        figure: What is compared.
        contestants: The one that shall be better, and its rival.
        sizes: Numbers of cases that decide the figure.
        rng: Source of randomness.
        alpha: Size of the two-sided test.
        repeats: Resampled studies a size.

    Raises:
        CohortError: If a contestant is not in the pilot, or no case of it decides the figure.
    """
    cases = predictions.take(predictions.index_lesions())
    events = events_of(cases.records)
    for name in contestants:
        if name not in cases.posteriors:
            message = f"the pilot has no contestant {name!r}, it has {', '.join(cases.posteriors)}: name one of these"
            raise CohortError(message)
    first, second = (answers_of(cases.posteriors[name], events, policy=POLICY) for name in contestants)
    test = _test_of(figure, events, first, second)
    cases_of_figure = test.gain.n
    if cases_of_figure == 0:
        message = f"no case of the pilot decides {figure}: choose another figure or another pilot"
        raise CohortError(message)
    points = []
    for size in sizes:
        found = sum(test.p_of_gain(rows) <= alpha for rows in rng.integers(cases_of_figure, size=(repeats, size)))
        points.append((size, proportion(found, repeats)))
    return PilotPower(figure, *contestants, test.gain, test.words, alpha, tuple(points))


@dataclass(frozen=True, slots=True, eq=False)
class _PairedTest:
    """A paired test over the cases of a pilot that decide a figure.

    Attributes:
        words: Its name.
        gain: By how much the first is ahead over all of them.
        p_of_gain: Rows among those cases, some several times, to the two-sided p value; 1 where the
            first contestant is not ahead, or the rows define no test.
    """

    words: str
    gain: Estimate
    p_of_gain: Callable[[Rows], float]


def _test_of(figure: FigureName, events: Events, first: Answers, second: Answers) -> _PairedTest:
    if figure == "ki67":
        rows = np.flatnonzero(has_percentage(events))
        truth = ki67_reference(events)[rows]
        error, other = (PERCENT * np.abs(one.ki67_median[rows] - truth) for one in (first, second))
        return _mean_test(other - error)
    if figure == "subtype":
        subtype = subtype_of(events, POLICY)
        rows = np.flatnonzero(subtype >= 0)
        own, rival = (log_likelihood_of(subtype[rows], one.subtypes[rows]) for one in (first, second))
        return _mean_test(own - rival)
    if figure == "panel":
        rows = np.flatnonzero(events.informative())
        return _mean_test(first.log_probability[rows] - second.log_probability[rows])
    status, column = events.status(figure), SCORED_RECEPTORS.index(figure)
    rows = np.flatnonzero(status >= 0)
    return _auc_test(first.receptors[rows, column], second.receptors[rows, column], status[rows] == 1)


def _auc_test(
    score: Float64[np.ndarray, " case"], other: Float64[np.ndarray, " case"], positive: Bool[np.ndarray, " case"]
) -> _PairedTest:
    def p_of_gain(rows: Rows) -> float:
        comparison = compare_aucs(score[rows], other[rows], positive[rows])
        ahead = comparison.difference.value is not None and comparison.difference.value > 0
        return comparison.p_value if ahead and comparison.p_value is not None else 1.0

    return _PairedTest("DeLong's paired test", compare_aucs(score, other, positive).difference, p_of_gain)


def _mean_test(gain: Float64[np.ndarray, " case"]) -> _PairedTest:
    def p_of_gain(rows: Rows) -> float:
        drawn = gain[rows]
        if len(drawn) < 2 or drawn.mean() <= 0 or np.ptp(drawn) == 0:  # noqa: PLR2004 - one case has no spread
            return 1.0
        return float(2 * t.sf(drawn.mean() / drawn.std(ddof=1) * len(drawn) ** 0.5, len(drawn) - 1))

    if len(gain) < 2:  # noqa: PLR2004 - as above
        return _PairedTest("paired t test", Estimate.absent("there are fewer than two cases", n=len(gain)), p_of_gain)
    mean, reach = float(gain.mean()), float(t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / len(gain) ** 0.5)
    return _PairedTest("paired t test", Estimate(mean, mean - reach, mean + reach, n=len(gain)), p_of_gain)
