"""NIfTI, NRRD and MetaImage files by SimpleITK, every limit checked before memory is taken."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the field's own alias
from jaxtyping import Float32, Shaped

from onephase.errors import ImageError
from onephase.imaging.geometry import Grid
from onephase.readers.formats import Format
from onephase.readers.nifti_axes import check_nifti_axes
from onephase.readers.nifti_pixels import read_nifti_labels, read_nifti_voxels
from onephase.readers.scan import MAX_VOXELS, PhaseFacts
from onephase.readers.series_names import words_of
from onephase.readers.text_headers import check_meta_bytes, check_text_header

IMAGE_IO = {Format.NIFTI: "NiftiImageIO", Format.NRRD: "NrrdImageIO", Format.META: "MetaImageIO"}
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
        metadata: The header's own fields by name.
    """

    path: Path
    format: Format
    grid: Grid
    volumes: int
    metadata: dict[str, str] = field(repr=False)
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
        if self.metadata.get("qform_code") == "0" and self.metadata.get("sform_code") == "0":
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
        if self.format is Format.NIFTI:
            return read_nifti_labels(self.path, shape=self.grid.shape)
        return self._by_itk(0)

    def _by_itk(self, volume: int) -> Float32[np.ndarray, "slice row column"]:
        with _quiet_itk(self.path):
            reader = _reader(self.path, self.format)
            reader.SetOutputPixelType(sitk.sitkFloat32)
            reader.ReadImageInformation()
            if reader.GetDimension() > 3:  # noqa: PLR2004 - columns, rows, slices
                size = list(reader.GetSize())
                reader.SetExtractSize([*size[:3], *[0] * (len(size) - 3)])
                reader.SetExtractIndex([0, 0, 0, volume, *[0] * (len(size) - 4)])
            return np.asarray(sitk.GetArrayFromImage(reader.Execute()))


def open_volume_file(path: Path, kind: Format) -> VolumeFile:
    """Read the header of a volume file.

    Args:
        path: The file.
        kind: Its format, by :func:`onephase.readers.formats.probe`.

    Raises:
        ImageError: If it is of another format, or the header is broken or not orthonormal, asks for more than
            ``MAX_VOXELS``, holds colours, is flat, or points to voxels elsewhere.
    """
    if kind not in IMAGE_IO:
        message = f"{path} is a {kind.value} by its content, expected NIfTI, NRRD or MetaImage: export it as such"
        raise ImageError(message)
    if kind is Format.NIFTI:
        check_nifti_axes(path)
    else:
        check_text_header(path, kind)
    with _quiet_itk(path):
        reader = _reader(path, kind)
        reader.ReadImageInformation()
    size = list(reader.GetSize())
    _check_size(path, size, components=reader.GetNumberOfComponents())
    if kind is Format.META:
        one_voxel = sitk.Image([1, 1], reader.GetPixelID()).GetSizeOfPixelComponent()
        check_meta_bytes(path, voxel_bytes=math.prod(size) * one_voxel)
    columns, rows, slices = size[:3]
    axes = np.array(reader.GetDirection(), dtype=np.float64).reshape(len(size), len(size))[:3, :3]
    origin, spacing = reader.GetOrigin(), reader.GetSpacing()
    try:
        grid = Grid(
            (slices, rows, columns),
            (spacing[2], spacing[1], spacing[0]),
            (origin[0], origin[1], origin[2]),
            axes[:, ::-1].copy(),
        )
    except ImageError as fault:
        message = f"{path}: {fault}"
        raise ImageError(message) from None
    metadata = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys() if key.isascii()}
    return VolumeFile(path, kind, grid, math.prod(size[3:]), metadata)


def _check_size(path: Path, size: list[int], *, components: int) -> None:
    if components != 1:
        message = f"{path} holds {components} values a voxel (a colour, vector or complex image): export grey values"
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


def _reader(path: Path, kind: Format) -> sitk.ImageFileReader:
    reader = sitk.ImageFileReader()
    reader.SetImageIO(IMAGE_IO[kind])  # by content, so that a name cannot call another parser
    reader.SetFileName(str(path))
    return reader


@contextmanager
def _quiet_itk(path: Path) -> Iterator[None]:
    """Keep ITK's warnings off the terminal and turn its errors into one sentence."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    except RuntimeError as fault:
        if "orthonormal" in str(fault):
            message = f"{path} has axes that are not orthonormal (a sheared or flattened header): export it again"
        else:
            message = f"{path} is cut short or its header is broken: copy or export it again"
        raise ImageError(message) from None
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)
