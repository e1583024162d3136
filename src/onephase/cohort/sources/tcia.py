"""DICOM as TCIA delivers it: a folder for each patient, below it studies, below them one folder for each series.

The classic layout names studies and series by their UIDs, the descriptive one by date and description; both are
read by one header of each series. Only the first visit of a patient counts: later ones follow treatment.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from onephase.cohort.identity import canonical_identity
from onephase.cohort.sources.repair import files_in
from onephase.cohort.sources.source import LeaveOut
from onephase.errors import CohortError
from onephase.readers.dicom.files import damage_is_a_sentence, folders_below, is_dicom, read_dataset
from onephase.readers.dicom.header_text import text_of, whole_number_of
from onephase.storage import sha256_of

KEYWORDS = (
    "Modality", "SeriesDescription", "StudyDescription", "StudyDate", "ClinicalTrialTimePointID", "SeriesNumber",
)  # fmt: skip
DEEPEST = 3
MIN_PHASES = 3  # of a dynamic series: before contrast, early and late
CODE = re.compile(r"T?\d{1,2}")
VISIT = re.compile(r"(?:^|[\s_])T(\d)$")


@dataclass(frozen=True, slots=True)
class Series:
    """One series, by the header of its first file.

    Attributes:
        path: Its folder.
        first: Its first file.
        uid: Series Instance UID.
        study: Study Instance UID.
        number: Series Number; 0 when absent.
        modality: MR, SEG, ...
        description: Series description.
        date: Study date.
        visit: Code of the visit, such as T0; empty where the header has none.
    """

    path: Path
    first: Path
    uid: str
    study: str
    number: int
    modality: str
    description: str
    date: str
    visit: str


def outlined_on(outline: Path, images: Series) -> str:
    """Return what a mask follows from that is made of an outline on the grid of a series: their files, as one text."""
    return f"{sha256_of(outline)} {images.uid} {files_in(images.path)}"


def patients_in(folder: Path, *, sets: Collection[str]) -> dict[str, list[Path]]:
    """Return the folders of each patient by canonical identity.

    Args:
        folder: Where the set lies, or one patient of it; patients up to three folders below it.
        sets: First words of the identities that count, such as ``ispy2``.

    Raises:
        CohortError: If there is no such folder.
    """
    if not folder.is_dir():
        message = f"{folder} is no folder: give the folder of the downloaded set"
        raise CohortError(message)
    patient = re.compile(rf"(?:{'|'.join(sets)}) \d+")
    found: dict[str, list[Path]] = {}
    level = [folder]
    for _ in range(DEEPEST + 1):
        identities = [canonical_identity(one.resolve().name) for one in level]
        deeper = []
        for one, identity in zip(level, identities, strict=True):
            if patient.fullmatch(identity):
                found.setdefault(identity, []).append(one)
            else:
                deeper.append(one)
        level = sorted(child for one in deeper for child in one.iterdir() if child.is_dir())
    return found


def series_in(folders: Iterable[Path]) -> list[Series]:
    """Return the series below some folders; files of one folder are one series, as TCIA delivers them.

    Raises:
        ImageError: If a folder or header cannot be read.
    """
    series = []
    for folder in folders:
        for parent, names in sorted(folders_below(folder)):
            first = next((path for name in sorted(names) if is_dicom(path := parent / name)), None)
            if first is not None:
                series.append(series_of(first))
    return series


def series_of(first: Path) -> Series:
    """Return the series that a DICOM file belongs to, by the header of that file.

    Raises:
        ImageError: If it is damaged.
    """
    header = read_dataset(first, only=KEYWORDS)
    with damage_is_a_sentence(first):
        visit = text_of(header, "ClinicalTrialTimePointID")
        told = VISIT.search(text_of(header, "StudyDescription"))
        return Series(
            path=first.parent,
            first=first,
            uid=text_of(header, "SeriesInstanceUID"),
            study=text_of(header, "StudyInstanceUID"),
            number=whole_number_of(header, "SeriesNumber") or 0,
            modality=text_of(header, "Modality").upper(),
            description=text_of(header, "SeriesDescription"),
            date=text_of(header, "StudyDate"),
            visit=visit or (f"T{told[1]}" if told else ""),
        )


def first_visit(series: list[Series], *, codes: Collection[str]) -> list[Series]:
    """Return the series of the first visit.

    Args:
        series: The series of a patient.
        codes: Codes of the first visit in this set; where no header has a code, the earliest date counts.

    Raises:
        LeaveOut: If only later visits are here.
    """
    if any(one.visit for one in series):
        first = [one for one in series if one.visit in codes]
        if not first:
            reason = "only visits after the first are here"
            told = sorted({one.visit for one in series if CODE.fullmatch(one.visit)})  # anything else could be a name
            raise LeaveOut(reason, ", ".join(told))
        return first
    earliest = min((one.date for one in series), default="")
    return [one for one in series if one.date == earliest]


def only(series: list[Series], *, what: str) -> Series:
    """Return the one series that fits.

    Of several, numbers are told and no descriptions: people write names of patients into these.

    Raises:
        LeaveOut: If none does, or several do.
    """
    if len(series) == 1:
        return series[0]
    reason = f"{what} is not here" if not series else f"several could be {what}"
    raise LeaveOut(reason, ", ".join(f"series {one.number}" for one in series))


def by_identity(rows: Iterable[Mapping[str, str]], column: str, *, prefix: str = "") -> dict[str, Mapping[str, str]]:
    """Return the rows of a clinical table by canonical identity.

    Args:
        rows: The rows.
        column: The column of the patient's name.
        prefix: What comes before a bare number, such as ``ISPY2-``.

    Raises:
        CohortError: If a patient stands twice.
    """
    found: dict[str, Mapping[str, str]] = {}
    for row in rows:
        name = row[column].removesuffix(".0")
        identity = canonical_identity(f"{prefix}{name}" if name.isdecimal() else name)
        if found.setdefault(identity, row) is not row:
            message = f"the clinical table names {row[column]} twice: keep one row for each patient"
            raise CohortError(message)
    return found
