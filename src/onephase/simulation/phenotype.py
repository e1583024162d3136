"""What a tumour looks like, given its biology: ten cues, each with the literature that it rests on.

Each cue is a monotone function of a latent score. The scores of a case are normal with unit residual
variance around a mean that is linear in the biology, so the likelihood of a phenotype is exact and the
oracle is Bayes' rule. An effect is a difference in residual standard deviations; an odds ratio becomes
one by ln(OR) * sqrt(3) / pi (Chinn, Stat Med 2000, 19:3127), so an odds ratio of 4 is 0.76.

A source in square brackets marks how far each effect is covered: [S] direction and size, [D] size derived
from the figure given, [J] direction from the source or our judgement, size ours.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int8
from scipy.special import logit, ndtr, ndtri

from onephase.biomarkers.panel import CELLS

KI67_CENTRE, KI67_SPREAD = -1.4, 1.2
"""Mean and standard deviation of logit Ki-67 in the cohort: effects of Ki-67 are per standard deviation."""


class Effects(NamedTuple):
    """Shift of a latent score, in residual standard deviations."""

    er: float = 0.0
    pr: float = 0.0
    her2: float = 0.0
    triple_negative: float = 0.0
    ki67: float = 0.0


@dataclass(frozen=True, slots=True)
class Cue:
    """One visible property and how it depends on biology.

    The value is ``lowest + (highest - lowest) * Phi(offset + slope * score)``, or the same on the
    logarithm where ``geometric``: bounded, smooth and invertible.
    """

    name: str
    lowest: float
    highest: float
    offset: float
    slope: float
    effects: Effects
    source: str
    geometric: bool = False

    def value(self, score: Float64[np.ndarray, "*case"]) -> Float64[np.ndarray, "*case"]:
        """Return the visible value of a latent score."""
        share = ndtr(self.offset + self.slope * score)
        if self.geometric:
            return np.asarray(self.lowest * (self.highest / self.lowest) ** share)
        return np.asarray(self.lowest + (self.highest - self.lowest) * share)

    def score(self, value: Float64[np.ndarray, "*case"]) -> Float64[np.ndarray, "*case"]:
        """Return the latent score of a visible value, the inverse of :meth:`value`."""
        if self.geometric:
            share = np.log(value / self.lowest) / np.log(self.highest / self.lowest)
        else:
            share = (value - self.lowest) / (self.highest - self.lowest)
        return np.asarray((ndtri(share) - self.offset) / self.slope)


CUES = (
    Cue(
        "size_mm", 7.0, 56.0, offset=0.27, slope=0.47, geometric=True,
        effects=Effects(er=-0.05, her2=0.45, ki67=0.25),
        source="medians LA 23, LB 27, HER2 33.5, TN 26 mm (ijradiology-64889) [D]; HER2 larger, p .041 (Malaysian) [J]",
    ),
    Cue(
        "spiculation", 0.0, 1.0, offset=-0.25, slope=0.80,
        effects=Effects(er=0.35, pr=0.20, triple_negative=-0.10, ki67=-0.25),
        source="ER/PR+ OR 4.16 (PMC8479344) [D]; lower Ki-67, p .007 (Lee) [J]",
    ),
    Cue(
        "lobulation", 0.02, 0.30, offset=-0.10, slope=0.80,
        effects=Effects(er=0.15, her2=0.35, triple_negative=-0.40),
        source="irregular: luminal, p .005 (Malaysian); round, smooth: TN (Galati, Uematsu, p <= .001) [J]",
    ),
    Cue(
        "rim", 0.0, 1.0, offset=-0.45, slope=0.90,
        effects=Effects(er=-0.20, pr=-0.20, triple_negative=0.25, ki67=0.20),
        source="TN 46.2 % (s43055-020-0147-z), ER- .001, PR- < .001, grade < .001 (Lee); OR about 4 for TN [D]",
    ),
    Cue(
        "necrosis", 0.0, 0.45, offset=-1.10, slope=0.85,
        effects=Effects(er=-0.20, triple_negative=0.35, ki67=0.30),
        source="to TN, away from LA, p <= .001 (Galati) [J]",
    ),
    Cue(
        "heterogeneity", 0.20, 0.75, offset=-0.20, slope=0.80,
        effects=Effects(er=0.20, her2=0.55, ki67=0.20),
        source="luminal heterogeneous (Chinese n = 134); HER2 by heterogeneity (10.1016/j.mri.2025.110429) [J]",
    ),
    Cue(
        "correlation_mm", 2.0, 9.0, offset=0.05, slope=0.95, geometric=True,
        effects=Effects(pr=0.20, her2=-0.55, ki67=-0.15),
        source="HER2 by intratumoral texture (10.1016/j.mri.2025.110429); direction and size [J]",
    ),
    Cue(
        "uptake_per_min", 0.06, 0.55, offset=-0.05, slope=0.75, geometric=True,
        effects=Effects(er=-0.10, pr=-0.10, her2=0.35, ki67=0.45),
        source="Ktrans: HER2 p .007, Ki-67, ER-, PR- p < .001 (PMC6303963); Ki-67 r .44 (10.21873/invivo.12717) [J]; "
        "weak on purpose, for early enhancement contradicts itself between cohorts",
    ),
    Cue(
        "oedema", 0.0, 1.0, offset=-0.50, slope=0.90,
        effects=Effects(er=-0.15, her2=0.50, triple_negative=0.30, ki67=0.30),
        source="TN p .004 (Malaysian), p <= .001 (Galati); HER2 (fonc.2025.1593033) [J]",
    ),
    Cue(
        "vessels", 0.0, 1.0, offset=-0.15, slope=0.85,
        effects=Effects(er=-0.15, pr=-0.15, her2=0.55, ki67=0.30),
        source="adjacent vessels: Ki-67 p .009, size (dir.2022.211228), ER, PR (AJR.11.7895); HER2 [J]",
    ),
)  # fmt: skip
CUE_NAMES = tuple(cue.name for cue in CUES)

RESIDUAL_CORRELATION: dict[tuple[str, str], float] = {
    ("size_mm", "necrosis"): 0.35,  # large tumours outgrow their supply
    ("size_mm", "oedema"): 0.25,  # dir.2022.211228
    ("size_mm", "vessels"): 0.25,  # Dietzel, KJR 2010: > 2 cm 65 % of adjacent vessels
    ("rim", "necrosis"): 0.35,
    ("oedema", "vessels"): 0.20,  # dir.2022.211228
    ("spiculation", "lobulation"): -0.15,
}
"""Correlation of two cues beyond what biology explains [J]; sources give the direction."""


def _effect_matrix() -> Float64[np.ndarray, "cue effect"]:
    return np.array([cue.effects for cue in CUES], dtype=np.float64)


def _residual_factor() -> Float64[np.ndarray, "cue cue"]:
    covariance = np.eye(len(CUES))
    for (one, other), value in RESIDUAL_CORRELATION.items():
        i, j = CUE_NAMES.index(one), CUE_NAMES.index(other)
        covariance[i, j] = covariance[j, i] = value
    return np.linalg.cholesky(covariance)


EFFECTS = _effect_matrix()
RESIDUAL_FACTOR = _residual_factor()


def mean_scores(
    cell: Int8[np.ndarray, "*case"], ki67: Float64[np.ndarray, "*case"]
) -> Float64[np.ndarray, "*case cue"]:
    """Return the mean latent scores of a receptor cell and a true Ki-67 fraction.

    Effects are centred on a typical tumour (ER+ PR+ HER2-, logit Ki-67 at its mean).
    """
    receptors = CELLS[cell].astype(np.float64)
    biology = np.concatenate(
        [
            receptors - np.array([1.0, 1.0, 0.0]),
            (~CELLS[cell].any(axis=-1, keepdims=True)).astype(np.float64),
            ((logit(np.clip(ki67, 1e-4, 1 - 1e-4)) - KI67_CENTRE) / KI67_SPREAD)[..., None],
        ],
        axis=-1,
    )
    return np.asarray(biology @ EFFECTS.T)


def draw_phenotype(
    cell: Int8[np.ndarray, " case"], ki67: Float64[np.ndarray, " case"], *, rng: np.random.Generator
) -> Float64[np.ndarray, "case cue"]:
    """Draw the visible properties of tumours, one column a cue, in the order of ``CUE_NAMES``."""
    residual = rng.standard_normal((len(cell), len(CUES))) @ RESIDUAL_FACTOR.T
    scores = mean_scores(cell, ki67) + residual
    return np.stack([cue.value(scores[:, column]) for column, cue in enumerate(CUES)], axis=1)


def latent_scores(phenotype: Float64[np.ndarray, "case cue"]) -> Float64[np.ndarray, "case cue"]:
    """Return the latent scores of visible properties."""
    return np.stack([cue.score(phenotype[:, column]) for column, cue in enumerate(CUES)], axis=1)
