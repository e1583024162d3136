"""Whether a DICOM scan is breast MRI after contrast: plainly not is an error, in doubt is a warning."""

from collections.abc import Sequence
from pathlib import Path

from onephase.errors import NotOurInputError
from onephase.readers.dicom.series import Stack
from onephase.readers.dicom.series_header import SeriesHeader

BREAST = ("breast", "breas", "mamm", "mama", "brust", "sein", "seno")  # UCSF-BR-06 writes "MR BREAS, UNIT"
NEAR_BREAST = {"", "CHEST", "THORAX", "BREASTANDCHEST", "WHOLEBODY"}
THIN_RATIO = 1.5


def of_the_breast(stacks: Sequence[Stack], *, where: Path) -> tuple[Stack, ...]:
    """Return the stacks that may show the breast.

    Raises:
        NotOurInputError: If every header names another body part and no description names the breast.
    """
    ours = tuple(stack for stack in stacks if _may_be_breast(stack.series))
    if not ours:
        series = stacks[0].series
        message = (
            f"{where}: {series.title} shows another body part by its header ({series.body_part[:20]}): give breast MRI"
        )
        raise NotOurInputError(message)
    return ours


def input_warnings(stacks: Sequence[Stack], *, where: Path) -> tuple[str, ...]:
    """Return what is suspicious about the chosen series, in sentences.

    Args:
        stacks: The stacks of the chosen scan.
        where: What the user named, for the message.

    Raises:
        NotOurInputError: If the modality is not MR, or annotations are burned into the pixels.
    """
    series = stacks[0].series
    if series.modality != "MR":
        message = f"{where}: {series.title} is of modality {series.modality or 'unknown'}: give breast MRI"
        raise NotOurInputError(message)
    if series.burned_in:
        message = f"{where}: {series.title} has annotations burned into its pixels: export the original series"
        raise NotOurInputError(message)
    found = []
    if not _names_breast(series.body_part) and series.body_part:
        part = series.body_part[:20]
        found.append(f"the header names the body part {part}, not the breast: check that the right series was given")
    elif not _names_breast(f"{series.body_part} {series.words} {series.study_words}"):
        found.append("no header names the body part: that it is the breast is taken on trust")
    if not any(stack.slices[0].agent for stack in stacks):
        found.append("no header names a contrast agent: that contrast was given is taken on trust")
    if series.lossy:
        found.append("the pixels were once compressed with loss: fine texture may be gone")
    thickness, step = float(series.facts.get("slice_thickness_mm", 0)), _step(stacks[0])
    if thickness and step > THIN_RATIO * thickness:
        found.append(f"slices of {thickness:g} mm lie {step:.3g} mm apart: tissue between them was not imaged")
    return tuple(found)


def _may_be_breast(series: SeriesHeader) -> bool:
    near = series.body_part.replace(" ", "") in NEAR_BREAST
    return near or _names_breast(f"{series.body_part} {series.words} {series.study_words}")


def _names_breast(text: str) -> bool:
    return any(word in text.lower() for word in BREAST)


def _step(stack: Stack) -> float:
    positions = stack.positions_mm
    return (positions[-1] - positions[0]) / max(1, len(positions) - 1)
