"""What a reader drops onto the page: read from a folder that is gone before the answer leaves."""

import shutil
import tempfile
from pathlib import Path
from typing import Protocol, runtime_checkable

from onephase.errors import ImageError
from onephase.readers.case import read_case
from onephase.readers.formats import Format, probe, read_head
from onephase.service.web.cases import UNOUTLINED, Material

SUFFIXES = {Format.NIFTI: ".nii", Format.NRRD: ".nrrd", Format.META: ".mha"}
GZIP = b"\x1f\x8b"


@runtime_checkable  # for the shape checks of the tests
class Stream(Protocol):
    """Bytes that are read from first to last."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, none at the end."""


def read_upload(image: Stream, mask: Stream | None, *, case_id: str, mask_label: str = "", phase: str = "") -> Material:
    """Read an uploaded case.

    The files get names of our own: those that they came with may name a patient.

    Args:
        image: A NIfTI, NRRD or MetaImage file, an enhanced DICOM file, or a ZIP of DICOM.
        mask: The tumour mask or DICOM SEG; None when the reader will draw a box.
        case_id: Name of the case.
        mask_label: Which label or segment of the mask.
        phase: Which phase where the series holds several; empty for the first post-contrast one.

    Raises:
        ImageError: If they cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="onephase-upload-") as name:
        folder = Path(name)
        try:
            case = read_case(
                _copied(image, folder / "image"),
                case_id=case_id,
                mask=None if mask is None else _copied(mask, folder / "mask"),
                mask_label=mask_label.strip() or None,
                seed=UNOUTLINED if mask is None else None,
                phase=phase.strip() or None,
            )
        except ImageError as fault:
            raise type(fault)(_as_the_reader_knows_it(str(fault), folder)) from None
    return Material(case, outlined=mask is not None)


def _as_the_reader_knows_it(message: str, folder: Path) -> str:
    """Word a message that was meant for files, options and tables for somebody who has a page before him."""
    for words, others in (
        (f"{folder}/", "the uploaded "),
        (", in a table by its column phase", ""),
        ("--phase", "phase"),
    ):
        message = message.replace(words, others)
    return message


def _copied(stream: Stream, path: Path) -> Path:
    """Copy a stream to a file, and end its name as its content wants it: ITK opens NRRD and MetaImage by the name."""
    with path.open("xb") as file:
        shutil.copyfileobj(stream, file)
    suffix = SUFFIXES.get(probe(path), "")
    packed = ".gz" if suffix and read_head(path).startswith(GZIP) else ""
    return path.rename(path.with_name(path.name + suffix + packed))
