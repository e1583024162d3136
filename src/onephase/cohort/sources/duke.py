"""Duke-Breast-Cancer-MRI: DICOM in either layout, boxes, and a clinical workbook with three header rows.

``post_1`` of the path mapping is the first post-contrast series. Boxes count voxels from 1 with the end included,
and slices by the original files; which way these run is read from the positions of the slices, and whether the
boxes then lie on what enhances is asked of the images.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from onephase.arrays import Bool, Float32
from onephase.cohort.sources.array_order import SAMPLE, refuse_other_order
from onephase.cohort.sources.duke_mapping import DownloadedSequence, MappedSequence, downloaded, read_mapping
from onephase.cohort.sources.receptors import NEGATIVE, POSITIVE, STATUS, UNKNOWN, status
from onephase.cohort.sources.sheets import find_table, read_sheet
from onephase.cohort.sources.source import Download, Found, Label, LeaveOut, Lesion, Source, sort_out
from onephase.cohort.sources.tcia import by_identity, patients_in
from onephase.errors import CohortError, ImageError
from onephase.imaging.case import Box
from onephase.readers.dicom.scan import open_dicom

CLINICAL = r"Clinical_and_Other_Features.*\.(xlsx|csv)"
BOXES = r"Annotation_Boxes.*\.(xlsx|csv)"
BOX = ("Start Slice", "End Slice", "Start Row", "End Row", "Start Column", "End Column")
MISSING = {"NA": UNKNOWN, "NC": UNKNOWN, "NP": UNKNOWN}
RECEPTORS = {"er": "ER", "pr": "PR", "her2": "HER2"}
CODES = STATUS | MISSING
HER2_CODES = CODES | {"2": UNKNOWN}  # borderline by the legend, never used
SUBTYPES = {"0": (True, False), "1": (True, True), "2": (False, True), "3": (False, False)}  # HR, HER2
MANUFACTURERS = {"0": "GE", "1": "MPTronic", "2": "Siemens"}


def read(download: Download) -> Found:
    """Read Duke-Breast-Cancer-MRI, or a part of it.

    Raises:
        CohortError: If a table is missing or not as published, or boxes do not lie on what enhances.
    """
    clinical = find_table(download.folder, CLINICAL, what="Clinical_and_Other_Features.xlsx")
    boxes = find_table(download.folder, BOXES, what="Annotation_Boxes.xlsx")
    mapping, sequences = read_mapping(download.folder, keep=download.out.parent)
    known = _Known(
        rows=_clinical_rows(clinical),
        boxes=by_identity(read_sheet(boxes).records("Patient ID", *BOX), "Patient ID"),
        sequences=sequences,
        folders=patients_in(download.folder, sets={"duke"}),
    )
    note = refuse_other_order(islice(_outlined(known), SAMPLE), what="boxes", axes=("slice",))
    others = sorted((known.folders.keys() | known.boxes.keys()) - known.rows.keys())
    identity_of = {f"duke-{int(identity.split(' ')[1]):03d}": identity for identity in (*known.rows, *others)}
    lesions, left_out = sort_out(
        list(identity_of), lambda case_id: _lesion(case_id, identity_of[case_id], known), progress=download.progress
    )
    notes = (
        note,
        "boxes are drawn around the tumour, no masks: the outline within is semi-automatic",
        "HER2 coded 2 (borderline) counts as unknown; field strength and slice thickness are codes and were not taken",
    )
    return Found(tuple(identity_of), lesions, left_out, (clinical, boxes, mapping), notes=notes)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the tables and folders say, by canonical identity."""

    rows: Mapping[str, Mapping[str, str]]
    boxes: Mapping[str, Mapping[str, str]]
    sequences: Mapping[tuple[str, str], MappedSequence]
    folders: Mapping[str, list[Path]]


def _clinical_rows(path: Path) -> dict[str, Mapping[str, str]]:
    """Return the rows of the clinical table: names stand in the second of three header rows, codes in the third.

    Raises:
        CohortError: If the molecular subtype contradicts the receptors, for then the columns are shifted.
    """
    sheet = read_sheet(path, sheet=None if path.suffix == ".csv" else "Data", header=1)
    records = sheet.records("Patient ID", *RECEPTORS.values(), "Mol Subtype")
    rows = by_identity((row for row in records if row["Patient ID"].startswith("Breast_")), "Patient ID")
    for row in rows.values():
        subtype = SUBTYPES.get(row["Mol Subtype"].removesuffix(".0"))
        er, pr, her2 = (row[name].removesuffix(".0") for name in RECEPTORS.values())
        told = (er == "1" or pr == "1", her2 == "1")
        if subtype is not None and {er, pr, her2} <= {"0", "1"} and told != subtype:
            message = (
                f"{path.name}, {row['Patient ID']}: Mol Subtype {row['Mol Subtype']} contradicts ER {row['ER']}, PR "
                f"{row['PR']} and HER2 {row['HER2']}, as it never does in the published table: are columns shifted?"
            )
            raise CohortError(message)
    return rows


def _lesion(case_id: str, identity: str, known: _Known) -> Lesion:
    if identity not in known.rows:
        reason = "it has no row in the clinical workbook"
        raise LeaveOut(reason)
    row = known.rows[identity]
    where = f"clinical workbook, case {case_id}, column"
    labels = {
        ours: status(row[name], codes=HER2_CODES if ours == "her2" else CODES, where=f"{where} {name}")
        for ours, name in RECEPTORS.items()
    }
    sequence = _first_post(identity, known)
    return Lesion(
        case_id=case_id,
        patient_id=row["Patient ID"],
        image=sequence.path,
        box=_box(known.boxes[identity], sequence),
        labels=labels,
        covariates={
            "manufacturer": MANUFACTURERS.get(row.get("Manufacturer", ""), ""),
            "nottingham_grade": _known_or_nothing(row.get("Nottingham grade", "")),
            "bilateral": _known_or_nothing(row.get("Bilateral Information", "")),
        },
    )


def _first_post(identity: str, known: _Known) -> DownloadedSequence:
    if identity not in known.boxes:
        reason = "it has no box in Annotation_Boxes"
        raise LeaveOut(reason)
    if identity not in known.folders:
        reason = "its images are not here"
        raise LeaveOut(reason)
    if (identity, "post_1") not in known.sequences:
        reason = "the path mapping names no post_1 of it"
        raise LeaveOut(reason)
    return downloaded(known.sequences[identity, "post_1"], known.folders[identity])


def _box(row: Mapping[str, str], sequence: DownloadedSequence) -> Box:
    """Return a box in voxels from 0, half-open, its slices in the order of our reader."""
    try:
        first, last, top, bottom, left, right = (float(row[column]) for column in BOX)
    except ValueError:
        reason = "its box is incomplete"
        raise LeaveOut(reason) from None
    sides = {
        "slices": (first, last, sequence.slices),
        "rows": (top, bottom, sequence.rows),
        "columns": (left, right, sequence.columns),
    }
    if not all(1 <= start <= stop <= count for start, stop, count in sides.values()):
        reason = "its box does not lie within its series, counted from 1"
        told = (f"{side} {start:g} to {stop:g} of {count}" for side, (start, stop, count) in sides.items())
        raise LeaveOut(reason, ", ".join(told))
    start, stop = first - 1, last
    if not sequence.rising:
        start, stop = sequence.slices - stop, sequence.slices - start
    return Box(slice=(start, stop), row=(top - 1, bottom), column=(left - 1, right))


def _outlined(
    known: _Known,
) -> Iterator[tuple[Float32[np.ndarray, "slice row column"], Bool[np.ndarray, "slice row column"]]]:
    """Yield by how much the signal rises in the first post-contrast series, and the box in it."""
    for identity in sorted(known.folders):
        try:
            sequence = _first_post(identity, known)
            box = _box(known.boxes[identity], sequence)
            scan = open_dicom(sequence.path)
            rise = scan.read(0)
            if (before := known.sequences.get((identity, "pre"))) is not None:
                plain = open_dicom(downloaded(before, known.folders[identity]).path)
                rise = rise - plain.read(0) if plain.grid.same_as(scan.grid) else rise
            outline = np.zeros(scan.grid.shape, dtype=np.bool_)
            outline[tuple(slice(int(start), int(stop)) for start, stop in box.bounds)] = True
            yield rise, outline
        except (LeaveOut, ImageError, OSError):
            continue  # said when the case itself is read


def _known_or_nothing(text: str) -> str:
    return "" if text in MISSING else text


SOURCE = Source(
    name="duke",
    title="Duke-Breast-Cancer-MRI",
    licence="CC BY-NC 4.0 (not for commercial use), as MAMA-MIA states it; look it up where you downloaded the set",
    citation="Saha et al., Br J Cancer 119:508 (2018); TCIA, 10.7937/TCIA.e3sv-re93",
    convention="duke-allred",
    labels=(
        Label("er", "ER", f"{POSITIVE} from an Allred score of 3 (its legend); this is not the 1 % rule of I-SPY 2"),
        Label("pr", "PR", f"{POSITIVE} from an Allred score of 3 (its legend); this is not the 1 % rule of I-SPY 2"),
        Label("her2", "HER2", f"{POSITIVE} by IHC 3+ or a FISH ratio above 2 (its legend); {NEGATIVE} otherwise"),
    ),
    read=read,
)
