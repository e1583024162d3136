"""BreastDCEDL: I-SPY 1, I-SPY 2 and Duke as NIfTI, with masks (I-SPY) or boxes (Duke).

The first post-contrast volume has index 1; the table's ``post_early`` is the *second* in I-SPY 2. Headers of masks
hold no spacing and arrays in another order (z, y, x): they are written anew on the grid of their image, whose
spacing the table has to confirm. The ``dataset`` column is wrong in places; the patient's name says the set.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np

from onephase.arrays import Bool, Float32
from onephase.cohort.identity import canonical_identity
from onephase.cohort.records import Split
from onephase.cohort.sources.array_order import SAMPLE, refuse_other_order
from onephase.cohort.sources.breastdcedl_files import PatientFiles, patient_files
from onephase.cohort.sources.receptors import panel, status
from onephase.cohort.sources.repair import kept_mask
from onephase.cohort.sources.sheets import find_tables, read_sheet
from onephase.cohort.sources.source import Download, Found, Label, LeaveOut, Lesion, Source, sort_out, unique
from onephase.errors import CohortError, ImageError
from onephase.imaging.case import Box, Mask
from onephase.readers.formats import Format
from onephase.readers.volume_file import VolumeFile, open_volume_file
from onephase.storage import sha256_of

PRE, FIRST_POST = 0, 1
SAME_SPACING = 0.02
BOX = ("mask_start", "mask_end", "sraw", "eraw", "scol", "ecol")
DUKE = "duke"
OUTLINES = {"ispy1": "masks of I-SPY 1", "ispy2": "masks of I-SPY 2", DUKE: "boxes of Duke"}
RECEPTORS = {"er": "ER", "pr": "PR", "hr": "HR", "her2": "HER2"}
SETS = {DUKE: ("DUKE", "duke-allred"), "ispy1": ("ISPY1", "ispy1"), "ispy2": ("ISPY2", "ispy2")}
SPLITS: dict[str, Split] = {"": "", "0": "train", "1": "validation", "2": "test"}
COVARIATES = ("age", "menopause", "pCR", "n_times")


def read(download: Download) -> Found:
    """Read BreastDCEDL, or a part of it.

    Raises:
        CohortError: If there is no table, or masks or boxes do not lie as they are documented to.
    """
    tables, rows = _tables(download.folder)
    files, others = patient_files(download.folder)
    names = [f"breastdcedl-{pid}" for pid in (*rows, *sorted(files.keys() - rows.keys()))]
    notes = [
        refuse_other_order(islice(_outlined(rows, files, of=of), SAMPLE), what=what) for of, what in OUTLINES.items()
    ]
    if others:
        notes.append(f"{others} NIfTI files were passed over: their names are of no volume and no mask of this set")

    def lesion_of(case_id: str) -> Lesion:
        pid = case_id.removeprefix("breastdcedl-")
        if pid not in rows:
            reason = "its files have no row in a table"
            raise LeaveOut(reason)
        return _lesion(case_id, rows[pid], files=files.get(pid, PatientFiles()), folder=download.out.parent)

    lesions, left_out = sort_out(names, lesion_of, progress=download.progress)
    notes.append("the volume is index 1, the first after contrast, and not post_early (the second in I-SPY 2)")
    notes.append("boxes of Duke are read as counting from 1, the end included; else they would be off by one voxel")
    return Found(tuple(names), lesions, left_out, tables, notes=tuple(notes))


def _tables(folder: Path) -> tuple[tuple[Path, ...], dict[str, dict[str, str]]]:
    """Return the tables that have a column ``pid``, and what they say together of each patient.

    Where two tables say different things of one patient, the cell holds both, which no code is.
    """
    sheets = [sheet for path in find_tables(folder, r".*\.csv") if "pid" in (sheet := read_sheet(path)).columns]
    if not sheets:
        message = f"{folder} holds no CSV with a column pid: download the tables of BreastDCEDL too, into that folder"
        raise CohortError(message)
    rows: dict[str, dict[str, str]] = {}
    for sheet in sheets:
        records = sheet.records("pid")
        unique((row["pid"] for row in records), where=sheet.path.name)
        for row in records:
            mine = rows.setdefault(row["pid"], {})
            for column, text in row.items():
                mine[column] = _together(mine.get(column, ""), text.removesuffix(".0"))
    return tuple(sheet.path for sheet in sheets), rows


def _together(said: str, now: str) -> str:
    """Return what two tables say together of a cell; both where they differ, also as numbers."""
    if not said or not now or said == now:
        return said or now
    try:
        return said if float(said) == float(now) else f"{said} and {now}"
    except ValueError:
        return f"{said} and {now}"


def _lesion(case_id: str, row: Mapping[str, str], *, files: PatientFiles, folder: Path) -> Lesion:
    pid = row["pid"]
    known = _set_of(pid)
    if known not in SETS:
        reason = "its name is of none of the three sets"
        raise LeaveOut(reason)
    site, convention = SETS[known]
    part = row.get("test", "")
    if part not in SPLITS:  # a case that others test on must not be trained on
        reason = "the table does not say clearly which part of the published split it is of"
        raise LeaveOut(reason, f"test {part}")
    where = f"case {case_id}, column"
    labels = panel(**{ours: status(row.get(name, ""), where=f"{where} {name}") for ours, name in RECEPTORS.items()})
    image = _first_post(row, files)
    mask, box = None, None
    if files.mask is not None:
        grid = image.grid
        geometry = f"{grid.shape} {grid.spacing_mm} {grid.origin_mm} {grid.direction.tolist()}"
        mask = kept_mask(
            lambda: Mask(np.ascontiguousarray(_mask(files, image)), grid),
            made_from=f"{sha256_of(files.mask)} {geometry}",
            folder=folder,
            case_id=case_id,
        )
    elif known == DUKE:
        box = _box(row)
    else:  # the table has a box of these too, but of their mask, and counted otherwise
        reason = "its mask is not here"
        raise LeaveOut(reason)
    return Lesion(
        case_id=case_id,
        patient_id=pid,
        site=site,
        image=image.path,
        mask=mask,
        box=box,
        labels=labels,
        convention=convention,
        split=SPLITS[part],
        covariates={column: row[column] for column in COVARIATES if column in row},
    )


def _set_of(pid: str) -> str:
    return canonical_identity(pid).split()[0]


def _first_post(row: Mapping[str, str], files: PatientFiles) -> VolumeFile:
    """Return the volume of index 1, its spacing confirmed by the table.

    Raises:
        LeaveOut: If it is not here once, or the table does not say that it is the first after contrast.
    """
    if files.doubled:
        reason = "one of its volumes, or its mask, is here twice"
        raise LeaveOut(reason, ", ".join(path.name for path in files.doubled))
    if row.get("pre") != "0":
        reason = "its pre-contrast volume is not said to be index 0, so that index 1 need not be the first after it"
        raise LeaveOut(reason, f"pre {row.get('pre') or 'is empty or no column'}")
    if FIRST_POST not in files.volumes:
        reason = f"its volume of index {FIRST_POST} is not here" if files.volumes else "its images are not here"
        raise LeaveOut(reason)
    image = open_volume_file(files.volumes[FIRST_POST], Format.NIFTI)
    told = [row.get("voxel_z") or row.get("slice_thick", ""), row.get("xy_spacing", ""), row.get("xy_spacing", "")]
    try:
        spacing_mm = [float(text) for text in told]
    except ValueError:
        reason = "the table does not tell its spacing"
        raise LeaveOut(reason) from None
    if not np.allclose(spacing_mm, image.grid.spacing_mm, rtol=SAME_SPACING):
        header = " x ".join(f"{mm:g}" for mm in image.grid.spacing_mm)
        reason = "the spacing in the header of the image is not that of the table"
        raise LeaveOut(reason, f"header {header} mm, table {' x '.join(told)} mm")
    return image


def _mask(files: PatientFiles, image: VolumeFile) -> Bool[np.ndarray, "slice row column"]:
    """Return the mask in the order of the image: its own is (z, y, x), which a reader takes for (x, y, z)."""
    if files.mask is None:
        reason = "it has no mask"
        raise LeaveOut(reason)
    inside = open_volume_file(files.mask, Format.NIFTI).read(0) > 0
    if inside.T.shape == image.grid.shape:
        inside = inside.T
    if inside.shape != image.grid.shape:
        reason = "the mask has other numbers of voxels than the image"
        raise LeaveOut(reason, f"mask {inside.shape[::-1]}, image {image.grid.shape}")
    return inside


def _box(row: Mapping[str, str]) -> Box:
    try:
        first, last, top, bottom, left, right = (float(row[column]) for column in BOX)
    except KeyError:
        reason = "the table has no box of it"
        raise LeaveOut(reason) from None
    except ValueError:
        reason = "its box in the table is empty, or the tables here give it different ones"
        raise LeaveOut(reason, ", ".join(f"{column} {row[column]}" for column in BOX)) from None
    if not (first <= last < np.inf and top <= bottom < np.inf and left <= right < np.inf):
        reason = "its box in the table is inverted, or no numbers"
        raise LeaveOut(reason, ", ".join(f"{column} {row[column]}" for column in BOX))
    if min(first, top, left) < 1:
        message = (
            f"the box of {row['pid']} begins at {min(first, top, left):g}: boxes do not count from 1 in this release"
        )
        raise CohortError(message)
    return Box(slice=(first - 1, last), row=(top - 1, bottom), column=(left - 1, right))


def _outlined(
    rows: Mapping[str, Mapping[str, str]], files: Mapping[str, PatientFiles], *, of: str
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield image and outline of the cases of a set: its mask, or Duke's box."""
    for pid, mine in files.items():
        if pid not in rows or _set_of(pid) != of:
            continue
        try:
            image = _first_post(rows[pid], mine)
            if of != DUKE:
                outline = _mask(mine, image)
            else:
                outline = np.zeros(image.grid.shape, dtype=np.bool_)
                outline[tuple(slice(int(start), int(stop)) for start, stop in _box(rows[pid]).bounds)] = True
            if outline.any():
                yield _rise(image, mine), outline
        except (LeaveOut, ImageError, OSError):
            continue  # said when the case itself is read


def _rise(image: VolumeFile, files: PatientFiles) -> Float32[np.ndarray, "slice row column"]:
    """Return by how much the signal rises after contrast; the image itself where no volume before it is here."""
    if PRE not in files.volumes:
        return image.read(0)
    before = open_volume_file(files.volumes[PRE], Format.NIFTI)
    return image.read(0) - before.read(0) if before.grid.same_as(image.grid) else image.read(0)


SOURCE = Source(
    name="breastdcedl",
    title="BreastDCEDL",
    licence="CC BY 4.0, and the licences of its source sets (Duke CC BY-NC 4.0, I-SPY 1 CC BY 3.0, I-SPY 2 CC BY 4.0)",
    citation="BreastDCEDL, Sci Data 13:264; Zenodo 15627233 and 18114231",
    convention="",
    labels=(
        Label("er", "ER", "Duke: Allred 3 or more; I-SPY 1, where its table is here: from 10 %"),
        Label("pr", "PR", "Duke: Allred 3 or more; I-SPY 1, where its table is here: from 10 %"),
        Label("hr", "HR", "ER or PR positive where they are not given apart: I-SPY 2 from 1 %, I-SPY 1 from 10 %"),
        Label("her2", "HER2", "Duke: IHC 3+ or FISH above 2; I-SPY: IHC 3+ or FISH ratio of 2.0 or more"),
    ),
    read=read,
)
