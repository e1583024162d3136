"""Simulated lessons in seeing: lesions whose appearance is known, made by scanners of every kind.

A lesson is a lesion of the frozen simulator with a random phenotype, acquired by a random scanner. The ten properties
are drawn independently of each other and of any biology, and no scanner is one of the simulated hospitals: what can be
learned here is how a lesion looks, never what its looks mean, which only a cohort's pathology tells.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float32

from onephase.cohort.workers import in_order
from onephase.imaging.case import Case, Mask, Volume
from onephase.imaging.geometry import Grid
from onephase.imaging.preprocessing import prepare_patch
from onephase.progress import Progress, silent
from onephase.settings import ImagingSettings, RegionSettings
from onephase.simulation.acquisition import draw_acquisition
from onephase.simulation.anatomy import examine
from onephase.simulation.lesion import Phenotype
from onephase.simulation.phenotype import CUES
from onephase.simulation.sites import Site

SCORE_SPREAD = 1.2
"""Of each latent score, so that rare looks are taught as well: within a cohort the spread is about 1.1."""

PATCHES = (
    ImagingSettings(),
    ImagingSettings(),
    ImagingSettings(spacing_mm=2.0, patch_voxels=(36, 36, 36)),
)
"""Sampling of the patch; lessons take turns. The default is taught twice as often as a coarser one."""


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """What is seen of some lesions, and what there is to see.

    Attributes:
        descriptors: The lesions in numbers.
        scores: Latent scores of their phenotype, in the order of ``simulation.phenotype.CUE_NAMES``.
    """

    descriptors: Float32[np.ndarray, "lesson descriptor"]
    scores: Float32[np.ndarray, "lesson cue"]

    def __len__(self) -> int:
        """Return the number of lessons."""
        return len(self.scores)

    def take(self, rows: Sequence[int] | slice) -> "Lessons":
        """Return some of them."""
        return Lessons(self.descriptors[rows], self.scores[rows])


def make_lessons(count: int, *, seed: int, workers: int = 1, progress: Progress = silent) -> Lessons:
    """Simulate lessons; each depends on the seed and its number alone.

    Args:
        count: At least 1.
        seed: Of all of them.
        workers: Number of processes.
        progress: Told after each lesson.
    """
    progress("simulate", 0, count)
    made = []
    with closing(in_order(partial(make_lesson, seed), range(count), workers=workers)) as lessons:
        for lesson in lessons:
            made.append(lesson)
            progress("simulate", len(made), count)
    return Lessons(np.stack([descriptors for descriptors, _ in made]), np.stack([scores for _, scores in made]))


def make_lesson(seed: int, number: int) -> tuple[Float32[np.ndarray, " descriptor"], Float32[np.ndarray, " cue"]]:
    """Return the descriptors of one lesion and its latent scores."""
    scanner, looks, anatomy, noise = np.random.default_rng([seed, number]).spawn(4)
    scores = SCORE_SPREAD * looks.standard_normal(len(CUES))
    phenotype = Phenotype(*(float(cue.value(scores[[place]])[0]) for place, cue in enumerate(CUES)))
    acquisition = draw_acquisition(scanner, site=draw_scanner(scanner))
    seen = examine(phenotype=phenotype, acquisition=acquisition, anatomy_rng=anatomy, noise_rng=noise)
    grid = Grid.axial(seen.image.shape, seen.spacing_mm, origin_mm=(0.0, 0.0, 0.0))
    case = Case(f"lesson {number}", Volume(seen.image.astype(np.float32), grid), Mask(seen.mask, grid))
    patch = prepare_patch(case, PATCHES[number % len(PATCHES)], RegionSettings())
    return patch.descriptors, scores.astype(np.float32)


def draw_scanner(rng: np.random.Generator) -> Site:
    """Draw a hospital's protocol from wider ranges than those of the simulated hospitals."""
    return Site(
        name="lesson",
        field_t=float(rng.choice((1.5, 3.0))),
        in_plane_mm=float(rng.uniform(0.65, 1.1)),
        slice_mm=float(rng.uniform(1.0, 3.2)),
        repetition_ms=float(rng.uniform(3.6, 6.5)),
        flip_degrees=float(rng.uniform(7, 18)),
        time_s=(float(rng.uniform(60, 150)), 10.0),
        fat_residual=float(rng.uniform(0.10, 0.42)),
        gain=float(np.exp(rng.uniform(np.log(200), np.log(3000)))),
        gain_spread=0.0,
        noise=float(rng.uniform(0.025, 0.065)),
        bias=float(rng.uniform(0.05, 0.25)),
        wording="percent",
    )
