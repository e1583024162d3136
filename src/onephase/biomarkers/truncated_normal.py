"""Intervals of the standard normal, in logarithms that stay exact in both tails."""

import math

import numpy as np

from onephase.arrays import Float64

LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)
FAR_TAIL = -20.0
"""Below, the mass of the tail is a series; ``erfc`` would soon be 0."""


def log_ndtr(z: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    """Return log(Phi(z)), elementwise, to the last digits in both tails; as scipy's, whose import a prediction spares.

    Between the far tail and infinity by the standard library's ``erfc``, below by the asymptotic series (Abramowitz
    and Stegun 26.2.12), of which five terms are exact there.
    """
    far = z < FAR_TAIL
    near = np.where(far, 0.0, np.abs(z) / math.sqrt(2)).ravel()
    beyond = 0.5 * np.fromiter(map(math.erfc, near.tolist()), np.float64, len(near)).reshape(z.shape)
    with np.errstate(divide="ignore"):
        body = np.where(z > 0, np.log1p(-beyond), np.log(beyond))
    if not far.any():
        return np.asarray(body)
    tail = np.where(far, z, FAR_TAIL)
    inverse = 1 / tail**2
    series = -inverse * (1 - inverse * (3 - inverse * (15 - inverse * (105 - inverse * 945))))
    return np.where(far, log_density(tail) - np.log(-tail) + np.log1p(series), body)


def log_mass(
    lower: Float64[np.ndarray, "*shape"], upper: Float64[np.ndarray, "*shape"]
) -> Float64[np.ndarray, "*shape"]:
    """Return log(Phi(upper) - Phi(lower)), elementwise.

    Both ends are mirrored into the lower tail where they lie above 0, and the difference is taken
    between logarithms, so that neither underflow nor cancellation touches it. The whole line gives
    exactly 0, an empty interval minus infinity.

    Args:
        lower: Lower ends, possibly minus infinity.
        upper: Upper ends, possibly infinity; not below ``lower``.
    """
    above = lower > 0
    low, high = np.where(above, -upper, lower), np.where(above, -lower, upper)
    log_low, log_high = log_ndtr(low), log_ndtr(high)
    empty = low >= high
    gap = np.where(empty, 0.0, log_high - np.where(empty, 0.0, log_low))  # infinite where low is
    with np.errstate(divide="ignore"):
        log_share = np.where(gap < np.log(2), np.log(-np.expm1(-gap)), np.log1p(-np.exp(-gap)))
    return np.asarray(np.where(empty, -np.inf, log_high + log_share))


def log_density(z: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    """Return the log density of the standard normal; minus infinity at both infinities."""
    return np.asarray(-0.5 * z**2 - LOG_SQRT_2PI)


def sample_between(
    lower: Float64[np.ndarray, "*shape"], upper: Float64[np.ndarray, "*shape"], *, rng: np.random.Generator
) -> Float64[np.ndarray, "*shape"]:
    """Draw one value from the standard normal truncated to each [lower, upper]."""
    from scipy.special import ndtri_exp  # a prediction draws nothing and need not wait for it

    above = lower > 0
    low, high = np.where(above, -upper, lower), np.where(above, -lower, upper)
    log_share = np.log1p(-rng.random(low.shape))  # of a number in (0, 1], so never minus infinity
    drawn = ndtri_exp(np.minimum(np.logaddexp(log_ndtr(low), log_share + log_mass(low, high)), 0.0))
    return np.asarray(np.clip(np.where(above, -drawn, drawn), lower, upper))
