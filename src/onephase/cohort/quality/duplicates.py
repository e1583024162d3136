"""The same image under two names, by the lesion or by the volume.

Lesions: signatures find pairs that are alike, pictures laid over each other confirm them. Volumes: their signatures
alone, which part copies from others by far; so a copy is found wherever its lesion was outlined.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from onephase.arrays import Float32, UInt8
from onephase.cohort.quality.flag import ACROSS_SPLITS, QualityFlag
from onephase.cohort.quality.look import Look, Seen
from onephase.cohort.quality.picture import SIDE
from onephase.cohort.quality.signature import mirrored, mirrored_volumes
from onephase.cohort.records import Record

ALIKE: Final = 0.88
"""Product of signatures from which two pictures are laid over each other."""
SAME: Final = 0.95
"""Correlation, at the best shift, from which they are one image (docs/quality.md)."""
SAME_VOLUME: Final = 0.95
"""Product of signatures of volumes from which they are one; docs/quality.md has that of unrelated volumes."""
BLOCK = 2048
HALF, SHIFT = SIDE // 2, 5  # pixels are averaged in fours and shifted by up to five of these, 6 mm in a patch of 72


def duplicate_images(records: Sequence[Record], looks: Sequence[Look]) -> Iterator[tuple[int, QualityFlag]]:
    """Yield, by the row of a case, a flag for every other case that shows the same image.

    Two lesions of one image of a patient are no duplicates, nor are two of one volume of hers that is kept twice.
    Cases are compared over all cohorts, as they are and mirrored.
    """
    rows = [row for row, look in enumerate(looks) if look.seen is not None and look.seen.signature.any()]
    seen = [one for look in looks if (one := look.seen) is not None and one.signature.any()]
    told: set[tuple[int, int]] = set()
    for what, pairs, hers in (
        ("lesion", _confirmed(seen), _one_image),
        ("whole image", _one_volume(seen), _one_patient),
    ):
        for first, second, correlation, turned in pairs:
            here, there = records[rows[first]], records[rows[second]]
            if hers(here, there) or (first, second) in told:
                continue
            told.add((first, second))
            for row, other in ((rows[first], there), (rows[second], here)):
                reason = _reason(what, records[row], other, correlation, turned=turned)
                yield row, QualityFlag(ACROSS_SPLITS if _parted(here, there) else "duplicate-image", reason)


def _one_patient(here: Record, there: Record) -> bool:
    return here.identity == there.identity


def _one_image(here: Record, there: Record) -> bool:
    return _one_patient(here, there) and here.image.resolve() == there.image.resolve()


def _parted(here: Record, there: Record) -> bool:
    return bool(here.split and there.split) and here.split != there.split


def _reason(what: str, here: Record, there: Record, correlation: float, *, turned: bool) -> str:
    cohort = "" if there.cohort == here.cohort else f" of cohort {there.cohort}"
    split = f", and they are in {here.split} and {there.split}" if _parted(here, there) else ""
    mirror = ", mirrored" if turned else ""
    return (
        f"The {what} looks like that of case {there.case_id}{cohort}{mirror} (correlation {correlation:.2f}){split}: "
        "keep one of them, or name the right image."
    )


def _confirmed(seen: Sequence[Seen]) -> Iterator[tuple[int, int, float, bool]]:
    """Yield pairs of one image: both places, how well they fit, and whether one is mirrored."""
    if not seen:
        return
    signatures = np.array([one.signature for one in seen])
    for turned, others in ((False, signatures), (True, mirrored(signatures))):
        for first, second in alike_pairs(signatures, others, least=ALIKE):
            grey = seen[second].close.grey
            correlation = best_correlation(seen[first].close.grey, grey[:, ::-1] if turned else grey)
            if correlation >= SAME:
                yield first, second, correlation, turned


def _one_volume(seen: Sequence[Seen]) -> Iterator[tuple[int, int, float, bool]]:
    """Yield pairs of one volume in the same terms."""
    if not seen:
        return
    signatures = np.array([one.volume_signature for one in seen])
    for turned, others in ((False, signatures), (True, mirrored_volumes(signatures))):
        for first, second in alike_pairs(signatures, others, least=SAME_VOLUME):
            yield first, second, float(signatures[first] @ others[second]), turned


def alike_pairs(
    signatures: Float32[np.ndarray, "case coefficient"],
    others: Float32[np.ndarray, "case coefficient"],
    *,
    least: float,
) -> Iterator[tuple[int, int]]:
    """Yield each pair of different cases whose signatures are alike, block by block, so that memory stays flat.

    Args:
        signatures: Of length one, one a row.
        others: The same, or those of the mirrored pictures.
        least: The product from which they are alike.
    """
    for start in range(0, len(signatures), BLOCK):
        block = signatures[start : start + BLOCK]
        for begin in range(start, len(others), BLOCK):
            near = np.argwhere(block @ others[begin : begin + BLOCK].T >= least) + np.array([start, begin])
            yield from ((int(first), int(second)) for first, second in near if first < second)


def best_correlation(first: UInt8[np.ndarray, "row column"], second: UInt8[np.ndarray, "row column"]) -> float:
    """Return the correlation of two pictures at the shift, of a few millimetres, at which they fit best."""
    still, moving = _halved(first), _halved(second)
    middle = still[SHIFT:-SHIFT, SHIFT:-SHIFT]
    windows = np.lib.stride_tricks.sliding_window_view(moving, middle.shape).reshape(-1, middle.size)
    centred = windows - windows.mean(axis=1, keepdims=True)  # (shift, pixel)
    template = (middle - middle.mean()).ravel()
    lengths = np.linalg.norm(centred, axis=1) * np.linalg.norm(template)
    return float((centred @ template / np.maximum(lengths, np.finfo(np.float32).tiny)).max())


def _halved(picture: UInt8[np.ndarray, "row column"]) -> Float32[np.ndarray, "half half"]:
    return np.asarray(picture.reshape(HALF, 2, HALF, 2).mean(axis=(1, 3), dtype=np.float32))
