"""The NACT pilot of UCSF (Breast-MRI-NACT-Pilot): one series holds all phases, no tumour mask, no labels of its own.

The segmentations are of fibroglandular tissue and never taken for the tumour; their private attributes hold a
generous volume of interest around it, which becomes the box. Labels come from MAMA-MIA's table.
"""

from collections.abc import Mapping

from onephase.cohort.sources.receptors import panel, status
from onephase.cohort.sources.sheets import find_table_if_any, read_sheet
from onephase.cohort.sources.source import Download, Found, Label, LeaveOut, Lesion, Source, sort_out
from onephase.cohort.sources.tcia import by_identity, patients_in
from onephase.cohort.sources.ucsf_study import ucsf_study
from onephase.errors import CohortError

FIRST_VISIT = ("T1", "T0")
RECEPTORS = ("er", "pr", "hr", "her2")


def read(download: Download) -> Found:
    """Read the NACT pilot, or a part of it.

    Raises:
        CohortError: If there is no patient, or MAMA-MIA's table is not as published.
    """
    folders = patients_in(download.folder, sets={"nact"})
    if not folders:
        message = f"{download.folder} holds no folder of a patient, such as UCSF-BR-06: give the downloaded collection"
        raise CohortError(message)
    tables = find_table_if_any(download.folder, r"clinical_and_imaging_info\.xlsx", what="MAMA-MIA's table")
    sheets = [read_sheet(table, sheet="dataset_info") for table in tables]
    rows = by_identity((row for sheet in sheets for row in sheet.records("patient_id", *RECEPTORS)), "patient_id")
    patient_of = {identity: mine[0].resolve().name for identity, mine in folders.items()}  # a dot has no name
    name_of = {f"nact-{patient_of[identity]}": identity for identity in sorted(folders)}

    def lesion_of(case_id: str) -> Lesion:
        identity = name_of[case_id]
        mine = folders[identity]
        study = ucsf_study(mine, codes=FIRST_VISIT, outlined=False, download=download, case_id=case_id)
        return Lesion(
            case_id=case_id,
            patient_id=patient_of[identity],
            image=study.image,
            phase=str(study.first_post),
            box=study.box,
            labels=_labels(rows.get(identity), study.uid, case_id=case_id),
        )

    lesions, left_out = sort_out(list(name_of), lesion_of, progress=download.progress)
    notes = (
        "boxes are volumes of interest from private attributes, generous around the tumour: read no sizes from them",
        "segmentations of fibroglandular tissue were not taken for the tumour",
        "labels are those of MAMA-MIA's table"
        if tables
        else "no labels: put MAMA-MIA's clinical_and_imaging_info.xlsx into the folder, which has them",
    )
    return Found(tuple(name_of), lesions, left_out, tables, notes=notes)


def _labels(row: Mapping[str, str] | None, series_uid: str, *, case_id: str) -> dict[str, str]:
    if row is None:
        return {}
    if (uid := row.get("tcia_series_uid", "")) not in {"", "NA", series_uid}:
        reason = "MAMA-MIA's table names another series of this patient"
        raise LeaveOut(reason, uid)
    where = f"dataset_info, case {case_id}, column"
    return panel(**{label: status(row[label], where=f"{where} {label}") for label in RECEPTORS})


SOURCE = Source(
    name="nact-pilot",
    title="Breast-MRI-NACT-Pilot",
    licence="CC BY 3.0",
    citation=(
        "Newitt D, Hylton N, Single site breast DCE-MRI data and segmentations from patients undergoing neoadjuvant "
        "chemotherapy, TCIA (2016), 10.7937/K9/TCIA.2016.QHsyhJKy; its labels: Garrucho L, et al., Sci Data 12:453 "
        "(2025), 10.1038/s41597-025-04707-4, syn60868042 (CC BY-NC 4.0)"
    ),
    convention="nact-pilot",
    labels=tuple(
        Label(column, f"{column} of MAMA-MIA's dataset_info", "as MAMA-MIA gives it; the cut-off is not documented")
        for column in RECEPTORS
    ),
    read=read,
)
