"""What the protocols look up of prepared lesions: their patches, some at a time, and their volumes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from onephase.cohort.lesions import Lesion, events_of, lesions_of

__all__ = ["Lesion", "PatchBatch", "events_of", "lesions_of", "patches_of", "volumes_ml"]

BATCH = 32  # lesions whose patches are held at once


@dataclass(frozen=True, slots=True, eq=False)
class PatchBatch:
    """Patches of some lesions, in single precision.

    Attributes:
        image: Normalised intensities.
        distance_mm: Signed distance to the lesion surface.
        descriptors: The lesions in numbers.
    """

    image: Float32[np.ndarray, "case slice row column"]
    distance_mm: Float32[np.ndarray, "case slice row column"]
    descriptors: Float32[np.ndarray, "case descriptor"]


def volumes_ml(lesions: Sequence[Lesion]) -> Float64[np.ndarray, " case"]:
    """Return the volume of each lesion in millilitres."""
    cases = [lesion.prepared.store.case(lesion.record.case_id) for lesion in lesions]
    return np.array([case.facts["volume_ml"] for case in cases], dtype=np.float64)


def patches_of(lesions: Sequence[Lesion]) -> Iterator[PatchBatch]:
    """Yield the patches of lesions, some at a time, in order."""
    for start in range(0, len(lesions), BATCH):
        some = lesions[start : start + BATCH]
        yield PatchBatch(
            np.stack([lesion.prepared.store.image[lesion.row] for lesion in some]).astype(np.float32),
            np.stack([lesion.prepared.store.distance_mm[lesion.row] for lesion in some]).astype(np.float32),
            np.stack([lesion.prepared.store.descriptors[lesion.row] for lesion in some]).astype(np.float32),
        )
