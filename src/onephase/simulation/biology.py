"""The biology behind a simulated case: which receptor cell the tumour belongs to, and its Ki-67.

Prevalences are a hospital's mix rather than a population registry's (HER2+ 20-25 %, triple negative
13-15 %). Ki-67 given the cell is a mixture of beta distributions; what pathology records is the true
index with a reading error. Marks as in ``docs/simulation.md``: [S] source read, [D] derived from one,
[J] our judgement.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int8
from scipy.special import betainc, ndtr, ndtri

CELL_PREVALENCE: Float64[np.ndarray, " cell"] = np.array([0.140, 0.080, 0.015, 0.005, 0.086, 0.034, 0.544, 0.096])
"""Share of each receptor cell, in the order of ``panel.CELLS``.

ER+ 76 %, PR+ 66 %, HER2+ 21.5 %, triple negative 14 %, HR- HER2+ 8 %: between SEER (PMC4580552 [S]:
HER2+ 14.9 %, triple negative 12.2 %) and MRI cohorts [J]. ER+ PR+ 64 % (Kurbel 2017: 67.7 % [S]),
ER- PR+ 2 % (1-2 % [J]); correlation of ER and PR .68 [D].
"""
CELL_PREVALENCE.setflags(write=False)


class BetaComponent(NamedTuple):
    """A beta distribution of the Ki-67 fraction, by its mean and standard deviation."""

    mean: float
    sd: float

    @property
    def shape(self) -> tuple[float, float]:
        """The two shape parameters."""
        size = self.mean * (1 - self.mean) / self.sd**2 - 1
        return self.mean * size, (1 - self.mean) * size


KI67_COMPONENTS = (
    BetaComponent(0.09, 0.04),  # slowly dividing, luminal A-like [J]
    BetaComponent(0.28, 0.12),  # luminal B-like, HER2 negative [J]
    BetaComponent(0.30, 0.15),  # luminal B-like, HER2 positive [J]
    BetaComponent(0.38, 0.18),  # HER2 positive, not luminal [J]
    BetaComponent(0.55, 0.22),  # triple negative [J]
)
"""Means and standard deviations by subtype, our judgement: no table of both was found in a primary
source. Together they give mean 26 % and median 20 %, as a registry of 4,329 (26.2 %, 20.5 % [S])."""

KI67_WEIGHTS: Float64[np.ndarray, "cell component"] = np.array(
    [
        [0.00, 0.00, 0.00, 0.00, 1.00],  # ER- PR- HER2-
        [0.00, 0.00, 0.00, 1.00, 0.00],  # ER- PR- HER2+
        [0.40, 0.60, 0.00, 0.00, 0.00],  # ER- PR+ HER2-
        [0.00, 0.00, 0.50, 0.50, 0.00],  # ER- PR+ HER2+
        [0.40, 0.60, 0.00, 0.00, 0.00],  # ER+ PR- HER2-: PR loss goes with proliferation (Kurbel 2017 [S])
        [0.10, 0.00, 0.90, 0.00, 0.00],  # ER+ PR- HER2+
        [0.60, 0.40, 0.00, 0.00, 0.00],  # ER+ PR+ HER2-
        [0.20, 0.00, 0.80, 0.00, 0.00],  # ER+ PR+ HER2+
    ]
)
KI67_WEIGHTS.setflags(write=False)

READING_ERROR_RELATIVE = 0.10
READING_ERROR_ABSOLUTE = 0.05
"""Reading noise of the recorded index: 10 % of it and 5 points [J]; interobserver ICC is .89-.91 [S]."""


@dataclass(frozen=True, slots=True, eq=False)
class Biology:
    """The latent biology of some tumours.

    Attributes:
        cell: Receptor cell of each case, an index into ``panel.CELLS``.
        ki67: True Ki-67 fraction.
        ki67_read: Ki-67 fraction as read in pathology, with its error; within (0, 1).
    """

    cell: Int8[np.ndarray, " case"]
    ki67: Float64[np.ndarray, " case"]
    ki67_read: Float64[np.ndarray, " case"]


def draw_biology(rng: np.random.Generator, *, cases: int) -> Biology:
    """Draw tumours independently of one another."""
    cell = rng.choice(8, size=cases, p=CELL_PREVALENCE)
    reached = np.cumsum(KI67_WEIGHTS[cell], axis=1)
    component = (rng.random((cases, 1)) * reached[:, -1:] > reached).sum(axis=1)
    shapes = np.array([part.shape for part in KI67_COMPONENTS])[component]
    ki67 = rng.beta(shapes[:, 0], shapes[:, 1])
    return Biology(cell.astype(np.int8), ki67, _read(ki67, rng=rng))


def ki67_prior(edges: Float64[np.ndarray, " edge"]) -> Float64[np.ndarray, "cell bin"]:
    """Return the probability of each interval between ``edges`` (fractions) of the true Ki-67, given the cell."""
    shapes = np.array([part.shape for part in KI67_COMPONENTS])
    below = betainc(shapes[:, :1], shapes[:, 1:], edges)  # (component, edge)
    return np.asarray(KI67_WEIGHTS @ np.diff(below, axis=1))


def reading_probability(
    ki67: Float64[np.ndarray, " true"], edges: Float64[np.ndarray, " edge"]
) -> Float64[np.ndarray, "true bin"]:
    """Return the probability that a true Ki-67 fraction is read between ``edges``, which span 0 to 1.

    The reading error is normal with the standard deviation of :func:`reading_sd`, truncated to 0..1.
    """
    standard = (edges - ki67[:, None]) / reading_sd(ki67)[:, None]
    below = ndtr(standard)
    return np.asarray(np.diff(below, axis=1) / (below[:, -1:] - below[:, :1]))


def reading_sd(ki67: Float64[np.ndarray, " case"]) -> Float64[np.ndarray, " case"]:
    """Return the standard deviation of the reading error at a true Ki-67 fraction."""
    return np.asarray(np.hypot(READING_ERROR_RELATIVE * ki67, READING_ERROR_ABSOLUTE))


def _read(ki67: Float64[np.ndarray, " case"], *, rng: np.random.Generator) -> Float64[np.ndarray, " case"]:
    sd = reading_sd(ki67)
    lowest, highest = ndtr(-ki67 / sd), ndtr((1 - ki67) / sd)
    uniform = lowest + (highest - lowest) * rng.random(ki67.shape)
    return np.asarray(np.clip(ki67 + sd * ndtri(uniform), 0.0, np.nextafter(1.0, 0.0)))
