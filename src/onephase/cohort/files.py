"""Whether the files that records name are there, and whether their headers fit; no voxel is read."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from onephase.cohort.csv_file import CohortFile
from onephase.cohort.problems import Problem
from onephase.cohort.records import Record
from onephase.errors import ImageError
from onephase.imaging.geometry import Grid
from onephase.progress import Progress, silent
from onephase.readers.formats import Format, probe
from onephase.readers.volume_file import VolumeFile, open_volume_file
from onephase.storage import is_there

HEADERS = "reading headers"
VOLUME_FILES = {Format.NIFTI, Format.NRRD, Format.META}


def missing_files(tables: Sequence[CohortFile]) -> Iterator[Problem]:
    """Say which image and mask is not there, also of rows that have other problems."""
    for table in tables:
        for row in table.rows:
            for column in ("image", "mask"):
                path = table.path.parent / row[column]
                if row[column] and not is_there(path):
                    backslash = " with / between folders" if "\\" in row[column] else ""
                    fix = f"copy the file there, or mend the path{backslash} (relative to the CSV)"
                    yield Problem(table.cohort, row.case, column, f"there is no {path}", fix)


def unreadable_files(records: Sequence[Record], *, progress: Progress = silent) -> Iterator[Problem]:
    """Say which image or mask is no image, and which region cannot belong to its image, by their headers.

    Of DICOM only the format is looked at; files that are not there are passed over.
    """
    progress(HEADERS, 0, len(records))
    for done, record in enumerate(records, start=1):
        yield from _header_problems(record)
        progress(HEADERS, done, len(records))


def _header_problems(record: Record) -> Iterator[Problem]:
    headers: dict[str, VolumeFile | None] = {}
    for column, path in (("image", record.image), ("mask", record.mask)):
        if path is None or not is_there(path):
            continue
        try:
            headers[column] = _header(path)
        except ImageError as fault:
            yield Problem(record.cohort, record.case_id, column, str(fault), "name another file or export it again")
    image, mask = headers.get("image"), headers.get("mask")
    if image is None:
        return
    if image.volumes > 1 and not record.phase.isdecimal():
        found = f"the image is 4-D ({image.volumes} volumes) and does not say which is the first post-contrast one"
        yield Problem(record.cohort, record.case_id, "phase", found, "write its number, counted from 1 (often 2)")
    elif record.phase.isdecimal() and int(record.phase) > image.volumes:
        found = f"there is no phase {record.phase}: the image holds {image.volumes}"
        yield Problem(record.cohort, record.case_id, "phase", found, "write another number, counted from 1")
    if mask is not None and not mask.grid.same_as(image.grid):
        found = f"the mask's grid ({mask.grid}) differs from the image's ({image.grid})"
        yield Problem(record.cohort, record.case_id, "mask", found, "export both from the same series")
    yield from _region_outside(record, image.grid)


def _region_outside(record: Record, grid: Grid) -> Iterator[Problem]:
    for axis, size in zip(("slice", "row", "column"), grid.shape, strict=True):
        name = "col" if axis == "column" else axis
        if record.box is not None and getattr(record.box, axis)[1] > size:
            found = f"the box ends at {getattr(record.box, axis)[1]:g}, the image has {size} voxels along {axis}"
            yield Problem(record.cohort, record.case_id, f"{name}_end", found, "give voxels of this image, from 0")
        if record.seed is not None and not 0 <= getattr(record.seed, axis) <= size - 1:
            found = f"the point lies at {getattr(record.seed, axis):g}, the image has {size} voxels along {axis}"
            yield Problem(record.cohort, record.case_id, name, found, "give voxels of this image, from 0")


def _header(path: Path) -> VolumeFile | None:
    """Return the header of a volume file; None of DICOM, whose reading belongs to its reader."""
    kind = probe(path)
    return open_volume_file(path, kind) if kind in VOLUME_FILES else None
