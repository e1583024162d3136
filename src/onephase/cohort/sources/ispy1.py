"""I-SPY 1 (ACRIN 6657): DICOM of TCIA, one series with all phases, and the clinical workbook.

The tumour is outlined by a DICOM SEG that says so, where there is one; else the volume of interest of the private
attributes becomes a generous box. Segmentations of breast tissue are never taken for the tumour.
"""

from collections.abc import Mapping
from pathlib import Path

from onephase.cohort.sources.receptors import panel, status
from onephase.cohort.sources.sheets import find_table, read_sheet
from onephase.cohort.sources.source import Download, Found, Label, LeaveOut, Lesion, Source, sort_out
from onephase.cohort.sources.tcia import by_identity, patients_in
from onephase.cohort.sources.ucsf_study import ucsf_study

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
        return _lesion(case_id, rows[identity], folders=folders.get(identity, []), download=download)

    lesions, left_out = sort_out(list(identity_of), lesion_of, progress=download.progress)
    boxes = sum(lesion.box is not None for lesion in lesions)
    notes = (
        f"{boxes} of {len(lesions)} tumours are given by the volume of interest of private attributes, a generous box: "
        "read no sizes from it",
        "the volume is phase 2, the first after contrast, of the first visit (T0)",
    )
    return Found(tuple(identity_of), lesions, left_out, (table,), notes=notes)


def _lesion(case_id: str, row: Mapping[str, str], *, folders: list[Path], download: Download) -> Lesion:
    where = f"{SHEET}, case {case_id}, column"
    labels = panel(**{ours: status(row[name], where=f"{where} {name}") for ours, name in RECEPTORS.items()})
    if not folders:
        reason = "its images are not here"
        raise LeaveOut(reason)
    study = ucsf_study(folders, codes=("T0",), outlined=True, download=download, case_id=case_id)
    return Lesion(
        case_id=case_id,
        patient_id=case_id.replace("ispy1-", "ISPY1_"),
        image=study.image,
        phase=FIRST_POST if study.first_post is None else str(study.first_post),
        mask=study.mask,
        box=study.box,
        labels=labels,
        covariates={name.replace(" ", "_"): row[name] for name in COVARIATES if name in row},
    )


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
