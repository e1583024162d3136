"""The oracle: Bayes' answer from the true phenotype, hence the ceiling of every score on a simulated cohort.

Nobody who sees the image can know more of the biology than the phenotype tells, and the image tells of the
phenotype only so much. The posterior is exact up to a grid: the prior over receptor cells and true Ki-67,
times the normal likelihood of the latent scores, carried through the reading error to the Ki-67 that
pathology records, which is what everybody is scored against.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.linalg import solve_triangular
from scipy.special import logit

from onephase.biomarkers.panel import CELLS, PR_UNKNOWN, Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.subtypes import POLICIES, SUBTYPES
from onephase.settings import SubtypePolicy
from onephase.simulation.biology import CELL_PREVALENCE, ki67_prior, reading_probability
from onephase.simulation.phenotype import CUE_NAMES, RESIDUAL_FACTOR, latent_scores, mean_scores
from onephase.simulation.truth import Truth

TRUE_KI67_EDGES: Float64[np.ndarray, " edge"] = np.linspace(0, 1, 201) ** 1.5  # finer where tumours are many
READ_KI67_EDGES: Float64[np.ndarray, " edge"] = np.linspace(0, 1, 101)  # whole percentages, as recorded
CHUNK_CASES = 500  # keeps the working array of cases, cells and true Ki-67 below 10 MB


@dataclass(frozen=True, slots=True, eq=False)
class OraclePosterior:
    """A distribution over receptor cells and recorded Ki-67, one a case, on whole percentages.

    Attributes:
        mass: Probability of each cell and each percentage [i, i + 1) of recorded Ki-67; a case sums to 1.
            Within a percentage the distribution is even.
    """

    mass: Float64[np.ndarray, "case 8 100"]

    def __post_init__(self) -> None:
        """Refuse masses that do not sum to 1."""
        if not np.allclose(self.mass.sum(axis=(1, 2)), 1, atol=1e-9):
            message = "the masses of an oracle posterior must sum to 1 for every case"
            raise ValueError(message)
        self.mass.setflags(write=False)

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.mass)

    def take(self, rows: np.ndarray | slice) -> "OraclePosterior":
        """Return the posterior of some cases, by index, mask or slice."""
        return type(self)(self.mass[rows].copy())

    def cells(self) -> Float64[np.ndarray, "case 8"]:
        """Return the probability of each receptor cell, in the order of ``panel.CELLS``."""
        return np.asarray(self.mass.sum(axis=2))

    def marginals(self) -> Float64[np.ndarray, "case 3"]:
        """Return P(ER positive), P(PR positive), P(HER2 positive)."""
        return np.asarray(np.minimum(self.cells() @ CELLS.astype(np.float64), 1.0))

    def hr(self) -> Float64[np.ndarray, " case"]:
        """Return P(HR positive): ER or PR."""
        return np.asarray(np.minimum(self.cells()[:, CELLS[:, 0] | CELLS[:, 1]].sum(axis=1), 1.0))

    def ki67_median(self) -> Float64[np.ndarray, " case"]:
        """Return the median recorded Ki-67 fraction, which no other answer beats in mean absolute error."""
        return self.ki67_quantile(0.5)

    def ki67_quantile(self, level: float) -> Float64[np.ndarray, " case"]:
        """Return the recorded Ki-67 fraction below which a case lies with probability ``level``."""
        below = _cumulative(self.mass.sum(axis=1))
        last = (below[:, 1:-1] <= level).sum(axis=1)  # the percentage in which the level is reached
        rows = np.arange(len(self))
        start, stop = below[rows, last], below[rows, last + 1]
        share = np.where(stop > start, (level - start) / np.where(stop > start, stop - start, 1), 0.0)
        return np.asarray((last + np.clip(share, 0, 1)) / (len(READ_KI67_EDGES) - 1))

    def log_probability(self, events: Events) -> Float64[np.ndarray, " case"]:
        """Return the log probability of each event; 0 for an event that knows nothing.

        Args:
            events: One event a case, or one event for all cases.
        """
        below = _cumulative(self.mass)
        start, stop = (np.broadcast_to(events.ki67[:, side], len(self)) for side in (0, 1))
        within = _below(below, stop) - _below(below, start)  # (case, cell)
        total = (within * events.cells).sum(axis=1)
        nothing = events.cells.all(axis=1) & (events.ki67 == np.array([0.0, 1.0])).all(axis=1)
        with np.errstate(divide="ignore"):  # an event that the oracle holds impossible
            return np.where(nothing, 0.0, np.minimum(np.log(np.maximum(total, 0.0)), 0.0))

    def subtype_probabilities(self, policy: SubtypePolicy) -> Float64[np.ndarray, "case 6"]:
        """Return the probability of each of ``subtypes.SUBTYPES``, *undecided* among them."""
        probabilities = np.zeros((len(self), len(SUBTYPES)))
        for piece in POLICIES[policy]:
            if PR_UNKNOWN not in piece.pr_high:
                continue  # needs a PR percentage, which no image tells
            event = Events(
                piece.cells[np.newaxis].copy(), np.array([piece.ki67]), np.array([PR_UNKNOWN], dtype=np.int8)
            )
            probabilities[:, piece.subtype] += np.exp(self.log_probability(event))
        return probabilities

    def panel_posterior(self) -> PanelPosterior:
        """Return the nearest posterior of the family that every contestant emits.

        Cells are kept; recorded Ki-67 in each cell becomes the logit-normal of the same mean and standard
        deviation on the logit. ``docs/simulation.md`` says what that costs.
        """
        middle = logit((READ_KI67_EDGES[1:] + READ_KI67_EDGES[:-1]) / 2)
        cells = np.maximum(self.cells(), np.finfo(np.float64).tiny)
        share = self.mass / cells[:, :, None]
        mu = share @ middle
        sigma = np.sqrt(np.maximum(share @ middle**2 - mu**2, 1e-6))
        cases = len(self)
        return PanelPosterior(
            np.log(cells / cells.sum(axis=1, keepdims=True)),
            mu,
            sigma,
            np.tile(np.array([0.0, 1.0]), (cases, 1)),
            np.full(cases, PR_UNKNOWN, dtype=np.int8),
        )


def oracle_posterior(truth: Truth, *, cues: Sequence[str] = CUE_NAMES) -> OraclePosterior:
    """Return Bayes' answer to each case's true phenotype, or to a part of it.

    Args:
        truth: The truth of a simulated cohort; only its phenotype is used.
        cues: The visible properties that are looked at; the others are as unknown as if they had not been seen.
    """
    seen = [CUE_NAMES.index(cue) for cue in cues]
    # of a normal distribution, some of its variables are normal with their part of the covariance
    factor = np.linalg.cholesky((RESIDUAL_FACTOR @ RESIDUAL_FACTOR.T)[np.ix_(seen, seen)])
    middle = (TRUE_KI67_EDGES[1:] + TRUE_KI67_EDGES[:-1]) / 2
    bins = len(middle)
    prior = (ki67_prior(TRUE_KI67_EDGES) * CELL_PREVALENCE[:, None]).ravel()
    means = mean_scores(np.repeat(np.arange(8, dtype=np.int8), bins), np.tile(middle, 8))
    means = solve_triangular(factor, means.T[seen], lower=True)  # (cue, cell and Ki-67), residuals made white
    scores = solve_triangular(factor, latent_scores(truth.phenotype).T[seen], lower=True).T
    with np.errstate(divide="ignore"):
        offset = np.log(prior) - (means**2).sum(axis=0) / 2
    reading = reading_probability(middle, READ_KI67_EDGES)
    mass = np.empty((len(truth), 8, len(READ_KI67_EDGES) - 1))
    for start in range(0, len(truth), CHUNK_CASES):
        log_posterior = scores[start : start + CHUNK_CASES] @ means + offset
        weight = np.exp(log_posterior - log_posterior.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        mass[start : start + CHUNK_CASES] = weight.reshape(-1, 8, bins) @ reading
    return OraclePosterior(mass)


def _cumulative(mass: Float64[np.ndarray, "*case 100"]) -> Float64[np.ndarray, "*case 101"]:
    return np.concatenate([np.zeros((*mass.shape[:-1], 1)), np.cumsum(mass, axis=-1)], axis=-1)


def _below(
    cumulative: Float64[np.ndarray, "case 8 101"], fraction: Float64[np.ndarray, " case"]
) -> Float64[np.ndarray, "case 8"]:
    """Return P(cell and Ki-67 below a fraction), evenly within a percentage."""
    percent = fraction * (len(READ_KI67_EDGES) - 1)
    floor = np.minimum(percent.astype(np.intp), len(READ_KI67_EDGES) - 2)
    rows = np.arange(len(fraction))
    start, stop = cumulative[rows, :, floor], cumulative[rows, :, floor + 1]
    return np.asarray(start + (percent - floor)[:, None] * (stop - start))
