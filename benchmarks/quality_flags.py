"""Which planted faults the flags of `onephase check --images` find, and how often they flag sound cases.

    python benchmarks/quality_flags.py COHORT.csv [--cases 100] [--seed 1]

Faults are planted in memory, in as many cases as are asked for, evenly over the table: each fault in each case.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter, shift

from onephase.cohort.case_of import case_of
from onephase.cohort.quality.duplicates import ALIKE, alike_pairs, duplicate_images
from onephase.cohort.quality.look import Look, look_of
from onephase.cohort.quality.signature import FREQUENCIES
from onephase.cohort.quality.site_flags import field_in_gauss, intensity_outlier, spacing_of_one
from onephase.cohort.records import Record
from onephase.cohort.table import read_cohort
from onephase.imaging.case import Case, Mask, Volume
from onephase.imaging.geometry import Grid
from onephase.imaging.outline import outline
from onephase.settings import ImagingSettings

IMAGING = ImagingSettings()


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A case to plant a fault in."""

    case: Case
    mask: np.ndarray
    rng: np.random.Generator

    @property
    def image(self) -> np.ndarray:
        """Return the voxels."""
        return self.case.volume.array

    def with_mask(self, mask: np.ndarray) -> Case:
        """Return the case with another outline."""
        return replace(self.case, roi=Mask(np.ascontiguousarray(mask), self.case.volume.grid))

    def with_image(self, image: np.ndarray) -> Case:
        """Return the case with other voxels."""
        return replace(self.case, volume=Volume(np.ascontiguousarray(image, np.float32), self.case.volume.grid))

    def respaced(self, spacing: tuple[float, float, float]) -> Case:
        """Return the case with another spacing in its header."""
        old = self.case.volume.grid
        grid = Grid(old.shape, spacing, old.origin_mm, old.direction)
        return replace(self.case, volume=Volume(self.image.copy(), grid), roi=Mask(self.mask.copy(), grid))

    def scaled(self, factor: float) -> Case:
        """Return the case with its spacing in another unit."""
        first, second, third = (factor * mm for mm in self.case.volume.grid.spacing_mm)
        return self.respaced((first, second, third))

    def tissue(self, image: np.ndarray) -> np.ndarray:
        """Return which voxels are no air."""
        return np.asarray(image > image.min() + 0.15 * (np.percentile(image, 99) - image.min()))


def in_air(sound: Sound) -> Case:
    """Move the outline to the middle of the largest air."""
    size_mm = max(np.ptp(np.argwhere(sound.mask), axis=0) * sound.case.volume.grid.spacing_mm)
    sigmas = size_mm / 3 / np.asarray(sound.case.volume.grid.spacing_mm)
    air = gaussian_filter((~sound.tissue(sound.image)).astype(np.float32), sigmas, mode="nearest")
    there = np.array(np.unravel_index(air.argmax(), air.shape))
    here = np.argwhere(sound.mask).mean(axis=0).round().astype(int)
    return sound.with_mask(shift(sound.mask.astype(np.uint8), there - here, order=0) > 0)


def at_border(sound: Sound) -> Case:
    axis = int(sound.rng.integers(3))
    there = np.flatnonzero(sound.mask.any(axis=tuple(other for other in range(3) if other != axis)))
    return sound.with_mask(np.roll(sound.mask, sound.mask.shape[axis] - 1 - there[-1], axis=axis))


def gap(sound: Sound) -> Case:
    there = np.flatnonzero(sound.mask.any(axis=(1, 2)))
    cut = sound.mask.copy()
    cut[sound.rng.choice(there[1:-1])] = False
    return sound.with_mask(cut)


def fat(sound: Sound) -> Case:
    """Outline a ball of 14 mm about the darkest tissue, which is fat."""
    smooth = gaussian_filter(sound.image, 2)
    middle = ~binary_dilation(~sound.tissue(smooth), iterations=8)
    darkest = np.unravel_index(np.where(middle, smooth, np.inf).argmin(), smooth.shape)
    offsets = np.moveaxis(np.indices(smooth.shape), 0, -1) - np.array(darkest)
    return sound.with_mask(np.linalg.norm(offsets * sound.case.volume.grid.spacing_mm, axis=-1) < 7)


OF_MASK_OR_IMAGE: dict[str, tuple[str, Callable[[Sound], Case]]] = {
    "outline moved into air": ("outside-breast", in_air),
    "outline moved to a border": ("touches-border", at_border),
    "spacing in centimetres": ("implausible-size", lambda sound: sound.scaled(0.1)),
    "spacing in micrometres": ("implausible-size", lambda sound: sound.scaled(1000)),
    "a slice of the outline lost": ("empty-slices", gap),
    "order of slices turned": ("flipped", lambda sound: sound.with_mask(np.flip(sound.mask, 0))),
    "front and back turned": ("flipped", lambda sound: sound.with_mask(np.flip(sound.mask, 1))),
    "left and right turned": ("flipped", lambda sound: sound.with_mask(np.flip(sound.mask, 2))),
    "outline of the breast": ("covers-breast", lambda sound: sound.with_mask(sound.tissue(sound.image))),
    "outline of fat": ("darker-than-surroundings", fat),
    "image inverted": ("intensity-outlier", lambda sound: sound.with_image(sound.image.max() - sound.image)),
    "values 10,000 times as large": ("intensity-outlier", lambda sound: sound.with_image(sound.image * 1e4)),
    "image smoothed by 2 voxels": (
        "intensity-outlier",
        lambda sound: sound.with_image(gaussian_filter(sound.image, 2)),
    ),
    "spacing lost (1 x 1 x 1 mm)": ("spacing-of-one", lambda sound: sound.respaced((1.0, 1.0, 1.0))),
}


def copy_of(sound: Sound, *, noise: float, moved: int, mirror: bool) -> Case:
    """Return the case under another gain and offset, with noise, the outline moved, and mirrored."""
    image = sound.image
    spread = float(np.percentile(image, 99) - np.percentile(image, 1))
    image = 1.7 * image + 300 + sound.rng.normal(0, noise * spread, image.shape)
    mask = shift(sound.mask.astype(np.uint8), (0, moved, -moved), order=0) > 0
    if mirror:
        image, mask = image[:, :, ::-1], mask[:, :, ::-1]
    return replace(sound.with_image(image), roi=Mask(np.ascontiguousarray(mask), sound.case.volume.grid))


COPIES: dict[str, dict[str, Any]] = {
    "the same": {"noise": 0.0, "moved": 0, "mirror": False},
    "noise of 5 % of the range": {"noise": 0.05, "moved": 0, "mirror": False},
    "noise of 10 % of the range": {"noise": 0.10, "moved": 0, "mirror": False},
    "noise 5 %, outline moved by 1 voxel": {"noise": 0.05, "moved": 1, "mirror": False},
    "noise 5 %, outline moved by 2 voxels": {"noise": 0.05, "moved": 2, "mirror": False},
    "noise 5 %, outline moved by 4 voxels": {"noise": 0.05, "moved": 4, "mirror": False},
    "noise 5 %, another lesion, 16 voxels away": {"noise": 0.05, "moved": 16, "mirror": False},
    "noise 5 %, mirrored": {"noise": 0.05, "moved": 0, "mirror": True},
}


def flags_with(records: Sequence[Record], sound: Sequence[Look], row: int, look: Look) -> set[str]:
    """Return the flags of a case with a fault among sound ones of its cohort."""
    looks = [*sound[:row], look, *sound[row + 1 :]]
    others = {
        flag.name
        for check in (spacing_of_one, field_in_gauss, intensity_outlier)
        for at, flag in check(records, looks)
        if at == row
    }
    return {flag.name for flag in look.flags} | others


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    every = read_cohort(given.cohort, labelled=False).records
    records = every[:: max(1, len(every) // given.cases)][: given.cases]
    cases = [case_of(record) for record in records]
    masks = [outline(case) for case in cases]
    sound = [look_of(case, mask, imaging=IMAGING) for case, mask in zip(cases, masks, strict=True)]
    false = Counter(name for row, look in enumerate(sound) for name in flags_with(records, sound, row, look))
    false.update(flag.name for _, flag in duplicate_images(records, sound))
    print(f"{len(records)} sound cases; flags on them: {dict(false) or 'none'}")
    for words, (name, fault) in OF_MASK_OR_IMAGE.items():
        found: Counter[str] = Counter()
        for row, (case, mask) in enumerate(zip(cases, masks, strict=True)):
            faulty = fault(Sound(case, mask.array, rng))
            look = look_of(faulty, outline(faulty), imaging=IMAGING)
            own = flags_with(records, sound, row, look)
            found.update(own)
            found["any"] += bool(own)
        others = {other: count for other, count in found.items() if other not in {name, "any"}}
        print(f"{words}: {name} {found[name]}, any flag {found['any']} of {len(records)}; {others}")
    gauss = [replace(records[0], covariates={"field_strength_t": "15000"}), *records[1:]]
    print(f"field in gauss: {[row for row, _ in field_in_gauss(gauss, sound)] == [0]}")
    copies(records, cases, masks, sound, rng)
    large(rng)


def copies(
    records: Sequence[Record],
    cases: Sequence[Case],
    masks: Sequence[Mask],
    sound: Sequence[Look],
    rng: np.random.Generator,
) -> None:
    """Say how many copies of cases are found among the originals."""
    named = [replace(record, case_id=f"{record.case_id} copy", patient_id=f"p{row}", image=Path(f"copy-{row}"))
             for row, record in enumerate(records)]  # fmt: skip
    for words, change in COPIES.items():
        looks = []
        for case, mask in zip(cases, masks, strict=True):
            copied = copy_of(Sound(case, mask.array, rng), **change)
            looks.append(look_of(copied, outline(copied), imaging=IMAGING))
        rows = [row for row, _ in duplicate_images([*records, *named], [*sound, *looks])]
        found = len({row for row in rows if row >= len(records)})
        print(f"copies, {words}: {found} of {len(records)} found")


def large(rng: np.random.Generator) -> None:
    """Time the comparison of 10,000 signatures."""
    drawn = rng.standard_normal((10_000, FREQUENCIES**2 - 1)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    started = time.perf_counter()
    pairs = sum(1 for _ in alike_pairs(drawn, drawn, least=ALIKE))
    print(f"10,000 signatures against each other: {time.perf_counter() - started:.2f} s, {pairs} alike")


if __name__ == "__main__":
    main()
