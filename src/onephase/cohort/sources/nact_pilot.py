"""The NACT pilot of UCSF (Breast-MRI-NACT-Pilot): one series holds all phases, no tumour mask, no labels of its own.

The segmentations are of fibroglandular tissue and never taken for the tumour; their private attributes hold a
generous volume of interest around it, which becomes the box. Labels come from MAMA-MIA's table.
"""

from collections.abc import Mapping

from onephase.cohort.sources.receptors import panel, status
from onephase.cohort.sources.sheets import find_tables, read_sheet
from onephase.cohort.sources.source import Download, Found, Label, LeaveOut, Lesion, Source, sort_out
from onephase.cohort.sources.tcia import Series, by_identity, first_visit, only, patients_in, series_in
from onephase.cohort.sources.ucsf import VolumeOfInterest, volume_of_interest
from onephase.errors import CohortError, ImageError
from onephase.readers.dicom.scan import DicomScan, open_dicom
from onephase.readers.series_names import other_kind, words_of

FIRST_VISIT = ("T1", "T0")
RECEPTORS = ("er", "pr", "hr", "her2")
MIN_PHASES = 3
FEWEST_SLICES = 10


def read(download: Download) -> Found:
    """Read the NACT pilot, or a part of it.

    Raises:
        CohortError: If there is no patient, or MAMA-MIA's table is not as published.
    """
    folders = patients_in(download.folder, sets={"nact"})
    if not folders:
        message = f"{download.folder} holds no folder of a patient, such as UCSF-BR-06: give the downloaded collection"
        raise CohortError(message)
    tables = find_tables(download.folder, r"clinical_and_imaging_info\.xlsx")[:1]
    records = [row for table in tables for row in read_sheet(table, sheet="dataset_info").records("patient_id")]
    rows = by_identity(records, "patient_id")
    name_of = {f"nact-{folders[identity][0].name}": identity for identity in sorted(folders)}

    def lesion_of(case_id: str) -> Lesion:
        identity = name_of[case_id]
        series = first_visit(series_in(folders[identity]), codes=FIRST_VISIT)
        dynamic, scan = dynamic_series(series)
        interest = interest_of(series, scan)
        return Lesion(
            case_id=case_id,
            patient_id=folders[identity][0].name,
            image=dynamic.path,
            phase=str(interest.first_post),
            box=interest.box,
            labels=_labels(rows.get(identity), dynamic, case_id=case_id),
        )

    lesions, left_out = sort_out(list(name_of), lesion_of, progress=download.progress)
    notes = (
        "boxes are volumes of interest from private attributes, generous around the tumour: read no sizes from them",
        "segmentations of fibroglandular tissue were not taken for the tumour",
        "labels are those of MAMA-MIA's table"
        if tables
        else "no labels: put MAMA-MIA's clinical_and_imaging_info.xlsx into the folder, which has them",
    )
    return Found(tuple(name_of), lesions, left_out, tuple(tables), notes=notes)


def dynamic_series(series: list[Series]) -> tuple[Series, DicomScan]:
    """Return the one MR series that holds three phases or more, and its scan.

    Raises:
        LeaveOut: If there is none, or several.
        ImageError: If one cannot be read that could be it by its number of files, or that is all there is.
    """
    scans, faults = {}, []
    for one in series:
        if one.modality == "MR" and not is_derived(one):
            try:
                scan = open_dicom(one.path)
            except ImageError as fault:
                if len(list(one.path.iterdir())) >= MIN_PHASES * FEWEST_SLICES:
                    raise  # perhaps the dynamic series itself
                faults.append(fault)  # a scout, say, beside a good dynamic series
                continue
            if len(scan.parts) >= MIN_PHASES:
                scans[one] = scan
    if faults and not scans:
        raise faults[0]
    chosen = only(list(scans), what="the dynamic series, of three phases or more,")
    return chosen, scans[chosen]


def is_derived(series: Series) -> bool:
    """Tell whether a series is a map computed from the dynamic one, or no T1 volume, by its description."""
    words = words_of(series.description)
    return bool(other_kind(words)) or bool({"ser", "pe", "pe1", "pe2", "mask", "segmentation"} & set(words.split()))


def interest_of(series: list[Series], scan: DicomScan) -> VolumeOfInterest:
    """Return the volume of interest that the segmentations of a study carry.

    Raises:
        LeaveOut: If none carries one, or it does not belong to the scan.
    """
    outlines = [one for one in series if one.modality == "SEG"]
    if not outlines:
        reason = "no segmentation with a volume of interest is here"
        raise LeaveOut(reason)
    interest = volume_of_interest(outlines[0].first, grid=scan.grid)
    if interest.phases != len(scan.parts):
        reason = "its segmentation was computed from another number of phases"
        raise LeaveOut(reason, f"{interest.phases} and {len(scan.parts)}")
    return interest


def _labels(row: Mapping[str, str] | None, dynamic: Series, *, case_id: str) -> dict[str, str]:
    if row is None:
        return {}
    if (uid := row.get("tcia_series_uid", "")) not in {"", "NA", dynamic.uid}:
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
