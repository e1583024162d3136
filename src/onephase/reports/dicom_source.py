"""The images that a prediction was made from, as DICOM knows them: headers to copy from and to refer to."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset
from pydicom.config import disable_value_validation
from pydicom.valuerep import DA, TM

from onephase.errors import ImageError
from onephase.imaging.geometry import Grid
from onephase.readers.case import open_scan
from onephase.readers.dicom.files import damage_is_a_sentence
from onephase.readers.dicom.header_text import text_of
from onephase.readers.dicom.originals import align, original_headers
from onephase.readers.dicom.scan import DicomScan

# Type 2 in Patient and General Study (PS3.3 C.7.1.1 and C.7.2.1): in every object, empty where not known.
IDENTITY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
ALIKE = ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID")
MOMENTS = {"PatientBirthDate": DA, "StudyDate": DA, "StudyTime": TM}
SEXES = {"", "M", "F", "O"}


@dataclass(frozen=True, slots=True, eq=False)
class DicomSource:
    """The slices that were read.

    Attributes:
        images: Headers without pixels, in the order of the grid's slices; or the header of one enhanced file, cut
            down to the frames that were read.
        frames: Which frames of the enhanced file these are, counted from 1; empty for single-frame files.
        grid: Where the voxels are.
    """

    images: tuple[Dataset, ...]
    frames: tuple[int, ...]
    grid: Grid

    @property
    def header(self) -> Dataset:
        """The first header, from which identity and frame of reference are copied."""
        return self.images[0]

    @property
    def instance_uids(self) -> tuple[str, ...]:
        """SOP Instance UID of each file."""
        return tuple(str(image.SOPInstanceUID) for image in self.images)

    @property
    def study_uid(self) -> str:
        """Study Instance UID."""
        return str(self.header.StudyInstanceUID)

    @property
    def laterality(self) -> str:
        """Which breast the series shows, L or R; empty when it shows both or does not say."""
        return text_of(self.header, "Laterality")

    def point_to_frames(self, made: Dataset) -> None:
        """Let the frames of an object refer to frames of the whole enhanced file, not of the part that was read."""
        if not self.frames:
            return
        references = [
            reference
            for group in made.PerFrameFunctionalGroupsSequence
            for derivation in group.get("DerivationImageSequence") or []
            for reference in derivation.SourceImageSequence
        ]
        for reference in {id(one): one for one in references}.values():  # segments share theirs: each but once
            reference.ReferencedFrameNumber = self.frames[reference.ReferencedFrameNumber - 1]


def read_source(image: Path, *, phase: int) -> DicomSource:
    """Read the headers of the phase that a case was read from.

    Args:
        image: What the case was read from: a DICOM file, or a folder or ZIP of DICOM.
        phase: Number of the phase, counted from 1; see :attr:`onephase.imaging.case.Case.phase_number`.

    Raises:
        ImageError: If the input is no DICOM, or its headers hold what no object may be built on.
    """
    with open_scan(image) as scan:
        if not isinstance(scan, DicomScan):
            message = f"{image} is no DICOM, so there is no study to put result objects into: leave out --dicom"
            raise ImageError(message)
        slices = scan.parts[phase - 1].slices
        with damage_is_a_sentence(image):
            images = original_headers(slices, where=image)
            for header in images:
                header.decode()  # bytes become text, which can be written in another character set
            align(images, scan.grid)
        _refuse_unusable(images, where=image)
        for header in images:
            _complete(header)
        frames = tuple(one.frame + 1 for one in slices if one.frame is not None)
        return DicomSource(images, frames, scan.grid)


@contextmanager
def copied_as_found() -> Iterator[None]:
    """Copy what hospitals write as it stands, however long or odd, and keep it out of warnings and logs.

    highdicom warns of a patient's name that looks unusual to it by quoting it, and pydicom of values that break a
    rule.
    """
    logger = logging.getLogger("highdicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with disable_value_validation(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        logger.setLevel(level)


def _refuse_unusable(images: Sequence[Dataset], *, where: Path) -> None:
    for keyword in NEEDED:
        if not all(text_of(image, keyword) for image in images):
            message = f"{where} has no {keyword}, without which a result object has no place: export it again"
            raise ImageError(message)
    for keyword in ALIKE:
        if len({text_of(image, keyword) for image in images}) > 1:
            message = f"{where}: the slices of the series differ in {keyword}: give them as the scanner stored them"
            raise ImageError(message)
    for keyword, form in MOMENTS.items():
        try:
            form(text_of(images[0], keyword) or None)
        except ValueError:
            _refuse_value(keyword, where=where)
    if text_of(images[0], "PatientSex") not in SEXES:
        _refuse_value("PatientSex", where=where)


def _refuse_value(keyword: str, *, where: Path) -> None:
    message = f"{where} carries a malformed {keyword}, which cannot be copied into a result: correct it at its source"
    raise ImageError(message) from None


def _complete(header: Dataset) -> None:
    """Add what the standard asks for and some scanners leave out."""
    for keyword in IDENTITY:
        if keyword not in header:
            setattr(header, keyword, "")
