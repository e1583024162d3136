"""I-SPY 2 (with ACRIN 6698): DICOM of TCIA, and the clinical workbook, which knows HR and never ER and PR apart.

The analysis mask is an inverse bit mask, stored as a DICOM SEG: each bit says why a voxel was left out, and 0 is
the tumour. It is turned round and written beside the table, where no reader can take it for its opposite.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from onephase.arrays import Bool
from onephase.cohort.sources.receptors import panel, status
from onephase.cohort.sources.repair import kept_mask
from onephase.cohort.sources.sheets import find_table, read_sheet
from onephase.cohort.sources.source import Download, Found, Label, LeaveOut, Lesion, Source, sort_out
from onephase.cohort.sources.tcia import (
    MIN_PHASES,
    Series,
    by_identity,
    first_visit,
    only,
    outlined_on,
    patients_in,
    series_in,
)
from onephase.imaging.case import Mask
from onephase.imaging.geometry import Grid
from onephase.readers.dicom.enhanced import frame_headers
from onephase.readers.dicom.files import read_dataset
from onephase.readers.dicom.pixels import decoded
from onephase.readers.dicom.scan import open_dicom
from onephase.readers.dicom.slice import vector

DYNAMIC, ANALYSIS_MASK = "original DCE", "Analysis Mask"
FIRST_POST = "2"  # of pre (index 0) and the volumes after contrast; BreastDCEDL's post_early is the next one
MOST = 0.5
OFF_GRID_VOXELS = 0.1
REQUIRED = ("Patient_ID", "HR", "HER2")
COVARIATES = ("Arm", "MP", "pCR", "Age_at_Screening", "menopausal_status")


def read(download: Download) -> Found:
    """Read I-SPY 2, or a part of it.

    Raises:
        CohortError: If the clinical workbook is missing or not as published.
    """
    name = r"ISPY2-Imaging-Cohort-1-Clinical-Data.*\.xlsx"
    table = find_table(download.folder, name, what="ISPY2-Imaging-Cohort-1-Clinical-Data.xlsx")
    rows = by_identity(read_sheet(table).records(*REQUIRED), "Patient_ID", prefix="ISPY2-")
    folders = patients_in(download.folder, sets={"ispy2"})
    identity_of = {f"ispy2-{identity.split(' ')[1]}": identity for identity in (*rows, *sorted(folders.keys() - rows))}

    def lesion_of(case_id: str) -> Lesion:
        identity = identity_of[case_id]
        if identity not in rows:
            reason = "its folder has no row in the clinical workbook"
            raise LeaveOut(reason)
        mine = folders.get(identity, [])
        return _lesion(case_id, rows[identity], folders=mine, beside=download.out.parent)

    lesions, left_out = sort_out(list(identity_of), lesion_of, progress=download.progress)
    notes = (
        "HR positive is an event (ER or PR), and says of neither that it is positive",
        "masks are the analysis masks turned round (0 is the tumour there): the functional tumour, what enhances",
        "the volume is phase 2, the first after contrast, of the first visit (T0)",
    )
    return Found(tuple(identity_of), lesions, left_out, (table,), notes=notes)


def _lesion(case_id: str, row: Mapping[str, str], *, folders: list[Path], beside: Path) -> Lesion:
    where = f"clinical workbook, case {case_id}, column"
    labels = panel(hr=status(row["HR"], where=f"{where} HR"), her2=status(row["HER2"], where=f"{where} HER2"))
    if not folders:
        reason = "its images are not here"
        raise LeaveOut(reason)
    series = first_visit(series_in(folders), codes=("T0",))
    dynamic, analysis = _pair(series)
    mask = kept_mask(
        lambda: _outlined(dynamic, analysis),
        made_from=outlined_on(analysis.first, dynamic),
        folder=beside,
        case_id=case_id,
    )
    return Lesion(
        case_id=case_id,
        patient_id=case_id.replace("ispy2-", "ISPY2-"),
        image=dynamic.path,
        phase=FIRST_POST,
        mask=mask,
        labels=labels,
        covariates={name: row[name] for name in COVARIATES if name in row},
    )


def _pair(series: list[Series]) -> tuple[Series, Series]:
    """Return the dynamic series and the analysis mask of one view, cropped to a breast or of both.

    Raises:
        LeaveOut: If no view has one of each, or several have.
    """
    analysis = [one for one in series if one.modality == "SEG" and one.description.endswith(ANALYSIS_MASK)]
    dynamic = [one for one in series if one.modality == "MR" and one.description.endswith(DYNAMIC)]
    if not dynamic:
        reason = f"the series '{DYNAMIC}' is not here"
        raise LeaveOut(reason)
    pairs = [
        (images, mask)
        for images in dynamic
        for mask in analysis
        if images.description.removesuffix(DYNAMIC) == mask.description.removesuffix(ANALYSIS_MASK)
    ]
    mask = only([mask for _, mask in pairs], what="its analysis mask")
    return pairs[0][0], mask


def _outlined(dynamic: Series, analysis: Series) -> Mask:
    scan = open_dicom(dynamic.path)
    if len(scan.parts) < MIN_PHASES:
        reason = f"'{DYNAMIC}' holds fewer than {MIN_PHASES} phases here: download it whole"
        raise LeaveOut(reason, f"{len(scan.parts)}")
    return _turned_round(analysis.first, scan.grid)


def _turned_round(path: Path, grid: Grid) -> Mask:
    """Return the tumour of an analysis mask: the voxels of its frames that are 0.

    Raises:
        LeaveOut: If most voxels are 0, for then the mask is no inverse one, or if its frames lie on no slice.
    """
    dataset = read_dataset(path, pixels=True)
    headers = frame_headers(path, dataset)
    inside: Bool[np.ndarray, "slice row column"] = np.zeros(grid.shape, dtype=np.bool_)
    for own, stored in zip(headers, decoded(path, dataset, frames=range(len(headers))), strict=True):
        place = _slice_of(vector(path, own, "ImagePositionPatient", length=3), stored.shape, grid)
        inside[place] = stored == 0
    if inside.mean() > MOST:
        reason = "most of its analysis mask is 0, so 0 cannot be the tumour"
        raise LeaveOut(reason, f"{100 * inside.mean():.0f} % of the voxels")
    if not inside.any():
        reason = "its analysis mask holds no tumour"
        raise LeaveOut(reason)
    return Mask(inside, grid)


def _slice_of(position_mm: np.ndarray, shape: tuple[int, ...], grid: Grid) -> int:
    index = grid.index_of(position_mm)
    place = round(float(index[0]))
    fits = 0 <= place < grid.shape[0] and shape == grid.shape[1:]
    if not fits or np.abs(index - [place, 0, 0]).max() > OFF_GRID_VOXELS:
        reason = "its analysis mask does not lie on the slices of the dynamic series"
        raise LeaveOut(reason)
    return place


SOURCE = Source(
    name="ispy2",
    title="I-SPY 2 (with ACRIN 6698)",
    licence="CC BY 4.0",
    citation=(
        "Li W, Newitt DC, Gibbs J, et al., I-SPY 2 Breast Dynamic Contrast Enhanced MRI Trial (ISPY2), TCIA (2022), "
        "10.7937/TCIA.D8Z0-9T85"
    ),
    convention="ispy2",
    labels=(
        Label("hr", "HR", "ER or PR positive, from 1 % of nuclei; ER and PR apart are not known"),
        Label("her2", "HER2", "positive by IHC 3+ or FISH ratio of 2.0 or more"),
    ),
    read=read,
)
