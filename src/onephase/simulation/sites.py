"""Hospitals: how each acquires its images and writes its pathology. All invented; none is a real site.

Ranges are those of ordinary breast protocols (in-plane 0.7-1 mm, slices 1.5-3 mm, first post-contrast
phase centred 60-150 s after injection, fat-suppressed 3-D spoiled gradient echo) [J].
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from onephase.errors import CohortError

Wording: TypeAlias = Literal["percent", "status", "scores", "hr"]


@dataclass(frozen=True, slots=True)
class Site:
    """One hospital.

    Attributes:
        name: Its name in the cohort table.
        field_t: Field strength in tesla; decides relaxation times and relaxivity.
        in_plane_mm: Spacing of rows and columns.
        slice_mm: Slice thickness and spacing.
        repetition_ms: Repetition time of the spoiled gradient echo.
        flip_degrees: Flip angle.
        time_s: Seconds from contrast arrival to the centre of k-space, mean and standard deviation.
        fat_residual: Share of the fat signal that suppression leaves.
        gain: Typical stored value of enhancing tissue.
        gain_spread: Standard deviation of the logarithm of a case's gain.
        noise: Noise in the real and imaginary channel, as a share of enhancing tissue's signal.
        bias: Standard deviation of the logarithm of the receive field.
        wording: How pathology is written there; ``hr`` records hormone-receptor status only.
        missing: Share of Ki-67 values that were never recorded.
    """

    name: str
    field_t: float
    in_plane_mm: float
    slice_mm: float
    repetition_ms: float
    flip_degrees: float
    time_s: tuple[float, float]
    fat_residual: float
    gain: float
    gain_spread: float
    noise: float
    bias: float
    wording: Wording
    missing: float = 0.0


SITES = {
    site.name: site
    for site in (
        # field, in plane, slice; repetition, flip; time; fat, gain, its spread, noise, bias; wording
        Site("alder", 3.0, 0.90, 1.8, 4.6, 10.0, (95.0, 8.0), 0.22, 900.0, 0.25, 0.035, 0.12, "percent"),
        Site("birch", 1.5, 0.80, 2.4, 5.2, 12.0, (80.0, 8.0), 0.30, 420.0, 0.25, 0.050, 0.08, "status", missing=0.1),
        Site("cedar", 3.0, 1.00, 1.5, 4.1, 9.0, (110.0, 10.0), 0.16, 1600.0, 0.30, 0.045, 0.16, "scores"),
        Site("elm", 1.5, 0.95, 2.0, 5.5, 14.0, (90.0, 10.0), 0.28, 300.0, 0.25, 0.050, 0.10, "hr"),
        Site("larch", 1.5, 0.85, 3.0, 6.2, 18.0, (140.0, 12.0), 0.38, 230.0, 0.35, 0.060, 0.18, "scores", missing=0.1),
        Site("rowan", 3.0, 0.75, 2.5, 3.8, 7.0, (65.0, 8.0), 0.12, 2600.0, 0.35, 0.060, 0.22, "percent"),
    )
}
"""``alder``, ``birch``, ``cedar`` are the internal hospitals of the presets; ``elm`` records HR only; ``larch``
and ``rowan`` lie outside their range in timing, flip angle, fat suppression, slices and noise."""


def site_of(name: str) -> Site:
    """Return a site by name.

    Raises:
        CohortError: If there is no such site.
    """
    if name not in SITES:
        message = f"there is no simulated site {name!r}: choose from {', '.join(SITES)}"
        raise CohortError(message)
    return SITES[name]
