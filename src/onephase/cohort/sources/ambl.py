"""Advanced-MRI-Breast-Lesions (AMBL): the only public set with Ki-67; several lesions a patient, irregular names.

The series MultiPhase holds five phases after contrast, so its first phase is the first post-contrast one. Whether
``KI67[%]`` holds per cent or a code, and ``HER2 [SII]`` a score of 0 to 3 or a status, is documented nowhere that was
open to us: the numbers have to tell, or the user. Outlines do not say which lesion they show, so only patients with a
single lesion are taken.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from onephase.biomarkers.evidence import read_evidence
from onephase.cohort.columns import letters_of
from onephase.cohort.identity import canonical_identity
from onephase.cohort.sources.percentages import percentages
from onephase.cohort.sources.receptors import NEGATIVE, POSITIVE, status
from onephase.cohort.sources.repair import kept_mask
from onephase.cohort.sources.sheets import Sheet, find_table, read_sheet
from onephase.cohort.sources.source import Download, Found, Label, LeaveOut, Lesion, Source, sort_out, unique
from onephase.cohort.sources.tcia import Series, only, outlined_on, patients_in, series_in
from onephase.errors import CohortError
from onephase.imaging.case import Mask
from onephase.readers.dicom.scan import open_dicom
from onephase.readers.roi import read_mask

SHEET = "MRI BREASTS with Delay"
TABLE = r"Advanced-MRI-Breast-Lesions-DA-Clinical-(?!.*LEGEND).*\.xlsx"
MULTI_PHASE, OUTLINE = "AX Sen Vibrant MultiPhase", "ROI"
PHASES, FIRST_POST = 5, "1"
LESIONS = range(1, 7)
MISSING = ("", "-1", "-1.0", "NA")
COLUMNS = {  # as the table names them once runs of blanks are one; {n} is the number of the lesion
    "er": ("ER [%] {n}",),
    "pr": ("PR [%] {n}",),
    "her2": ("HER2 [SII] {n}", "HER [SII] {n}"),
    "ki67": ("KI67[%] {n}",),
    "kind": ("tumor/benign{n}",),
    "triple_negative": ("isTN{n}",),
    "grade": ("GRADE{n}",),
}
SHARES = {"er": "ER [%]", "pr": "PR [%]", "ki67": "KI67[%]"}
IHC = {"0": "0+", "1": "1+", "2": "2+", "3": "3+"}
YES_NO = {"1": POSITIVE, "0": NEGATIVE}
HER2 = "HER2 [SII]"
HER2_CODES = {"ihc": IHC, "status": YES_NO, "none": {}}


def read(download: Download) -> Found:
    """Read AMBL, or a part of it.

    Raises:
        CohortError: If the clinical workbook is missing or not as published, or per cent cannot be told from codes, or
            scores from a status.
    """
    table = find_table(download.folder, TABLE, what="Advanced-MRI-Breast-Lesions-DA-Clinical-Sep2024.xlsx")
    rows = _lesion_rows(read_sheet(table, sheet=SHEET, header=1))
    told = {
        ours: percentages(
            [row[ours] for row in rows.values() if row[ours]],
            column=column,
            ours=ours,
            asked=download.choices.get(ours, ""),
        )
        for ours, column in SHARES.items()
    }
    her2 = _her2_codes([row["her2"] for row in rows.values() if row["her2"]], asked=download.choices.get("her2", ""))
    labels = {case_id: {ours: told[ours].get(row[ours], "") for ours in SHARES} for case_id, row in rows.items()}
    folders = patients_in(download.folder, sets={"ambl"})

    def lesion_of(case_id: str) -> Lesion:
        row = rows[case_id]
        mine = folders.get(canonical_identity(row["patient"]), [])
        return _lesion(case_id, row, shares=labels[case_id], her2=her2, folders=mine, beside=download.out.parent)

    lesions, left_out = sort_out(list(rows), lesion_of, progress=download.progress)
    unread = sum(bool(row["ki67"]) and not labels[case_id]["ki67"] for case_id, row in rows.items())
    notes = (
        f"the volume is the first of the {PHASES} phases of '{MULTI_PHASE}', which holds none before contrast",
        f"of KI67[%], {sum(bool(one['ki67']) for one in labels.values())} entries were read and {unread} were not",
    )
    return Found(tuple(rows), lesions, left_out, (table,), notes=notes)


def _her2_codes(entries: Sequence[str], *, asked: str) -> Mapping[str, str]:
    """Return what the codes of HER2 mean; none of them where it shall not be read.

    Args:
        entries: The cells that are not missing.
        asked: ``ihc``, ``status`` or ``none`` where the user has looked it up, empty to decide by the numbers.

    Raises:
        CohortError: If no 2 or 3 occurs, so that it could hold a status as well, and the user has not said which.
    """
    if asked and asked not in HER2_CODES:
        message = f"--map her2={asked}: expected {', '.join(HER2_CODES)}"
        raise CohortError(message)
    if not asked and entries and not {entry.removesuffix(".0") for entry in entries} & {"2", "3"}:
        message = (
            f"the column {HER2} holds no 2 or 3, so that 1 could mean positive as well as a score of 1+, "
            "which is negative: look it up in the legend of the set, then say --map her2=ihc for scores, "
            "--map her2=status for 0 negative and 1 positive, or --map her2=none to leave it out"
        )
        raise CohortError(message)
    return HER2_CODES[asked or "ihc"]


def _lesion_rows(sheet: Sheet) -> dict[str, dict[str, str]]:
    """Return what the table says of each lesion, by case id; -1 is missing.

    Raises:
        CohortError: If no column names the patient, or the first lesion's columns are not as published.
    """
    patients = [name for name in sheet.columns if "".join(filter(str.isalpha, name.lower())).startswith("patientid")]
    spelled = _spelled(sheet)
    needed = [names[0].format(n=1) for names in COLUMNS.values()]
    sheet.records(*(patients or ["Patient ID"])[:1], *(spelled.get(name, name) for name in needed))
    records = sheet.records()
    unique((row[patients[0]] for row in records), where=sheet.path.name)
    rows: dict[str, dict[str, str]] = {}
    for record in records:
        mine = {number: _told(record, number, spelled) for number in LESIONS}
        there = {number: told for number, told in mine.items() if told["kind"]}
        for number, told in there.items():
            patient = record[patients[0]]
            name = patient if canonical_identity(patient).startswith("ambl ") else f"AMBL-{patient.removesuffix('.0')}"
            rows[f"ambl-{name}-{number}"] = told | {"patient": name, "lesion": str(number), "lesions": str(len(there))}
    return rows


def _spelled(sheet: Sheet) -> dict[str, str]:
    """Return how the sheet spells each column that it has: names are irregular, so blanks and signs do not count.

    Raises:
        CohortError: If it spells one twice, or counts a lesion in a way that is not known: the lesion would be lost.
    """
    known = {
        _plain(name.format(n=n)): name.format(n=n) for names in COLUMNS.values() for name in names for n in LESIONS
    }
    spelled: dict[str, str] = {}
    for column in sheet.columns:
        name = known.get(_plain(column))
        if (name is None and "tumorbenign" in _plain(column)) or name in spelled:
            message = (
                f"{sheet.path.name} has a column {column!r}, which is not as published: expected tumor/benign1 to "
                f"tumor/benign{max(LESIONS)}, and each column once"
            )
            raise CohortError(message)
        if name is not None:
            spelled[name] = column
    return spelled


def _plain(column: str) -> str:
    return letters_of(column.replace("%", "percent"))  # KI67[%] is not KI67


def _told(record: Mapping[str, str], number: int, spelled: Mapping[str, str]) -> dict[str, str]:
    told = {}
    for ours, names in COLUMNS.items():
        there = [spelled[name] for name in (one.format(n=number) for one in names) if name in spelled]
        cells = [record[column] for column in there]
        told[ours] = next((cell for cell in cells if cell not in MISSING), "")
    return told


def _lesion(
    case_id: str,
    row: Mapping[str, str],
    *,
    shares: Mapping[str, str],
    her2: Mapping[str, str],
    folders: list[Path],
    beside: Path,
) -> Lesion:
    where = f"clinical workbook, case {case_id}, column"
    if status(row["kind"], codes=YES_NO, where=f"{where} tumor/benign") == NEGATIVE:
        reason = "the lesion is benign"
        raise LeaveOut(reason)
    labels = {**shares, "her2": status(row["her2"], codes=her2, where=f"{where} {HER2}") if her2 else ""}
    triple_negative = status(row["triple_negative"], codes=YES_NO, where=f"{where} isTN")
    _refuse_contradiction(case_id, labels, triple_negative)
    if row["lesions"] != "1":
        reason = "the patient has several lesions, and no outline says which of them it shows"
        raise LeaveOut(reason)
    if not folders:
        reason = "its images are not here"
        raise LeaveOut(reason)
    dynamic, outline = _series(series_in(folders))
    mask = kept_mask(
        lambda: _outlined(dynamic, outline),
        made_from=outlined_on(outline.first, dynamic),
        folder=beside,
        case_id=case_id,
    )
    return Lesion(
        case_id=case_id,
        patient_id=row["patient"],
        lesion_id=row["lesion"],
        image=dynamic.path,
        phase=FIRST_POST,
        mask=mask,
        labels=labels,
        covariates={"grade": row["grade"]},
    )


def _refuse_contradiction(case_id: str, labels: Mapping[str, str], triple_negative: str) -> None:
    """Leave out a lesion of which isTN and the receptors cannot both hold."""
    events = read_evidence(case_id=case_id, **{name: labels[name] for name in ("er", "pr", "her2")})
    known = [int(events.status(name)[0]) for name in ("hr", "her2")]  # 1 positive, 0 negative, -1 open
    if (triple_negative == POSITIVE and 1 in known) or (triple_negative == NEGATIVE and known == [0, 0]):
        reason = "isTN contradicts ER, PR and HER2"
        raise LeaveOut(reason, ", ".join(f"{name} {labels[name]}" for name in ("er", "pr", "her2")))


def _series(series: list[Series]) -> tuple[Series, Series]:
    """Return the dynamic series and the outline of the study that has one.

    Raises:
        LeaveOut: If there is not exactly one of each.
    """
    outline = only([one for one in series if one.modality == "SEG" and OUTLINE in one.description], what="its ROI")
    study = [one for one in series if one.study == outline.study and one.modality == "MR"]
    dynamic = only([one for one in study if one.description == MULTI_PHASE], what=f"the series '{MULTI_PHASE}'")
    return dynamic, outline


def _outlined(dynamic: Series, outline: Series) -> Mask:
    scan = open_dicom(dynamic.path)
    if len(scan.parts) != PHASES:
        reason = f"'{MULTI_PHASE}' does not hold {PHASES} phases, so that the first need not be the first post-contrast"
        raise LeaveOut(reason, f"{len(scan.parts)} phases")
    mask, _ = read_mask(outline.first, label=None, grid=scan.grid, frame_of_reference=scan.frame_of_reference)
    return mask


SOURCE = Source(
    name="ambl",
    title="Advanced-MRI-Breast-Lesions",
    licence="CC BY 4.0",
    citation="Advanced-MRI-Breast-Lesions, The Cancer Imaging Archive, 10.7937/C7X1-YN57",
    convention="ambl-percent",
    labels=(
        Label("er", "ER [%] n", "per cent of stained nuclei; positive from 1 % (ASCO/CAP 2020)"),
        Label("pr", "PR [%] n", "per cent of stained nuclei; positive from 1 % (ASCO/CAP 2020)"),
        Label(
            "her2",
            f"{HER2} n",
            "IHC score 0 to 3+, of which 2+ leaves the status open, as its numbers tell or as --map her2=ihc said; "
            "with her2=status, 1 is positive",
        ),
        Label("ki67", "KI67[%] n", "per cent, as its numbers tell or as --map ki67=percent said"),
    ),
    read=read,
    choices={name: f"percent or none: what the numbers of {column} are" for name, column in SHARES.items()}
    | {"her2": f"ihc, status or none: what the numbers of {HER2} are"},
)
