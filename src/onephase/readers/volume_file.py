"""NIfTI, NRRD and MetaImage files, every limit checked before memory is taken."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from onephase.arrays import Float32, Shaped
from onephase.errors import ImageError
from onephase.imaging.geometry import Grid
from onephase.readers.formats import Format, faults_told
from onephase.readers.nifti_header import read_nifti_header
from onephase.readers.nifti_pixels import read_nifti_labels, read_nifti_voxels
from onephase.readers.scan import MAX_VOXELS, PhaseFacts
from onephase.readers.series_names import words_of
from onephase.readers.text_headers import check_meta_bytes
from onephase.readers.volume_header import VolumeHeader

# MAMA-MIA and BreastDCEDL number the phases of a case from 0, the pre-contrast one.
NUMBERED_PRE = re.compile(r"(?i)^(?:duke|ispy[12]|nact|acrin).*_(?:0000|aqc_0)$")


@dataclass(frozen=True, slots=True, eq=False)
class VolumeFile:
    """A volume file whose header was read and found sound; a :class:`~onephase.readers.scan.Scan`.

    Attributes:
        path: The file.
        format: NIfTI, NRRD or MetaImage.
        grid: The grid of one volume.
        volumes: How many volumes it holds; 1 in a 3-D file.
        texts: The header's own texts by name.
        oriented: Whether the header says how the volume lies in the patient.
    """

    path: Path
    format: Format
    grid: Grid
    volumes: int
    texts: dict[str, str] = field(repr=False)
    oriented: bool
    frame_of_reference: str = ""

    @property
    def label(self) -> str:
        """The path as it was given."""
        return str(self.path)

    @property
    def phases(self) -> tuple[PhaseFacts, ...]:
        """One entry a volume; only a single volume can be known by the name of its file."""
        if self.volumes > 1:
            return tuple(PhaseFacts() for _ in range(self.volumes))
        stem = self.path.name.split(".")[0]
        words = "pre" if NUMBERED_PRE.match(stem) else words_of(stem)
        return (PhaseFacts(name=self.path.name, words=words),)

    @property
    def source(self) -> dict[str, str]:
        """The format and the spacing; such files say nothing of the acquisition."""
        spacing = " x ".join(f"{mm:.4g}" for mm in self.grid.spacing_mm)
        return {"format": self.format.value, "spacing_mm": spacing}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Signs of a header that was lost on the way."""
        found = []
        if not self.oriented:
            found.append("the NIfTI header gives no orientation (qform and sform codes are 0): the sides are unsure")
        if self.grid.spacing_mm == (1.0, 1.0, 1.0):
            found.append("the voxel spacing is exactly 1 x 1 x 1 mm, often the mark of a lost header: check the sizes")
        return tuple(found)

    def read(
        self,
        phase: int,
        *,
        slices: Sequence[int] | None = None,
        into: Float32[np.ndarray, "slice row column"] | None = None,
    ) -> Float32[np.ndarray, "slice row column"]:
        """Return the voxels of one volume (from 0) as float32, or of some of its slices only; see ``Scan``."""
        run = slice(None) if slices is None else slice(min(slices), max(slices) + 1)
        scattered = slices is not None and list(slices) != list(range(run.start, run.stop))
        with faults_told(self.path):
            if self.format is Format.NIFTI:
                there = None if scattered else into
                voxels = read_nifti_voxels(self.path, shape=self.grid.shape, volume=phase, slices=run, into=there)
            else:
                voxels = self._by_itk(phase)[run]
        if scattered:
            voxels = voxels[[index - run.start for index in slices or ()]]
        if into is None or voxels is into:
            return voxels
        into[...] = voxels
        return into

    def read_labels(self) -> Shaped[np.ndarray, "slice row column"]:
        """Return the voxels of the first volume, whole numbers as they are stored where they need no scaling."""
        with faults_told(self.path):
            if self.format is Format.NIFTI:
                return read_nifti_labels(self.path, shape=self.grid.shape)
            return self._by_itk(0)

    def _by_itk(self, volume: int) -> Float32[np.ndarray, "slice row column"]:
        from onephase.readers.itk_volume import read_itk_voxels  # SimpleITK takes a tenth of a prediction's time

        return read_itk_voxels(self.path, self.format, volume=volume)


def open_volume_file(path: Path, kind: Format) -> VolumeFile:
    """Read the header of a volume file.

    Args:
        path: The file.
        kind: Its format, by :func:`onephase.readers.formats.probe`.

    Raises:
        ImageError: If it is of another format, or the header is broken or not orthonormal, asks for more than
            ``MAX_VOXELS``, holds colours, is flat, or points to voxels elsewhere.
    """
    if kind not in {Format.NIFTI, Format.NRRD, Format.META}:
        message = f"{path} is a {kind.value} by its content, expected NIfTI, NRRD or MetaImage: export it as such"
        raise ImageError(message)
    with faults_told(path):
        header = _header(path, kind)
        _check_size(path, header)
        if kind is Format.META:
            check_meta_bytes(path, voxel_bytes=header.voxel_bytes)
    columns, rows, slices = header.size[:3]
    across, down, through = header.spacing_mm
    x, y, z = header.origin_mm
    try:
        grid = Grid((slices, rows, columns), (through, down, across), (x, y, z), header.axes[:, ::-1].copy())
    except ImageError as fault:
        message = f"{path}: {fault}"
        raise ImageError(message) from None
    return VolumeFile(path, kind, grid, math.prod(header.size[3:]), header.texts, header.oriented)


def _header(path: Path, kind: Format) -> VolumeHeader:
    if kind is Format.NIFTI:
        return read_nifti_header(path)
    from onephase.readers.itk_volume import read_itk_header

    return read_itk_header(path, kind)


def _check_size(path: Path, header: VolumeHeader) -> None:
    size = header.size
    if header.components != 1:
        message = (
            f"{path} holds {header.components} values a voxel (a colour, vector or complex image): export grey values"
        )
        raise ImageError(message)
    if len(size) < 3:  # noqa: PLR2004 - columns, rows, slices
        message = f"{path} is a single flat picture: a volume of several slices is needed"
        raise ImageError(message)
    if math.prod(size[4:]) != 1:
        message = f"{path} has {len(size)} dimensions: write one volume, or a 4-D series of volumes"
        raise ImageError(message)
    if math.prod(size[:3]) > MAX_VOXELS:
        shape = " x ".join(map(str, size[:3]))
        message = f"{path} declares {shape} voxels, beyond the limit of {MAX_VOXELS}: crop it or check its header"
        raise ImageError(message)
