"""Read a case: files in, a :class:`~onephase.imaging.case.Case` out. No lesion is detected here or anywhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from onephase.arrays import Float32
from onephase.errors import ImageError
from onephase.imaging.case import Box, Case, Roi, SeedPoint, Volume, refuse_outside
from onephase.imaging.geometry import Grid
from onephase.readers.archive import unpacked
from onephase.readers.formats import Format, probe
from onephase.readers.phase import choose_phase
from onephase.readers.roi import read_mask
from onephase.readers.scan import Scan
from onephase.readers.volume_file import open_volume_file


def read_case(  # noqa: PLR0913 - one lesion in one call, every part by name
    image: Path,
    *,
    case_id: str,
    mask: Path | None = None,
    mask_label: int | str | None = None,
    box: Box | None = None,
    seed: SeedPoint | None = None,
    phase: str | int | None = None,
    needed: Callable[[Roi, Grid], range] | None = None,
) -> Case:
    """Read one lesion: a post-contrast volume and where its tumour lies.

    Exactly one of ``mask``, ``box`` and ``seed`` says where: there is no lesion detection.

    Args:
        image: NIfTI, NRRD or MetaImage file, an (enhanced) DICOM file, or a folder or ZIP of DICOM.
        case_id: Name used in every message and result; never a patient's name.
        mask: Mask volume on the image's grid, or DICOM SEG.
        mask_label: Value of the tumour in the mask, or number or label of the segment; None (or empty)
            when there is only one.
        box: Box in voxels of the volume as read, half-open.
        seed: Point inside the tumour, in voxels of the volume as read.
        phase: ``first-post`` (also None or empty), or the number of a phase, counted from 1.
        needed: Tells which run of slices is needed, so that no other is read; all where None.

    Returns:
        The case; suspicions stand in its ``warnings``, what is known of the acquisition in its ``source``.

    Raises:
        ImageError: If the image or region cannot be used; one sentence says why and what to do.
        PhaseUndecidedError: If the series holds several phases and nothing tells the first post-contrast one.
        NotOurInputError: If it is plainly no post-contrast breast MRI, or no outline of a tumour.
    """
    with _named(case_id):
        if sum(region is not None for region in (mask, box, seed)) != 1:
            message = "give exactly one of a mask, a box and a seed point: lesions are not detected here"
            raise ImageError(message)
        with open_scan(image) as scan:
            given = box or seed
            if given is not None:
                refuse_outside(given, scan.grid, case_id=case_id)
            roi, warnings = _region(scan, mask=mask, label=mask_label, given=given)
            chosen = choose_phase(scan, phase, roi=roi)
            slices = None if needed is None else needed(roi, scan.grid)
            voxels = _voxels(scan, chosen.index, slices)
            try:
                volume = Volume(voxels, scan.grid, slices)
            except ImageError as fault:
                message = f"{scan.label}: {fault}"
                raise ImageError(message) from None
            agent = scan.phases[chosen.index].contrast_agent
            source = {**scan.source, "phase": f"{chosen.index + 1} of {len(scan.phases)}"}
            if agent:
                source["contrast_agent"] = agent
            said = (*scan.warnings, *chosen.warnings, *warnings)
            return Case(
                case_id,
                volume,
                roi,
                phase=chosen.words,
                warnings=said,
                source=source,
                phase_number=chosen.index + 1,
                phase_warnings=chosen.warnings,
            )


def _voxels(scan: Scan, phase: int, slices: range | None) -> Float32[np.ndarray, "slice row column"]:
    if slices is None or len(slices) == scan.grid.shape[0]:
        return scan.read(phase)
    voxels = np.zeros(scan.grid.shape, dtype=np.float32)  # what is not read takes no memory
    scan.read(phase, slices=slices, into=voxels[slices.start : slices.stop])
    return voxels


@contextmanager
def open_scan(image: Path) -> Iterator[Scan]:
    """Yield the scan in a file, folder or ZIP, headers read; what was unpacked is removed afterwards."""
    kind = probe(image)
    if kind not in {Format.ZIP, Format.FOLDER, Format.DICOM}:
        yield open_volume_file(image, kind)
        return
    from onephase.readers.dicom.scan import open_dicom  # pydicom is a fifth of what a prediction imports

    if kind is Format.ZIP:
        with unpacked(image) as folder:
            yield open_dicom(folder, where=image)
    else:
        yield open_dicom(image)


def _region(
    scan: Scan, *, mask: Path | None, label: int | str | None, given: Box | SeedPoint | None
) -> tuple[Roi, tuple[str, ...]]:
    if given is not None:
        return given, ()
    if mask is None:
        message = "no region was given"
        raise ImageError(message)
    return read_mask(
        mask, label=None if label == "" else label, grid=scan.grid, frame_of_reference=scan.frame_of_reference
    )


@contextmanager
def _named(case_id: str) -> Iterator[None]:
    """Name the case in every message."""
    try:
        yield
    except ImageError as fault:
        prefix = f"case {case_id}: "
        if str(fault).startswith(prefix):
            raise
        raise type(fault)(prefix + str(fault)) from None
