"""DICOM studies with an outline in each (DICOM SEG or RT structure set), and a table: a hospital's export.

``image`` of the table, or of ``--map``, names the folder of a study; the outline is looked for in it, checked
against the chosen series, and written as a mask beside the table.
"""

from functools import partial
from pathlib import Path

from onephase.cohort.sources.folder import CHOICES, Row, read_table
from onephase.cohort.sources.repair import files_in, kept_mask
from onephase.cohort.sources.source import Download, Found, LeaveOut, Source
from onephase.cohort.sources.tcia import only, series_of
from onephase.imaging.case import Mask
from onephase.readers.dicom.files import dicom_files
from onephase.readers.dicom.scan import open_dicom
from onephase.readers.dicom.structure_set import read_structure
from onephase.readers.roi import read_mask
from onephase.storage import sha256_of

OUTLINES = ("SEG", "RTSTRUCT")


def read(download: Download) -> Found:
    """Read studies with a table.

    Raises:
        CohortError: If the table cannot be told, or a column that was named is not in it.
    """
    return read_table(download, find_mask=partial(_outline, beside=download.out.parent))


def _outline(row: Row, study: Path, case_id: str, *, beside: Path) -> Path:
    """Return the outline of a study as a mask beside the table.

    Raises:
        LeaveOut: If the study holds no outline, or several.
        ImageError: If the outline is not of a tumour, or does not lie on the dynamic series.
    """
    if not study.is_dir():
        reason = "its study is no folder, so that no outline can be looked for in it"
        raise LeaveOut(reason)
    files = [series_of(path) for path in dicom_files(study)]  # every header: exports mix series in one folder
    outline = only([one for one in files if one.modality in OUTLINES], what="its outline (SEG or RTSTRUCT)")

    def mask() -> Mask:
        scan = open_dicom(study)
        if outline.modality == "RTSTRUCT":
            return read_structure(outline.first, name=row["mask_label"], grid=scan.grid)
        label = row["mask_label"] or None
        return read_mask(outline.first, label=label, grid=scan.grid, frame_of_reference=scan.frame_of_reference)[0]

    images = " ".join(sorted({one.uid for one in files if one.modality == "MR"}))
    made_from = f"{sha256_of(outline.first)} {images} {row['mask_label']} {files_in(study)}"
    return kept_mask(mask, made_from=made_from, folder=beside, case_id=case_id)


SOURCE = Source(
    name="dicom-study",
    title="DICOM studies with a table",
    licence="not said (--map licence= writes it down)",
    citation="not said (--map citation= writes it down)",
    convention="",
    labels=(),
    read=read,
    choices=CHOICES,
)
