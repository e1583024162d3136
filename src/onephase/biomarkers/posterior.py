"""The joint posterior over the panel; everything that is told of a case is read off it.

For each of the eight receptor cells a log probability and a normal on logit Ki-67, and one window
of Ki-67. Conditioning reweights the cells and narrows the window, so that it stays in this family.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onephase.arrays import Bool, Float64, Int8, Int64
from onephase.biomarkers.log_odds import expit, logit
from onephase.biomarkers.panel import CELLS, PR_UNKNOWN, Events
from onephase.biomarkers.potentials import PAIR_SIGNS, SIGNS, STATUS, Potentials
from onephase.biomarkers.truncated_normal import log_mass, sample_between
from onephase.errors import EvidenceError

HALVINGS = 21
"""Bisections of a window of at most 1 until it is below 1e-6: 2 ** -21 is 5e-7."""


@dataclass(frozen=True, slots=True, eq=False)
class PanelPosterior:
    """Distribution over (ER, PR, HER2, Ki-67), one a case.

    Attributes:
        log_cells: Log probability of each receptor cell; a row sums to 1 in probability.
        mu: Mean of logit Ki-67 in each cell, before the window.
        sigma: Standard deviation of logit Ki-67 in each cell, before the window.
        window: Interval [start, stop) in which the Ki-67 fraction is known to lie; (0, 1) is no window.
        pr_high: Whether PR is known to be at least 20 %: 1 yes, 0 no, -1 not known.
    """

    log_cells: Float64[np.ndarray, "case 8"]
    mu: Float64[np.ndarray, "case 8"]
    sigma: Float64[np.ndarray, "case 8"]
    window: Float64[np.ndarray, "case 2"]
    pr_high: Int8[np.ndarray, " case"]

    def __post_init__(self) -> None:
        """Refuse what is no distribution."""
        if not np.allclose(np.exp(self.log_cells).sum(axis=1), 1, atol=1e-9):
            message = "the receptor cells of a posterior must sum to 1"
            raise ValueError(message)
        if not (np.isfinite(self.mu).all() and np.isfinite(self.sigma).all() and (self.sigma > 0).all()):
            message = "mu must be finite and sigma finite and positive"
            raise ValueError(message)
        for array in (self.log_cells, self.mu, self.sigma, self.window, self.pr_high):
            array.setflags(write=False)

    @classmethod
    def from_potentials(cls, potentials: Potentials) -> "PanelPosterior":
        """Return the posterior that potentials stand for."""
        scores = potentials.unary @ STATUS.T + PAIR_SIGNS @ potentials.coupling  # (case, cell)
        cases = len(potentials)
        return cls(
            scores - np.logaddexp.reduce(scores, axis=1, keepdims=True),
            potentials.ki67_mu[:, np.newaxis] + SIGNS @ potentials.shift,
            np.repeat(potentials.ki67_sigma[:, np.newaxis], 8, axis=1),
            np.tile(np.array([0.0, 1.0]), (cases, 1)),
            np.full(cases, PR_UNKNOWN, dtype=np.int8),
        )

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.log_cells)

    def take(self, rows: np.ndarray | slice) -> "PanelPosterior":
        """Return the posterior of some cases, by index, mask or slice."""
        return PanelPosterior(
            self.log_cells[rows].copy(),
            self.mu[rows].copy(),
            self.sigma[rows].copy(),
            self.window[rows].copy(),
            self.pr_high[rows].copy(),
        )

    def repeated(self, cases: int) -> "PanelPosterior":
        """Return the posterior of one case as that of several: what is said of all alike."""
        return self.take(np.zeros(cases, dtype=np.int64))

    @classmethod
    def stack(cls, parts: "Sequence[PanelPosterior]") -> "PanelPosterior":
        """Join posteriors case after case, of one model or of several."""
        return cls(
            np.concatenate([part.log_cells for part in parts]),
            np.concatenate([part.mu for part in parts]),
            np.concatenate([part.sigma for part in parts]),
            np.concatenate([part.window for part in parts]),
            np.concatenate([part.pr_high for part in parts]),
        )

    def log_joint(self, events: Events) -> Float64[np.ndarray, "case 8"]:
        """Return the log probability that a case lies in a cell and in its event, cell by cell.

        Args:
            events: One event a case, or one event for all cases.
        """
        start, stop = self._narrowed(events)
        apart = start >= stop  # window and event have no Ki-67 in common
        within = self._log_mass(np.where(apart, self.window[:, 0], start), np.where(apart, self.window[:, 1], stop))
        share = np.minimum(within - self._log_mass(*self.window.T), 0.0)
        return np.where(events.cells & ~apart[:, np.newaxis], self.log_cells + share, -np.inf)

    def log_probability(self, events: Events) -> Float64[np.ndarray, " case"]:
        """Return the log probability of each event; at most 0, and exactly 0 for what is already certain.

        Args:
            events: One event a case, or one event for all cases.
        """
        total = np.logaddexp.reduce(self.log_joint(events), axis=1)
        return np.where(self.certain(events), 0.0, np.minimum(total, 0.0))

    def certain(self, events: Events) -> Bool[np.ndarray, " case"]:
        """Tell of which cases an event holds whatever the case is: it leaves out no possible cell and no Ki-67."""
        every_cell = (events.cells | np.isneginf(self.log_cells)).all(axis=1)
        return np.asarray(
            every_cell & (events.ki67[:, 0] <= self.window[:, 0]) & (events.ki67[:, 1] >= self.window[:, 1])
        )

    def given(self, events: Events) -> "PanelPosterior":
        """Return the posterior once the events are known: cells reweighted, window narrowed (Bayes).

        Args:
            events: One event a case, or one event for all cases.

        Raises:
            EvidenceError: If an event is impossible after what was given before.
        """
        log_joint = self.log_joint(events)
        likeliest = log_joint.max(axis=1, keepdims=True)
        clash = (self.pr_high != events.pr_high) & (self.pr_high != PR_UNKNOWN) & (events.pr_high != PR_UNKNOWN)
        impossible = np.isneginf(likeliest[:, 0]) | clash
        if impossible.any():
            message = f"what is given of row {int(impossible.argmax())} is impossible after what was given before"
            raise EvidenceError(message)
        weights = log_joint - likeliest  # first to the scale of 1, where digits are left to normalise with
        unchanged = self.certain(events)[:, np.newaxis]
        return PanelPosterior(
            np.where(unchanged, self.log_cells, weights - np.logaddexp.reduce(weights, axis=1, keepdims=True)),
            self.mu,
            self.sigma,
            np.stack(self._narrowed(events), axis=1),
            np.where(self.pr_high == PR_UNKNOWN, events.pr_high, self.pr_high),
        )

    def cells(self) -> Float64[np.ndarray, "case 8"]:
        """Return the probability of each receptor cell, in the order of :data:`CELLS`."""
        return np.asarray(np.exp(self.log_cells))

    def marginals(self) -> Float64[np.ndarray, "case 3"]:
        """Return P(ER positive), P(PR positive), P(HER2 positive)."""
        return np.asarray(np.minimum(self.cells() @ STATUS, 1.0))

    def hr(self) -> Float64[np.ndarray, " case"]:
        """Return P(HR positive): ER or PR."""
        return np.asarray(np.minimum(self.cells()[:, CELLS[:, 0] | CELLS[:, 1]].sum(axis=1), 1.0))

    def ki67_logit_moments(self) -> tuple[Float64[np.ndarray, " case"], Float64[np.ndarray, " case"]]:
        """Return mean and standard deviation of logit Ki-67 over all receptor cells, whatever was given of Ki-67."""
        cells = self.cells()
        mean = (cells * self.mu).sum(axis=1)  # (case,)
        variance = (cells * (self.sigma**2 + (self.mu - mean[:, np.newaxis]) ** 2)).sum(axis=1)
        return mean, np.sqrt(variance)

    def ki67_cdf(self, fraction: float | np.ndarray) -> np.ndarray:
        """Return P(Ki-67 below a fraction).

        Args:
            fraction: One fraction for all cases, or several (quantity,), or several a case (case, quantity).

        Returns:
            Shape (case,) for one fraction, else (case, quantity).
        """
        fractions = np.asarray(fraction, dtype=np.float64)
        at = np.broadcast_to(fractions, (len(self), *(fractions.shape[-1:] or (1,))))  # (case, quantity)
        below = np.stack([self._cdf(column) for column in at.T], axis=1)
        return below if fractions.ndim else below[:, 0]

    def ki67_quantile(self, level: float | np.ndarray) -> np.ndarray:
        """Return the Ki-67 fractions below which the case lies with the given probabilities, to 1e-6.

        Args:
            level: One probability, or several (level,).

        Returns:
            Shape (case,) for one level, else (case, level).
        """
        levels = np.asarray(level, dtype=np.float64)
        if not ((levels >= 0) & (levels <= 1)).all():
            message = f"a quantile's level is a probability from 0 to 1, got {level}"
            raise ValueError(message)
        each = self.take(np.repeat(np.arange(len(self)), levels.size))  # all levels at once
        found = each._quantile(np.tile(levels.ravel(), len(self)))  # (case x level)
        return found.reshape(len(self), *levels.shape)

    def ki67_median(self) -> Float64[np.ndarray, " case"]:
        """Return the median Ki-67 fraction, the point prediction."""
        return self._quantile(np.full(len(self), 0.5))

    def sample(
        self, rng: np.random.Generator, draws: int
    ) -> tuple[Int64[np.ndarray, "case draw"], Float64[np.ndarray, "case draw"]]:
        """Draw receptor cells, as rows of :data:`CELLS`, and Ki-67 fractions."""
        edges = np.cumsum(self.cells(), axis=1)[:, np.newaxis]  # (case, 1, cell)
        height = rng.random((len(self), draws, 1)) * edges[..., -1:]
        chosen = np.minimum((height >= edges).sum(axis=-1), len(CELLS) - 1)
        mu, sigma = (np.take_along_axis(array, chosen, axis=1) for array in (self.mu, self.sigma))
        start, stop = (logit(self.window[:, [side]]) for side in (0, 1))
        drawn = sample_between((start - mu) / sigma, (stop - mu) / sigma, rng=rng)
        return chosen, np.clip(expit(mu + sigma * drawn), self.window[:, :1], self.window[:, 1:])

    def _narrowed(self, events: Events) -> tuple[Float64[np.ndarray, " case"], Float64[np.ndarray, " case"]]:
        """Return start and stop of the window within each event; they cross where nothing is left."""
        if len(events) not in {1, len(self)}:
            message = f"expected one event a case ({len(self)}) or one for all, got {len(events)}"
            raise ValueError(message)
        start, stop = self.window.T
        return np.maximum(start, events.ki67[:, 0]), np.minimum(stop, events.ki67[:, 1])

    def _log_mass(
        self, start: Float64[np.ndarray, " case"], stop: Float64[np.ndarray, " case"]
    ) -> Float64[np.ndarray, "case 8"]:
        """Return the log probability of Ki-67 in [start, stop) in each cell, before the window."""
        mass = np.zeros(self.mu.shape)  # of the whole line
        part = (start > 0) | (stop < 1)
        mu, sigma = self.mu[part], self.sigma[part]
        lower, upper = (logit(end[part])[:, np.newaxis] for end in (start, stop))  # the ends 0 and 1 are infinite
        mass[part] = log_mass((lower - mu) / sigma, (upper - mu) / sigma)
        return mass

    def _cdf(self, fraction: Float64[np.ndarray, " case"]) -> Float64[np.ndarray, " case"]:
        start, stop = self.window.T
        inside = np.clip(fraction, start, stop)
        share = self._log_mass(start, inside) - self._log_mass(start, stop)
        below = np.exp(self.log_cells + np.minimum(share, 0.0)).sum(axis=1)
        return np.where(fraction >= stop, 1.0, np.minimum(below, 1.0))

    def _quantile(self, level: Float64[np.ndarray, " case"]) -> Float64[np.ndarray, " case"]:
        low, high = self.window.T
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            above = self._cdf(middle) >= level
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.asarray((low + high) / 2)
