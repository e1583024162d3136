"""I-SPY 1 (ACRIN 6657): DICOM of TCIA, one series with all phases, and the clinical workbook.

The tumour is outlined by a DICOM SEG that says so, where there is one; else the volume of interest of the private
attributes becomes a generous box. Segmentations of breast tissue are never taken for the tumour.
"""

from collections.abc import Mapping
from pathlib import Path

from onephase.cohort.sources.nact_pilot import dynamic_series, interest_of
from onephase.cohort.sources.receptors import panel, status
from onephase.cohort.sources.sheets import find_table, read_sheet
from onephase.cohort.sources.source import Download, Found, Label, LeaveOut, Lesion, Source, sort_out
from onephase.cohort.sources.tcia import Series, by_identity, first_visit, patients_in, series_in
from onephase.errors import ImageError
from onephase.readers.dicom.scan import DicomScan
from onephase.readers.roi import read_mask

SHEET = "TCIA Patient Clinical Subset"
RECEPTORS = {"er": "ERpos", "pr": "PgRpos", "hr": "HR Pos", "her2": "Her2MostPos"}
COVARIATES = ("age", "BilateralCa", "Laterality", "MRI LD Baseline")
FIRST_POST = "2"  # of pre, early and late


def read(download: Download) -> Found:
    """Read I-SPY 1, or a part of it.

    Raises:
        CohortError: If the clinical workbook is missing or not as published.
    """
    table = find_table(
        download.folder, r"(?!.*I-?SPY ?2).*I-?SPY.*Clinical.*\.xlsx?", what="clinical workbook of I-SPY 1"
    )
    records = read_sheet(table, sheet=SHEET).records("SUBJECTID", *RECEPTORS.values())
    rows = by_identity(records, "SUBJECTID", prefix="ISPY1_")
    folders = patients_in(download.folder, sets={"ispy1"})
    identity_of = {f"ispy1-{identity.split(' ')[1]}": identity for identity in (*rows, *sorted(folders.keys() - rows))}

    def lesion_of(case_id: str) -> Lesion:
        identity = identity_of[case_id]
        if identity not in rows:
            reason = "its folder has no row in the clinical workbook"
            raise LeaveOut(reason)
        return _lesion(case_id, rows[identity], folders=folders.get(identity, []))

    lesions, left_out = sort_out(list(identity_of), lesion_of, progress=download.progress)
    boxes = sum(lesion.box is not None for lesion in lesions)
    notes = (
        f"{boxes} of {len(lesions)} tumours are given by the volume of interest of private attributes, a generous box: "
        "read no sizes from it",
        "the volume is phase 2, the first after contrast, of the first visit (T0)",
    )
    return Found(tuple(identity_of), lesions, left_out, (table,), notes=notes)


def _lesion(case_id: str, row: Mapping[str, str], *, folders: list[Path]) -> Lesion:
    where = f"{SHEET}, case {case_id}, column"
    labels = panel(**{ours: status(row[name], where=f"{where} {name}") for ours, name in RECEPTORS.items()})
    if not folders:
        reason = "its images are not here"
        raise LeaveOut(reason)
    series = first_visit(series_in(folders), codes=("T0",))
    dynamic, scan = dynamic_series(series)
    mask = _tumour(series, scan)
    interest = None if mask else interest_of(series, scan)
    return Lesion(
        case_id=case_id,
        patient_id=case_id.replace("ispy1-", "ISPY1_"),
        image=dynamic.path,
        phase=FIRST_POST if interest is None else str(interest.first_post),
        mask=mask,
        box=None if interest is None else interest.box,
        labels=labels,
        covariates={name.replace(" ", "_"): row[name] for name in COVARIATES if name in row},
    )


def _tumour(series: list[Series], scan: DicomScan) -> Path | None:
    """Return the one SEG that is of the tumour by its own words and lies on the scan; None where there is none.

    Raises:
        LeaveOut: If there are several.
    """
    tumours = []
    for one in series:
        if one.modality != "SEG":
            continue
        try:
            read_mask(one.first, label=None, grid=scan.grid, frame_of_reference=scan.frame_of_reference)
        except ImageError:
            continue  # of other tissue, or of another series
        tumours.append(one.first)
    if len(tumours) > 1:
        reason = "several segmentations are of the tumour"
        raise LeaveOut(reason)
    return tumours[0] if tumours else None


SOURCE = Source(
    name="ispy1",
    title="I-SPY 1 (ACRIN 6657)",
    licence="CC BY 3.0",
    citation=(
        "Newitt D, Hylton N, for the I-SPY 1 Network and the ACRIN 6657 Trial Team, Multi-center breast DCE-MRI data "
        "and segmentations from patients in the I-SPY 1/ACRIN 6657 trials, TCIA (2016), 10.7937/K9/TCIA.2016.HdHpgJLK"
    ),
    convention="ispy1",
    labels=(
        Label("er", "ERpos", "positive by the trial's own table"),
        Label("pr", "PgRpos", "positive by the trial's own table"),
        Label("hr", "HR Pos", "ER or PR positive, from 10 % (a secondary source), where they are not both known"),
        Label("her2", "Her2MostPos", "positive by IHC or by FISH ratio of 2.0 or more (a secondary source)"),
    ),
    read=read,
)
