"""Which phase is the first post-contrast one, and by what sign; nobody guesses.

In order of trust: names of series, contrast attributes, the time of injection, a pause before the second
phase (the patient is injected in it), and the rise of the signal inside the region of interest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

import numpy as np

from onephase.arrays import Float
from onephase.readers.scan import PhaseFacts
from onephase.readers.series_names import is_post, is_pre, post_number

RISE = 0.25  # tumours rise by 50 % and more at first; what rises later (a persistent curve) is less than this
PAUSE = 1.3  # the first interval over the median of the later ones
EVEN = 0.2  # how alike the later intervals must be for a pause to mean something
MIN_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class FirstPost:
    """The first post-contrast phase and how it was found.

    Attributes:
        index: The phase, from 0.
        reason: The sign, in words that complete "first post-contrast because ...".
        certain: Whether a header says so; signs in times and signal are only likely.
    """

    index: int
    reason: str
    certain: bool


def first_post_by_headers(phases: Sequence[PhaseFacts]) -> FirstPost | None:
    """Decide by the headers of the phases, in order of time; None when they do not tell.

    Examples:
        >>> first_post_by_headers([PhaseFacts(words="ax dyn pre"), PhaseFacts(words="ax dyn 1st pass")])
        FirstPost(index=1, reason='it follows the series that is named pre-contrast', certain=True)
    """
    signs: tuple[Callable[[Sequence[PhaseFacts]], FirstPost | None], ...] = (_names, _agents, _injection, _pause)
    return next((found for sign in signs if (found := sign(phases))), None)


def first_post_by_signal(levels: Sequence[float]) -> FirstPost | None:
    """Decide by the signal of the enhancing tissue in each phase; None when there is no clear first rise.

    Args:
        levels: Signal inside the region of interest, phase by phase (see :func:`enhancing_level`).

    Examples:
        >>> first_post_by_signal([41.1, 69.6, 76.8]).index
        1
    """
    if min(levels) <= 0:
        return None
    rises = [after / before - 1 for before, after in pairwise(levels)]
    first = next((place for place, rise in enumerate(rises) if rise >= RISE), None)
    if first is None or rises[first] < max(rises):
        return None
    reason = f"the signal in the region of interest rises by {100 * rises[first]:.0f} % from phase {first + 1}"
    return FirstPost(first + 1, reason, certain=False)


def enhancing_level(roi: Float[np.ndarray, "phase voxel"]) -> list[float]:
    """Return the mean signal of each phase over the brightest quarter of a region.

    A box holds more than the lesion. The quarter is chosen on the mean over all phases, so the choice
    favours none of them.
    """
    mean = roi.mean(axis=0)
    bright = mean >= np.quantile(mean, 0.75)
    return [float(phase[bright].mean()) for phase in roi]


def _names(phases: Sequence[PhaseFacts]) -> FirstPost | None:
    words = [phase.words for phase in phases]
    pre = len(list(takewhile(is_pre, words)))
    if 0 < pre < len(phases) and not any(map(is_pre, words[pre:])):
        return FirstPost(pre, "it follows the series that is named pre-contrast", certain=True)
    first = [place for place, said in enumerate(words) if post_number(said) == 1]
    if len(first) == 1:
        return FirstPost(first[0], "its series is named the first post-contrast one", certain=True)
    if len(set(words)) > 1 and all(map(is_post, words)):
        return FirstPost(0, "it is the earliest of the series, which are all named post-contrast", certain=True)
    return None


def _agents(phases: Sequence[PhaseFacts]) -> FirstPost | None:
    plain = len(list(takewhile(lambda phase: not phase.contrast_agent, phases)))
    if 0 < plain < len(phases) and all(phase.contrast_agent for phase in phases[plain:]):
        return FirstPost(plain, "it is the first with a contrast agent in its header", certain=True)
    return None


def _injection(phases: Sequence[PhaseFacts]) -> FirstPost | None:
    bolus = next((phase.bolus_s for phase in phases if phase.bolus_s is not None), None)
    starts = [phase.start_s for phase in phases if phase.start_s is not None]
    if bolus is None or len(starts) < len(phases) or len(set(starts)) < len(starts):
        return None
    after = next((place for place, start in enumerate(starts) if start >= bolus), None)
    if after is None:
        return None
    return FirstPost(after, "it is the first to start after the injection that the header records", certain=True)


def _pause(phases: Sequence[PhaseFacts]) -> FirstPost | None:
    starts = [phase.start_s for phase in phases if phase.start_s is not None]
    if len(starts) < len(phases) or len(starts) <= MIN_INTERVALS:
        return None
    intervals = np.diff(starts)
    first, later = float(intervals[0]), intervals[1:]
    usual = float(np.median(later))
    if usual <= 0 or np.abs(later - usual).max() > EVEN * usual or first < PAUSE * usual:
        return None
    reason = f"the {first:.0f} s before it are a pause for the injection (later phases follow every {usual:.0f} s)"
    return FirstPost(1, reason, certain=False)
