"""A DICOM scan: series chosen, phases parted, pixels still unread."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from onephase.arrays import Float32
from onephase.errors import ImageError
from onephase.imaging.geometry import Grid
from onephase.readers.dicom.files import dicom_files
from onephase.readers.dicom.our_input import input_warnings, of_the_breast
from onephase.readers.dicom.phases import DicomPhase, grid_of, phases_of
from onephase.readers.dicom.pixels import read_pixels
from onephase.readers.dicom.series import choose, slices_in, stacks_of
from onephase.readers.scan import MAX_VOXELS, PhaseFacts


@dataclass(frozen=True, slots=True, eq=False)
class DicomScan:
    """The chosen series of a study; a :class:`~onephase.readers.scan.Scan`.

    Attributes:
        where: What the user named.
        grid: The grid that all phases share.
        parts: The slices, phase by phase.
        warnings: What is suspicious, in sentences.
        source: Facts about the acquisition; see :mod:`onephase.readers.dicom.series_header`.
    """

    where: Path
    grid: Grid
    parts: tuple[DicomPhase, ...]
    warnings: tuple[str, ...]
    source: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The path as it was given."""
        return str(self.where)

    @property
    def phases(self) -> tuple[PhaseFacts, ...]:
        """What the headers say about each phase."""
        return tuple(_facts(part) for part in self.parts)

    @property
    def frame_of_reference(self) -> str:
        """Frame of Reference UID; empty when the header has none."""
        return self.parts[0].slices[0].series.frame_of_reference

    def read(
        self,
        phase: int,
        *,
        slices: Sequence[int] | None = None,
        into: Float32[np.ndarray, "slice row column"] | None = None,
    ) -> Float32[np.ndarray, "slice row column"]:
        """Return the pixels of a phase (from 0), or of some of its slices; no other file is opened."""
        chosen = self.parts[phase].slices
        return read_pixels(chosen if slices is None else [chosen[index] for index in slices], into=into)


def open_dicom(path: Path, *, where: Path | None = None) -> DicomScan:
    """Read the headers of a DICOM file or folder, choose the series and part its phases.

    Args:
        path: A file, or a folder that is searched with its subfolders.
        where: What messages shall name instead of ``path``.

    Raises:
        ImageError: If nothing can be read, slices are missing or duplicated, or several series could be meant.
        NotOurInputError: If it is plainly no post-contrast breast MRI.
    """
    where = where or path
    files = dicom_files(path) if path.is_dir() else (path,)
    stacks = stacks_of(slices_in(files, where=where))
    chosen = choose(of_the_breast(stacks, where=where), where=where)
    warnings = input_warnings(chosen, where=where)
    parts = phases_of(chosen, where=where)
    _check_size(parts[0], where=where)
    grid = grid_of(parts[0], where=where)
    if not all(grid_of(part, where=where).same_as(grid) for part in parts):
        message = f"{where}: the phases of {chosen[0].series.title} lie on different grids: give one phase alone"
        raise ImageError(message)
    series = chosen[0].series
    source = {
        "format": "DICOM",
        **series.facts,
        "spacing_mm": " x ".join(f"{mm:.4g}" for mm in grid.spacing_mm),
        "series": "; ".join(stack.series.title for stack in chosen),
    }
    if passed_over := {stack.series.uid for stack in stacks} - {stack.series.uid for stack in chosen}:
        source["series_passed_over"] = str(len(passed_over))
    return DicomScan(where, grid, parts, warnings, source)


def _facts(part: DicomPhase) -> PhaseFacts:
    first = part.slices[0]
    return PhaseFacts(
        name=first.series.description,
        words=first.series.words,
        contrast_agent=first.agent,
        start_s=part.start_s,
        bolus_s=first.bolus_s,
    )


def _check_size(part: DicomPhase, *, where: Path) -> None:
    rows, columns = part.slices[0].shape
    slices = len(part.slices)
    if not 0 < slices * rows * columns <= MAX_VOXELS:
        message = f"{where} declares {columns} x {rows} x {slices} voxels, outside 1 to {MAX_VOXELS}: check its header"
        raise ImageError(message)
