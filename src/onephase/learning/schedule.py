"""What changes from step to step beside the weights: the learning rate and how much of the average stays."""

import math

WARM_UP_SHARE = 0.05
"""Share of all steps over which the learning rate rises (our choice)."""


def learning_rate_share(step: int, *, steps: int) -> float:
    """Return the share of the full learning rate at a step: a linear rise, then half a cosine down to 0.

    Args:
        step: From 0.
        steps: Of the whole run.

    References:
        Loshchilov and Hutter 2017, SGDR, arXiv 1608.03983, equation 5 without restarts.

    Examples:
        >>> [round(learning_rate_share(step, steps=100), 2) for step in (0, 4, 5, 52, 99)]
        [0.2, 1.0, 1.0, 0.51, 0.0]
    """
    warm_up = max(1, round(WARM_UP_SHARE * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def averaging_decay(step: int, *, decay: float) -> float:
    """Return how much of the averaged weights stays at a step; little at first, so that the start is forgotten.

    Examples:
        >>> [round(averaging_decay(step, decay=0.99), 2) for step in (0, 10, 10_000)]
        [0.1, 0.55, 0.99]
    """
    return min(decay, (1 + step) / (10 + step))
