"""Out of a stored study: the post-contrast series, where its tumour lies, and the images that results refer to."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.uid import RTStructureSetStorage

from onephase.errors import ImageError, OnephaseError, PhaseUndecidedError, SettingsError
from onephase.imaging.case import Box, Case, Mask
from onephase.readers.case import open_scan, read_case
from onephase.readers.dicom.files import damage_is_a_sentence, read_dataset
from onephase.readers.dicom.header_text import text_of
from onephase.readers.dicom.structure_set import read_structure
from onephase.readers.phase import refuse_no_phase
from onephase.readers.roi import read_mask
from onephase.readers.scan import Scan
from onephase.reports.dicom_source import DicomSource, read_source
from onephase.service.node.journal import SHOWN_KEY
from onephase.service.node.store import Store
from onephase.service.worklist.worklist import Instance, Kind
from onephase.writers.volume_file import write_mask

KNOWN = "SEG or RT structure set"


class PersonNeededError(OnephaseError):
    """A person has to say where the tumour is, or which phase to read."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How the post-contrast series of a study is found.

    Attributes:
        series: Pattern that the description of a series must hold, in any case; empty for every series. Among those
            that do, the readers choose (see docs/reading.md).
        phase: Phase of the series, counted from 1, or ``first-post``.
        segment: Number or label of the tumour's segment, or name of its structure; empty when there is only one.
    """

    series: str = ""
    phase: str = "first-post"
    segment: str = ""


def read_rules(*, series: str, phase: str, segment: str) -> Rules:
    """Return rules, pattern and phase checked.

    Raises:
        SettingsError: If the pattern is no regular expression.
        ImageError: If the phase is none of any scan.
    """
    try:
        re.compile(series)
    except re.error as fault:
        message = f"--series {series!r} is no pattern ({fault}): give a regular expression, such as 't1.*post'"
        raise SettingsError(message) from None
    refuse_no_phase(phase)
    return Rules(series=series, phase=phase, segment=segment)


def read_study(
    store: Store, instances: Sequence[Instance], *, rules: Rules, answer: Mapping[str, Any]
) -> tuple[Case, DicomSource]:
    """Read the case of a study.

    Args:
        store: Where its instances are.
        instances: The instances.
        rules: How the series is found.
        answer: What a person added: ``box`` (column, row, slice, each start and stop) and ``phase``.

    Raises:
        PersonNeededError: If the outline is missing or ambiguous, or nothing tells the phase.
        ImageError: If the study cannot be read; the sentence names no file.
    """
    images = _images(store, instances, rules=rules)
    outlines = [store.path_of(one) for one in instances if one.kind is Kind.OUTLINE]
    phase = str(answer.get("phase") or rules.phase)
    with store.laid_out(images) as folder, _without_paths(folder, *outlines):
        box = _box(answer)
        mask, label = (None, None) if box else _outline(folder, outlines, segment=rules.segment)
        case = read_case(
            folder,
            case_id=instances[0].study[:SHOWN_KEY],
            mask=mask,
            mask_label=label,
            box=box,
            phase=phase,
        )
        return case, read_source(folder, phase=case.phase_number)


def _images(store: Store, instances: Sequence[Instance], *, rules: Rules) -> list[Instance]:
    images = [one for one in instances if one.kind is Kind.IMAGE]
    if not rules.series:
        return images
    firsts = {one.series: store.path_of(one) for one in images}
    fitting = {series for series, path in firsts.items() if re.search(rules.series, _description(path), re.IGNORECASE)}
    if not fitting:
        message = f"none of the {len(firsts)} series has a description that fits '{rules.series}': check --series"
        raise ImageError(message)
    return [one for one in images if one.series in fitting]


def _description(path: Path) -> str:
    return text_of(read_dataset(path, only=["SeriesDescription"]), "SeriesDescription")


def _outline(folder: Path, outlines: Sequence[Path], *, segment: str) -> tuple[Path, str | None]:
    """Return the one outline that is of a tumour and lies on the images, as a mask file and the label in it."""
    problems, fitting = [], []
    with open_scan(folder) as scan:
        for path in outlines:
            try:
                fitting.append((path, _mask_in(path, scan, segment=segment)))
            except ImageError as fault:
                problems.append(str(fault))
    if len(fitting) > 1:
        message = f"waiting for a box: {len(fitting)} outlines could be the tumour's"
        raise PersonNeededError(message)
    if not fitting:
        why = f"no outline is the tumour's ({problems[0]})" if problems else f"the study holds no outline ({KNOWN})"
        message = f"waiting for a box: {why}"
        raise PersonNeededError(message)
    ((path, mask),) = fitting
    if not _is_structure_set(path):
        return path, segment or None
    drawn = folder / "outline.nrrd"
    write_mask(drawn, mask)
    return drawn, None


def _mask_in(path: Path, scan: Scan, *, segment: str) -> Mask:
    if _is_structure_set(path):
        with damage_is_a_sentence(path):
            return read_structure(path, name=segment, grid=scan.grid)
    return read_mask(path, label=segment or None, grid=scan.grid, frame_of_reference=scan.frame_of_reference)[0]


def _is_structure_set(path: Path) -> bool:
    return bool(read_dataset(path, only=["SOPClassUID"]).get("SOPClassUID") == RTStructureSetStorage)


def _box(answer: Mapping[str, Any]) -> Box | None:
    if "box" not in answer:
        return None
    numbers = [float(number) for number in answer["box"]]
    return Box((numbers[0], numbers[1]), (numbers[2], numbers[3]), (numbers[4], numbers[5]))


@contextmanager
def _without_paths(folder: Path, *outlines: Path) -> Iterator[None]:
    """Speak of the study, not of paths that mean nothing on a list; ask a person where no header tells the phase."""
    try:
        yield
    except (ImageError, PersonNeededError) as fault:
        said = str(fault)
        for path in outlines:
            said = said.replace(str(path), "the outline")
        said = re.sub(rf"{re.escape(str(folder))}(/\w+\.dcm)?", "the study", said)
        kind = PersonNeededError if isinstance(fault, PhaseUndecidedError) else type(fault)
        raise kind(said) from None
