"""ComBat: features of several sites brought to one location and scale, learnt from training cases alone.

Each feature of a site is shifted and scaled against the features of all sites; how far, every feature of the site
helps to estimate (parametric empirical Bayes), so that small sites are not pulled to their own chance. Sites also
differ in who is examined there; ComBat takes out that difference with the rest, so it can lose biology. Hence it is an
option, with contestants of its own.

A case of a site that did not train is refused: nothing is known of that site, and passing the case on as it is would
mix harmonised with unharmonised features unseen.

References:
    W. E. Johnson, C. Li, A. Rabinovic (2007), Biostatistics 8(1), 118-127, doi 10.1093/biostatistics/kxj037; the
    estimates as in the authors' program (sva, ``ComBat`` with ``par.prior=TRUE`` and no covariates).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from onephase.arrays import Float64, Int64
from onephase.errors import TrainingError

FEWEST_OF_A_SITE = 3
"""Fewer training cases of a site do not tell its spread."""

VARIES = 1e-9
"""Of its size, what a feature must differ by within sites: less is rounding."""

SETTLED = 1e-4
"""Relative change at which the estimates of a site count as settled, as in the authors' program."""

MOST_ROUNDS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Harmonisation:
    """Where each site's features lie, as its training cases tell.

    Attributes:
        sites: Of the training cases.
        centre: Mean of each feature over all training cases.
        scale: Standard deviation of each feature within sites; 1 where it does not vary there.
        shift: Of each site's features, in units of ``scale``; called gamma in the paper.
        spread: Factor of each site's standard deviation; the square root of delta squared in the paper.
    """

    sites: tuple[Hashable, ...]
    centre: Float64[np.ndarray, " feature"]
    scale: Float64[np.ndarray, " feature"]
    shift: Float64[np.ndarray, "site feature"]
    spread: Float64[np.ndarray, "site feature"]

    def of(
        self, features: Float64[np.ndarray, "case feature"], sites: Sequence[Hashable]
    ) -> Float64[np.ndarray, "case feature"]:
        """Return harmonised features of cases.

        Args:
            features: One row a case, none missing.
            sites: Site of each case.

        Raises:
            TrainingError: If a site had no training case.
        """
        place = {site: row for row, site in enumerate(self.sites)}
        unknown = sorted({str(site) for site in sites if site not in place})
        if unknown:
            message = (
                f"no case of the site {unknown[0]} was among the training cases, so its features cannot be "
                "harmonised: take a contestant without harmonisation"
            )
            raise TrainingError(message)
        rows = [place[site] for site in sites]
        standard = (features - self.centre) / self.scale
        return np.asarray((standard - self.shift[rows]) / self.spread[rows] * self.scale + self.centre)


def fit_harmonisation(features: Float64[np.ndarray, "case feature"], sites: Sequence[Hashable]) -> Harmonisation:
    """Learn the shift and the spread of each site.

    Args:
        features: One row a training case, none missing; at least two features that vary within sites.
        sites: Site of each case.

    Raises:
        TrainingError: If a site has fewer than :data:`FEWEST_OF_A_SITE` cases, or the estimates do not settle.
    """
    names = tuple(sorted(set(sites), key=str))
    site_of = np.array([names.index(site) for site in sites], dtype=np.int64)
    counts = np.bincount(site_of, minlength=len(names))
    if counts.min() < FEWEST_OF_A_SITE:
        message = (
            f"the site {names[int(counts.argmin())]} has {counts.min()} training cases, harmonising needs at least "
            f"{FEWEST_OF_A_SITE}: take a contestant without harmonisation"
        )
        raise TrainingError(message)
    centre = features.mean(axis=0)
    within = np.sqrt(((features - _means(features, site_of)[site_of]) ** 2).mean(axis=0))
    varies = within > VARIES * np.abs(features).max(axis=0)
    scale = np.where(varies, within, 1.0)
    standard = (features - centre) / scale
    # what only tells the sites apart is brought to one value, and must not speak for the other features
    shift = _means(standard, site_of)
    spread = np.ones_like(shift)
    for row in range(len(names)):
        shift[row, varies], spread[row, varies] = _site_estimates(standard[site_of == row][:, varies])
    return Harmonisation(names, centre, scale, shift, spread)


def _means(
    features: Float64[np.ndarray, "case feature"], site_of: Int64[np.ndarray, " case"]
) -> Float64[np.ndarray, "site feature"]:
    return np.stack([features[site_of == row].mean(axis=0) for row in range(int(site_of.max()) + 1)])


def _site_estimates(
    standard: Float64[np.ndarray, "case feature"],
) -> tuple[Float64[np.ndarray, " feature"], Float64[np.ndarray, " feature"]]:
    """Return shift and spread of a site's features: posterior means, found in turn until both settle."""
    cases = len(standard)
    mean, variance = standard.mean(axis=0), standard.var(axis=0, ddof=1)
    # hyperparameters by moments: a normal prior of the shift, an inverse gamma prior of the variance
    prior_mean, prior_variance = mean.mean(), mean.var(ddof=1)
    typical, scatter = variance.mean(), variance.var(ddof=1)
    shape, rate = typical**2 / scatter + 2, typical**3 / scatter + typical
    shift, squared = mean, variance
    for _ in range(MOST_ROUNDS):
        before = shift, squared
        shift = (cases * prior_variance * mean + squared * prior_mean) / (cases * prior_variance + squared)
        residual = ((standard - shift) ** 2).sum(axis=0)
        squared = (rate + residual / 2) / (cases / 2 + shape - 1)
        if _change(shift, before[0]) < SETTLED and _change(squared, before[1]) < SETTLED:
            return shift, np.sqrt(squared)
    message = f"harmonising did not settle in {MOST_ROUNDS} rounds: take a contestant without harmonisation"
    raise TrainingError(message)


def _change(now: Float64[np.ndarray, " feature"], before: Float64[np.ndarray, " feature"]) -> float:
    return float((np.abs(now - before) / np.maximum(np.abs(before), 1e-12)).max())
