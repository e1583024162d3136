"""The changes that are tried, in the order of the tables."""

from functools import partial

from onephase.evaluation.robustness.change import Change
from onephase.evaluation.robustness.image_changes import amplified, biased, noisy, thickened
from onephase.evaluation.robustness.other_scans import moved, rephased, retimed
from onephase.evaluation.robustness.outline_changes import boxed, regrown, shifted

MILLIMETRES = (1.0, 2.0, 3.0)
NOISE = (0.05, 0.10, 0.20)
"""Of the lesion's median intensity above the darkest surroundings; simulated sites have 0.035 to 0.06 (our choice)."""
FIELD = (0.1, 0.2, 0.3)
"""Standard deviation of the logarithm; simulated sites have 0.08 to 0.22 (our choice)."""
SECONDS = (-30.0, -15.0, 15.0, 30.0, 60.0)
SHIFTED_SITES = ("larch", "rowan")
"""Both lie outside the range of the sites that the presets train on (``simulation/sites.py``)."""


def all_changes() -> tuple[Change, ...]:
    """Return every change, family by family, mildest first."""
    return (
        *(Change(f"eroded by {mm:g} mm", "outline", partial(regrown, by_mm=-mm)) for mm in MILLIMETRES),
        *(Change(f"dilated by {mm:g} mm", "outline", partial(regrown, by_mm=mm)) for mm in MILLIMETRES),
        *(Change(f"shifted by {mm:g} mm", "outline", partial(shifted, by_mm=mm)) for mm in MILLIMETRES),
        Change("box in place of the mask", "outline", boxed),
        *(Change(f"scanner noise of {share:.0%}", "intensity", partial(noisy, share=share)) for share in NOISE),
        *(Change(f"bias field of {spread:.0%}", "intensity", partial(biased, spread=spread)) for spread in FIELD),
        *(Change(f"gain x {times:g}", "intensity", partial(amplified, times=times)) for times in (0.5, 2.0)),
        *(Change(f"slices {times} times as thick", "slices", partial(thickened, times=times)) for times in (2, 3)),
        *(Change(_timing(by_s), "contrast timing", partial(retimed, by_s=by_s)) for by_s in SECONDS),
        Change("phase before", "contrast timing", partial(rephased, by=-1)),
        Change("phase after", "contrast timing", partial(rephased, by=1)),
        *(Change(f"scanned at {site}", "site", partial(moved, site=site)) for site in SHIFTED_SITES),
    )


def _timing(by_s: float) -> str:
    return f"{abs(by_s):g} s {'later' if by_s > 0 else 'earlier'}"
