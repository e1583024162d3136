"""A share of cases, with the interval of Wilson, which stays within 0 and 1."""

from scipy.stats import norm

from onephase.statistics.estimate import Estimate


def proportion(count: int, n: int, *, level: float = 0.95) -> Estimate:
    """Return the share ``count / n`` with its score interval.

    Args:
        count: Cases that have the property, 0 to ``n``.
        n: All cases.
        level: Coverage that the interval aims at.

    Returns:
        The share; absent when there is no case. ``events`` is ``count``.

    References:
        Wilson 1927, J Am Stat Assoc 22:209, doi 10.1080/01621459.1927.10502953; without continuity
        correction, as in ``statsmodels.stats.proportion.proportion_confint(method="wilson")``.

    Examples:
        >>> proportion(8, 10).text()
        '0.800 (0.490 to 0.943)'
    """
    if not 0 <= count <= n:
        message = f"expected a count from 0 to n, got {count} of {n}"
        raise ValueError(message)
    if n == 0:
        return Estimate.absent("there is no case", n=0, events=0, level=level)
    share = count / n
    z2 = float(norm.ppf((1 + level) / 2)) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = (z2 * share * (1 - share) / n + z2**2 / (4 * n**2)) ** 0.5 / (1 + z2 / n)
    # rounding may push an end past the share itself at 0 and n
    return Estimate(share, max(0.0, min(share, centre - reach)), min(1.0, max(share, centre + reach)), n, count, level)
