"""TCGA-BRCA: DICOM of TCIA, outlines of the Breast Phenotype Research Group, a clinical table of the user's choice.

The image collection has no segmentations and its labels stand in tables of several makers, so their columns are
looked for by known names and refused when none is there. File name, format and position of the outlines are not
documented either: the series number in the name, the length of the file and the images themselves have to agree.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from onephase.arrays import Bool, Float32
from onephase.cohort.sources.array_order import SAMPLE, refuse_other_order
from onephase.cohort.sources.les_file import read_les
from onephase.cohort.sources.receptors import NEGATIVE, POSITIVE, UNKNOWN, panel, status
from onephase.cohort.sources.repair import kept_mask
from onephase.cohort.sources.sheets import Sheet, find_tables, read_sheet
from onephase.cohort.sources.source import Download, Found, Label, LeaveOut, Lesion, Source, sort_out
from onephase.cohort.sources.tcia import Series, only, outlined_on, series_in
from onephase.errors import CohortError, ImageError
from onephase.imaging.case import Mask
from onephase.readers.dicom.scan import open_dicom
from onephase.storage import sha256_of

PATIENT = re.compile(r"TCGA-[A-Z0-9]{2}-[A-Z0-9]{4}", re.IGNORECASE)
OUTLINE = re.compile(rf"({PATIENT.pattern})-\w*?S(\d+)-(\d+)\.les", re.IGNORECASE)
COLUMNS = {  # by letters and digits: the BCR tables, the GDC, cBioPortal
    "patient": ("bcrpatientbarcode", "patientid", "submitterid"),
    "er": ("erstatusbyihc", "breastcarcinomaestrogenreceptorstatus"),
    "pr": ("prstatusbyihc", "breastcarcinomaprogesteronereceptorstatus"),
    "her2": ("her2statusbyihc", "ihcher2", "labprocher2neuimmunohistochemistryreceptorstatus"),
    "fish": ("her2fishstatus", "labprocedureher2neuinsituhybridoutcometype"),
}
NEEDED = ("patient", "er", "pr", "her2")
NOT_KNOWN = (
    "indeterminate",
    "equivocal",
    "notevaluated",
    "notavailable",
    "notperformed",
    "unknown",
    "na",
    "notreported",
)
CODES = {"positive": POSITIVE, "negative": NEGATIVE} | dict.fromkeys(NOT_KNOWN, UNKNOWN)


def read(download: Download) -> Found:
    """Read TCGA-BRCA, or a part of it.

    Raises:
        CohortError: If no table has the receptors under a known name, or outlines do not lie on what enhances.
    """
    sheet, columns = _clinical(download)
    rows = _rows(sheet.records(*columns.values()), columns)
    outlines, doubled, others = _outlines(download.folder)
    folders = _folders(download.folder)
    note = refuse_other_order(islice(_outlined(outlines, folders), SAMPLE), what="outlines (.les)")
    outlined = {outline.patient for outline in outlines.values()}
    names = {**dict.fromkeys(f"tcga-{patient}" for patient in sorted(folders.keys() - outlined)), **outlines}

    def lesion_of(case_id: str) -> Lesion:
        outline = names[case_id]
        if outline is None:
            reason = "it has no outline (.les) here"
            raise LeaveOut(reason)
        if case_id in doubled:
            reason = "its outline (.les) is here twice, and not the same"
            raise LeaveOut(reason)
        if outline.patient not in rows:
            reason = "it has no row in the clinical table"
            raise LeaveOut(reason)
        if len(rows[outline.patient]) > 1:
            reason = "the clinical table has several rows of the patient, and they differ in her receptors"
            raise LeaveOut(reason)
        (row,) = rows[outline.patient]
        told = {
            ours: status(_plain(text), codes=CODES, where=f"case {case_id}, column {columns[ours]}")
            for ours, text in row.items()
        }
        return _lesion(case_id, outline, told=told, folders=folders, beside=download.out.parent)

    lesions, left_out = sort_out(list(names), lesion_of, progress=download.progress)
    notes = [note]
    if others:
        notes.append(
            f"{others} .les files were passed over: their names are not TCGA-XX-XXXX-...S<series>-<lesion>.les"
        )
    return Found(tuple(names), lesions, left_out, (sheet.path,), notes=tuple(notes))


@dataclass(frozen=True, slots=True)
class _Outline:
    """An outline by its name: patient, number of the series, number of the lesion."""

    path: Path
    patient: str
    series: int
    lesion: str


def _clinical(download: Download) -> tuple[Sheet, dict[str, str]]:
    """Return the clinical table and its columns by our names.

    Raises:
        CohortError: If no table has all of them, or several have.
    """
    fitting, seen = [], []
    for path in find_tables(download.folder, r".*\.(csv|tsv|txt|xlsx?)"):
        if path.resolve() == download.out.resolve():
            continue  # what an earlier import has written
        try:
            sheet = read_sheet(path)
        except CohortError:
            continue  # a readme, or a table of something else
        columns = {ours: download.choices.get(ours) or _named(sheet, names) for ours, names in COLUMNS.items()}
        seen.append(path.name)
        if all(columns[ours] in sheet.columns for ours in NEEDED):
            fitting.append((sheet, {ours: name for ours, name in columns.items() if name in sheet.columns}))
    if len(fitting) != 1:
        message = (
            f"{download.folder} holds {len(fitting)} tables with columns for patient, ER, PR and HER2 (looked at: "
            f"{', '.join(seen[:6]) or 'none'}): put one clinical table of TCGA-BRCA there, and name its columns "
            "with --map patient=, er=, pr=, her2= where they are not bcr_patient_barcode, er_status_by_ihc and so on"
        )
        raise CohortError(message)
    return fitting[0]


def _rows(records: Iterable[Mapping[str, str]], columns: Mapping[str, str]) -> dict[str, list[dict[str, str]]]:
    """Return what the clinical table says of each patient's receptors: tables by sample have several rows of her."""
    rows: dict[str, list[dict[str, str]]] = {}
    for record in records:
        patient = record[columns["patient"]].upper()
        told = {ours: record[name] for ours, name in columns.items() if ours != "patient"}
        if PATIENT.fullmatch(patient) and told not in rows.setdefault(patient, []):
            rows[patient].append(told)
    return rows


def _named(sheet: Sheet, names: tuple[str, ...]) -> str:
    return next((column for column in sheet.columns if _plain(column) in names), "")


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _outlines(folder: Path) -> tuple[dict[str, _Outline], set[str], int]:
    """Return the outlines by case, the cases of which two differ, and how many files carry another name."""
    outlines: dict[str, _Outline] = {}
    doubled: set[str] = set()
    others = 0
    for path in sorted(folder.rglob("*.[lL][eE][sS]")):
        if (found := OUTLINE.fullmatch(path.name)) is None:
            others += 1
            continue
        case_id = f"tcga-{path.stem}"
        first = outlines.setdefault(case_id, _Outline(path, found[1].upper(), int(found[2]), found[3]))
        if first.path != path and sha256_of(first.path) != sha256_of(path):
            doubled.add(case_id)
    return outlines, doubled, others


def _folders(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for depth in ("*", "*/*", "*/*/*"):
        for path in sorted(folder.glob(depth)):
            if path.is_dir() and PATIENT.fullmatch(path.name):
                found.setdefault(path.name.upper(), []).append(path)
    return found


def _lesion(
    case_id: str, outline: _Outline, *, told: Mapping[str, str], folders: Mapping[str, list[Path]], beside: Path
) -> Lesion:
    series = _series(outline, folders)
    mask = kept_mask(
        lambda: _mask(outline, series),
        made_from=outlined_on(outline.path, series),
        folder=beside,
        case_id=case_id,
    )
    return Lesion(
        case_id=case_id,
        patient_id=outline.patient,
        lesion_id=outline.lesion,
        image=series.path,
        mask=mask,
        labels=panel(er=told["er"], pr=told["pr"], her2=told.get("fish") or told["her2"]),
    )


def _series(outline: _Outline, folders: Mapping[str, list[Path]]) -> Series:
    if outline.patient not in folders:
        reason = "its images are not here"
        raise LeaveOut(reason)
    series = [one for one in series_in(folders[outline.patient]) if one.modality == "MR"]
    numbered = [one for one in series if one.number == outline.series]
    return only(numbered, what="the series that its outline names by number")


def _mask(outline: _Outline, series: Series) -> Mask:
    grid = open_dicom(series.path).grid
    return Mask(read_les(outline.path).on(grid.shape), grid)


def _outlined(
    outlines: Mapping[str, _Outline], folders: Mapping[str, list[Path]]
) -> Iterator[tuple[Float32[np.ndarray, "slice row column"], Bool[np.ndarray, "slice row column"]]]:
    """Yield by how much the signal rises after the first phase, and the outline."""
    for outline in outlines.values():
        try:
            scan = open_dicom(_series(outline, folders).path)
            image = scan.read(1) - scan.read(0) if len(scan.parts) > 1 else scan.read(0)
            yield image, read_les(outline.path).on(scan.grid.shape)
        except (LeaveOut, ImageError, OSError):
            continue  # said when the case itself is read


SOURCE = Source(
    name="tcga-brca",
    title="TCGA-BRCA with outlines of the Breast Phenotype Research Group",
    licence="CC BY 3.0",
    citation=(
        "Lingle W, Erickson BJ, Zuley ML, et al., The Cancer Genome Atlas Breast Invasive Carcinoma Collection "
        "(TCGA-BRCA), TCIA (2016), 10.7937/K9/TCIA.2016.AB2NAZRP; outlines: TCGA Breast Phenotype Research Group"
    ),
    convention="tcga-ihc",
    labels=(
        Label("er", "ER status by IHC", "as the contributing hospital reported it; cut-offs differ among them"),
        Label("pr", "PR status by IHC", "as the contributing hospital reported it; cut-offs differ among them"),
        Label("her2", "HER2 FISH status, else status by IHC", "as reported; equivocal counts as unknown"),
    ),
    read=read,
    choices={ours: f"the clinical table's column of {ours}" for ours in COLUMNS},
)
