"""The right series out of a study folder, by headers alone."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.uid import EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage, MRImageStorage

from onephase.errors import ImageError, NotOurInputError
from onephase.readers.dicom.enhanced import enhanced_slices
from onephase.readers.dicom.files import damage_is_a_sentence, read_dataset
from onephase.readers.dicom.header_text import text_of
from onephase.readers.dicom.raw_header import header_and_pixels, raw_header
from onephase.readers.dicom.series_header import SERIES_KEYWORDS, SeriesHeader, series_header
from onephase.readers.dicom.slice import OWN_TAGS, SLICE_KEYWORDS, DicomSlice, classic_slice, sibling_slice
from onephase.readers.series_names import is_post, other_kind

HEADER_KEYWORDS = (*SLICE_KEYWORDS, "Modality")
ENHANCED = {EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage}
SAME_DIRECTION = 1e-3
SAME_SPACING = 1e-3
SAME_POSITION_MM = 0.05
MIN_SLICES = 3
LONGEST_T1_ECHO_MS = 30.0  # spin-echo T1 ends near 20 ms, T2 begins near 60 ms
DYNAMIC_PHASES = 3
NOT_MAGNITUDE = {
    "P": "a phase image", "PHASE": "a phase image", "PHASE MAP": "a phase image", "FIELD_MAP": "a field map",
    "R": "a real part", "REAL": "a real part", "I": "an imaginary part", "IMAGINARY": "an imaginary part",
    "F": "a fat image", "FAT": "a fat image", "IP": "an in-phase image", "IN_PHASE": "an in-phase image",
    "OP": "an opposed-phase image", "OPP_PHASE": "an opposed-phase image", "OUT_PHASE": "an opposed-phase image",
    "SUBTRACT": "a subtraction", "SUBTRACTION": "a subtraction", "MIP": "a projection", "MAX_IP": "a projection",
    "MIN_IP": "a projection", "MEAN_IP": "a projection", "PROJECTION IMAGE": "a projection", "ADC": "diffusion",
    "DIFFUSION": "diffusion", "T2": "T2-weighted", "T2_STAR": "T2-weighted", "STIR": "T2-weighted",
    "FLUID_ATTENUATED": "T2-weighted", "LOCALIZER": "a localizer",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Slices of one series that share orientation, size, echo and kind of contrast; one or several phases.

    Attributes:
        slices: The slices, in no order.
        along_mm: Where each slice lies along the normal of the first.
        positions_mm: The distinct places along the normal, rising.
    """

    slices: tuple[DicomSlice, ...]
    along_mm: tuple[float, ...]
    positions_mm: tuple[float, ...]

    @property
    def series(self) -> SeriesHeader:
        """The header of the series."""
        return self.slices[0].series

    @property
    def repeats(self) -> int:
        """How often the most frequent position occurs: the number of phases."""
        return max(1, round(len(self.slices) / len(self.positions_mm)))

    @property
    def title(self) -> str:
        """How it is called in a list."""
        phases = f" x {self.repeats} phases" if self.repeats > 1 else ""
        return f"{self.series.title} ({len(self.positions_mm)} slices{phases})"

    @property
    def exclusion(self) -> str:
        """Why it cannot be the T1 volume that is looked for; empty when it can."""
        first = self.slices[0]
        for mark in sorted(first.contrasts):
            if mark in NOT_MAGNITUDE:
                return NOT_MAGNITUDE[mark]
        if kind := other_kind(self.series.words):
            return kind
        if first.echo_ms is not None and first.echo_ms > LONGEST_T1_ECHO_MS:
            return f"not T1-weighted (echo time {first.echo_ms:g} ms)"
        if len(self.positions_mm) < MIN_SLICES:
            return f"no volume ({len(self.positions_mm)} slices)"
        return ""

    def same_acquisition(self, other: "Stack") -> bool:
        """Tell whether another stack has the same grid and sequence, so that both may be phases of one scan."""
        one, two = self.slices[0], other.slices[0]
        return (
            one.shape == two.shape
            and len(self.positions_mm) == len(other.positions_mm)
            and np.allclose(one.orientation, two.orientation, atol=SAME_DIRECTION)
            and np.allclose(one.spacing_mm, two.spacing_mm, rtol=SAME_SPACING)
            and np.allclose(self.positions_mm, other.positions_mm, atol=SAME_POSITION_MM)
            and _near(self.series.repetition_ms, other.series.repetition_ms)
            and _near(self.series.flip_degrees, other.series.flip_degrees)
            and self.series.frame_of_reference == other.series.frame_of_reference
        )


def slices_in(files: Iterable[Path], *, where: Path) -> tuple[DicomSlice, ...]:
    """Read the headers of the MR images among some DICOM files.

    Args:
        files: DICOM files.
        where: What the user named, for the message.

    Raises:
        NotOurInputError: If no file is an MR image; the message says what they are.
        ImageError: If a header is broken or has no geometry.
    """
    slices: list[DicomSlice] = []
    known: dict[str, SeriesHeader] = {}
    alike: dict[Hashable, DicomSlice] = {}
    others: set[str] = set()
    for path in files:
        with damage_is_a_sentence(path):
            raw = raw_header(path, only=HEADER_KEYWORDS)
            common = None if raw is None else raw.common(OWN_TAGS)
            if raw is not None and common in alike:
                slices.append(sibling_slice(alike[common], path, raw))
                continue
            dataset = read_dataset(path, only=HEADER_KEYWORDS)
            kind = dataset.get("SOPClassUID")
            if kind in ENHANCED:
                header, pixels = header_and_pixels(path)
                slices.extend(enhanced_slices(path, header, pixels=pixels))
            elif kind == MRImageStorage:
                uid = text_of(dataset, "SeriesInstanceUID")
                if uid not in known:  # once a series: this part of the header is the slowest to read
                    known[uid] = series_header(read_dataset(path, only=SERIES_KEYWORDS))
                slices.append(classic_slice(path, dataset, series=known[uid], raw=raw))
                if raw is not None and raw.elements.keys() == dataset.keys():  # both found the same
                    alike[common] = slices[-1]
            else:
                others.add(text_of(dataset, "Modality").upper() or "without a modality")
    if not slices:
        found = ", ".join(sorted(others))
        message = f"{where} holds no MR image (modality: {found}): give the post-contrast breast MRI series"
        raise NotOurInputError(message)
    return tuple(slices)


def stacks_of(slices: Iterable[DicomSlice]) -> tuple[Stack, ...]:
    """Group slices into stacks, in order of series number."""
    groups: defaultdict[object, list[list[DicomSlice]]] = defaultdict(list)
    for one in slices:
        echo = None if one.echo_ms is None else round(one.echo_ms, 1)
        alike = groups[one.series.uid, one.shape, one.contrasts, echo]
        for group in alike:
            directions = group[0].orientation, one.orientation  # of slices that are alike, one array
            if directions[0] is directions[1] or np.allclose(*directions, atol=SAME_DIRECTION):
                group.append(one)
                break
        else:
            alike.append([one])
    stacks = [_stack(group) for alike in groups.values() for group in alike]
    return tuple(sorted(stacks, key=lambda stack: (stack.series.number, stack.series.uid)))


def choose(stacks: Sequence[Stack], *, where: Path) -> tuple[Stack, ...]:
    """Choose the dynamic T1 series; several stacks where each phase is a series of its own.

    A set of stacks with the same grid and sequence counts as one scan. The scan with three or more phases is
    taken if it is the only one, else the only one with two, else the only one that names contrast.

    Args:
        stacks: The stacks of a study.
        where: What the user named, for the message.

    Raises:
        NotOurInputError: If none can be a T1 volume; the message gives the reasons.
        ImageError: If several could be meant; the message lists them.
    """
    candidates = [stack for stack in stacks if not stack.exclusion]
    if not candidates:
        reasons = "; ".join(f"{stack.title} is {stack.exclusion}" for stack in stacks[:6])
        message = f"{where} holds no T1 volume that can be read ({reasons}): give the post-contrast T1 series"
        raise NotOurInputError(message)
    scans: list[list[Stack]] = []
    for stack in candidates:
        home = next((scan for scan in scans if scan[0].same_acquisition(stack)), None)
        if home is None:
            scans.append([stack])
        else:
            home.append(stack)
    for fits in (_dynamic, _repeated, _with_contrast, lambda _: True):
        fitting = [scan for scan in scans if fits(scan)]
        if len(fitting) == 1:
            return tuple(fitting[0])
        if fitting:
            break
    listed = "; ".join(scan[0].title + (f" and {len(scan) - 1} like it" if scan[1:] else "") for scan in fitting)
    message = f"{where} holds {len(fitting)} series that could be meant ({listed}): give the folder of one of them"
    raise ImageError(message)


def _dynamic(scan: Sequence[Stack]) -> bool:
    return sum(stack.repeats for stack in scan) >= DYNAMIC_PHASES


def _repeated(scan: Sequence[Stack]) -> bool:
    return sum(stack.repeats for stack in scan) > 1


def _with_contrast(scan: Sequence[Stack]) -> bool:
    return any(is_post(stack.series.words) or stack.slices[0].agent for stack in scan)


def _stack(slices: Sequence[DicomSlice]) -> Stack:
    normal = slices[0].normal
    along = [float(one.position_mm @ normal) for one in slices]
    positions: list[float] = []
    for place in sorted(along):
        if not positions or place - positions[-1] > SAME_POSITION_MM:
            positions.append(place)
    return Stack(tuple(slices), tuple(along), tuple(positions))


def _near(one: float | None, two: float | None) -> bool:
    if one is None or two is None:
        return one is two
    return abs(one - two) <= 0.02 * max(abs(one), abs(two))
