"""The series of a record as DICOM that can be shared, and its mask as a Segmentation on it."""

from collections.abc import Sequence
from pathlib import Path

from onephase.cohort.case_of import case_of
from onephase.cohort.export.form import SLICE, Form
from onephase.cohort.export.pseudonyms import Names, Pseudonyms
from onephase.cohort.records import Record
from onephase.errors import ExportError, ImageError
from onephase.imaging.case import Mask, Roi
from onephase.imaging.geometry import Grid
from onephase.readers.case import open_scan
from onephase.readers.formats import Format, probe

DICOM = {Format.DICOM, Format.FOLDER, Format.ZIP}


def refuse_other_images(records: Sequence[Record]) -> None:
    """Refuse records whose image is no DICOM: nothing is made up that a scanner did not write.

    Raises:
        ExportError: Naming the first of them.
        ImageError: If an image is of no format that is known.
    """
    others = [record.case_id for record in records if probe(record.image) not in DICOM]
    if others:
        more = f" and {len(others) - 1} more" if others[1:] else ""
        message = (
            f"the image of case {others[0]}{more} is no DICOM, and a DICOM copy is made of DICOM alone: leave the case "
            "out (docs/cohort-table.md), or take --format nifti, which takes every image"
        )
        raise ExportError(message)


def own_dicom_words() -> frozenset[str]:
    """Return every text that may stand in a DICOM file of a copy."""
    from onephase.writers import dicom_mask, dicom_profile

    return dicom_profile.own_words() | dicom_mask.own_words()


def write_series(record: Record, names: Names, folder: Path, *, key: bytes) -> None:
    """Write the phase that is read of a record, slice by slice, and its mask.

    Args:
        record: The lesion.
        names: What it is called in the copy.
        folder: The copy.
        key: The key of pseudonyms and UIDs.

    Raises:
        ImageError: If image or mask cannot be read, or a file says that something is painted into its pixels.
        StorageError: If a file cannot be written.
    """
    from onephase.readers.dicom.files import damage_is_a_sentence
    from onephase.readers.dicom.originals import align, originals
    from onephase.readers.dicom.scan import DicomScan
    from onephase.writers import dicom_copy
    from onephase.writers.dicom_mask import mask_object

    case = case_of(record, needed=_one_slice)  # for its region and phase
    disguise, pseudonyms = dicom_copy.Disguise(names.patient, key), Pseudonyms(key)
    copies = []
    with open_scan(record.image) as scan:
        if not isinstance(scan, DicomScan):
            message = f"case {record.case_id}: its image changed while it was copied: start again"
            raise ImageError(message)
        for one in originals(scan.parts[case.phase_number - 1].slices, where=record.image):
            with damage_is_a_sentence(one.path):  # a value of another kind than its attribute has
                copy = dicom_copy.shareable(one.header, one.stored, frames=one.frames, disguise=disguise)
            name = pseudonyms.name(SLICE, copy.SOPInstanceUID)
            dicom_copy.write_shareable(folder / Form.DICOM.image(names.case) / f"{name}{Form.DICOM.suffix}", copy)
            del copy.PixelData
            copies.append(copy)
    if isinstance(case.roi, Mask):
        align(copies, case.roi.grid)
        made = mask_object(case.roi, copies, name=names.case, disguise=disguise)
        dicom_copy.write_shareable(folder / Form.DICOM.mask(names.case), made)


def _one_slice(_roi: Roi, _grid: Grid) -> range:
    return range(1)
