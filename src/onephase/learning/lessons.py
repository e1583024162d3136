"""Simulated lessons in seeing: lesions whose appearance is known, made by scanners of every kind.

A lesson is a lesion of the frozen simulator with a random phenotype, acquired by a random scanner. The ten properties
are drawn independently of each other and of any biology, and no scanner is one of the simulated hospitals: what can be
learned here is how a lesion looks, never what its looks mean, which only a cohort's pathology tells.

Every lesion is seen twice: within its true outline, and as a cohort may show it, outlined a little otherwise, by the
program within a loose box, on a few slices that are not contiguous, or cut out with little around it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np

from onephase.arrays import Float32
from onephase.imaging.case import Box, Case, Mask, Volume
from onephase.imaging.frame import lesion_bounds
from onephase.imaging.geometry import Grid
from onephase.imaging.outline_moves import moved
from onephase.imaging.preprocessing import prepare_patch
from onephase.progress import Progress, silent
from onephase.settings import ImagingSettings, RegionSettings
from onephase.simulation.acquisition import draw_acquisition
from onephase.simulation.anatomy import examine
from onephase.simulation.lesion import Phenotype
from onephase.simulation.phenotype import CUES
from onephase.simulation.sites import Site
from onephase.work.workers import all_in_order

SCORE_SPREAD = 1.2
"""Of each latent score, so that rare looks are taught as well: within a cohort the spread is about 1.1."""

PATCHES = (
    ImagingSettings(),
    ImagingSettings(),
    ImagingSettings(spacing_mm=2.0, patch_voxels=(36, 36, 36)),
)
"""Sampling of the patch; lessons take turns. The default is taught twice as often as a coarser one."""

STACK = ImagingSettings(sampling="stack", spacing_mm=1.43, patch_voxels=(8, 56, 56))
"""Sampling of slices that are not contiguous, as public slice sets have them."""

SURFACE_MM = 0.7
"""Sd by which another reader draws tighter or wider; as the augmentation of training has it."""
PLACE_MM = 0.5
"""Sd along each axis by which another reader draws beside."""
DEEPEST = 0.5
"""Of the lesion's depth, how far an outline is drawn too tight at most."""
LOOSEST_MM = 4.0
"""By how much a side of a box stands off at most."""
MARGIN_MM = (8.0, 20.0)
"""How much is left around a lesion that was cut out of its volume: seldom any air."""

View: TypeAlias = Float32[np.ndarray, " descriptor"]


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """What is seen of some lesions, and what there is to see.

    Attributes:
        descriptors: The lesions in numbers, each in one view or several.
        scores: Latent scores of their phenotype, in the order of ``simulation.phenotype.CUE_NAMES``.
    """

    descriptors: Float32[np.ndarray, "lesson view descriptor"]
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
    make = partial(make_lesson, seed)
    made = all_in_order(make, range(count), task="simulate", workers=workers, progress=progress)
    return Lessons(np.stack([descriptors for descriptors, _ in made]), np.stack([scores for _, scores in made]))


def make_lesson(seed: int, number: int) -> tuple[Float32[np.ndarray, "view descriptor"], Float32[np.ndarray, " cue"]]:
    """Return the descriptors of both views of one lesion, and its latent scores."""
    scanner, looks, anatomy, noise, reader = np.random.default_rng([seed, number]).spawn(5)
    scores = SCORE_SPREAD * looks.standard_normal(len(CUES))
    phenotype = Phenotype(*(float(cue.value(scores[[place]])[0]) for place, cue in enumerate(CUES)))
    acquisition = draw_acquisition(scanner, site=draw_scanner(scanner))
    seen = examine(phenotype=phenotype, acquisition=acquisition, anatomy_rng=anatomy, noise_rng=noise)
    grid = Grid.axial(seen.image.shape, seen.spacing_mm, origin_mm=(0.0, 0.0, 0.0))
    mask = Mask(seen.mask, grid)
    case = Case(f"lesson {number}", Volume(seen.image.astype(np.float32), grid), mask)
    otherwise, patch = OTHERWISE[number % len(OTHERWISE)], PATCHES[number // len(OTHERWISE) % len(PATCHES)]
    views = (_described(case, patch), otherwise(case, mask, patch, reader))
    return np.stack(views), scores.astype(np.float32)


def drawn_otherwise(case: Case, mask: Mask, patch: ImagingSettings, reader: np.random.Generator) -> View:
    """Look at a lesion that another reader has outlined."""
    outward, *step = reader.normal(0.0, (SURFACE_MM, *[PLACE_MM] * 3)).tolist()
    step_mm = (step[0], step[1], step[2])
    outline = moved(mask, outward_mm=outward, step_mm=step_mm, deepest=DEEPEST, in_plane=False)
    return _described(replace(case, roi=outline), patch)


def boxed(case: Case, mask: Mask, patch: ImagingSettings, reader: np.random.Generator) -> View:
    """Look at a lesion in a loose box, within which the program outlines it."""
    return _described(replace(case, roi=_loose_box(mask, reader)), patch)


def stacked(case: Case, mask: Mask, patch: ImagingSettings, reader: np.random.Generator) -> View:  # noqa: ARG001 - STACK
    """Look at a lesion in a loose box on a few of its slices, evenly through it."""
    first, last = lesion_bounds(mask.array)[0]
    slices = np.unique(np.linspace(first, last - 1, STACK.patch_voxels[0]).round().astype(int))
    _, in_slice, across = mask.grid.spacing_mm
    shape = (len(slices), *mask.grid.shape[1:])
    apart_mm = mask.grid.spacing_mm[0] * float(last - first) / len(slices)
    grid = Grid.axial(shape, (apart_mm, in_slice, across), origin_mm=(0.0, 0.0, 0.0))
    volume = Volume(np.ascontiguousarray(case.volume.array[slices]), grid)
    box = _loose_box(Mask(mask.array[slices], grid), reader)
    return _described(Case(case.case_id, volume, replace(box, slice=(0.0, float(len(slices))))), STACK)


def cropped(case: Case, mask: Mask, patch: ImagingSettings, reader: np.random.Generator) -> View:
    """Look at a lesion that was cut out of its volume."""
    bounds, spacing = lesion_bounds(mask.array), np.asarray(mask.grid.spacing_mm)
    margins = np.ceil(reader.uniform(*MARGIN_MM, size=(3, 2)) / spacing[:, np.newaxis]).astype(int)
    starts = np.maximum(bounds[:, 0] - margins[:, 0], 0)
    kept = tuple(map(slice, starts.tolist(), (bounds[:, 1] + margins[:, 1]).tolist()))
    outline = mask.array[kept]
    grid = Grid.axial(outline.shape, mask.grid.spacing_mm, origin_mm=(0.0, 0.0, 0.0))
    return _described(Case(case.case_id, Volume(case.volume.array[kept], grid), Mask(outline, grid)), patch)


OTHERWISE = (drawn_otherwise, boxed, stacked, cropped)
"""How a lesion is seen the second time; lessons take turns."""


def _loose_box(mask: Mask, reader: np.random.Generator) -> Box:
    bounds = lesion_bounds(mask.array).astype(np.float64)
    slack = reader.uniform(0.0, LOOSEST_MM, size=(3, 2)) / np.asarray(mask.grid.spacing_mm)[:, np.newaxis]
    starts = np.maximum(bounds[:, 0] - slack[:, 0], 0.0).tolist()
    stops = np.minimum(bounds[:, 1] + slack[:, 1], mask.grid.shape).tolist()
    slices, rows, columns = zip(starts, stops, strict=True)
    return Box(slice=slices, row=rows, column=columns)


def _described(case: Case, patch: ImagingSettings) -> View:
    return prepare_patch(case, patch, RegionSettings()).descriptors


def draw_scanner(rng: np.random.Generator) -> Site:
    """Draw a hospital's protocol from wider ranges than those of the simulated hospitals.

    Noise reaches from half of theirs to three times as much, evenly on a logarithmic scale: who has never seen noise
    takes it for grain and vessels.
    """
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
        noise=float(np.exp(rng.uniform(np.log(0.02), np.log(0.16)))),
        bias=float(rng.uniform(0.05, 0.25)),
        wording="percent",
    )
