"""Many comparisons at once: p values that keep the risk of even one false finding at its level."""

from collections.abc import Sequence
from dataclasses import replace

from onephase.statistics.estimate import Comparison


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p values of one family after Holm's step-down procedure.

    Those at most alpha are the findings; the chance that any of them is false is then at most alpha,
    however the tests depend on each other.

    Args:
        p_values: Of every test of the family, each 0 to 1, in any order.

    References:
        Holm 1979, Scand J Stat 6:65, JSTOR 4615733.

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        (0.03, 0.06, 0.06)
    """
    adjusted = [0.0] * len(p_values)
    reached = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        # never below one that was smaller before
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = reached
    return tuple(adjusted)


def as_family(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Return the comparisons with their adjusted p values; one without a p value was no test and does not count."""
    adjusted = iter(holm([one.p_value for one in comparisons if one.p_value is not None]))
    return tuple(one if one.p_value is None else replace(one, adjusted_p=next(adjusted)) for one in comparisons)
