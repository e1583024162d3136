"""NRRD and MetaImage files by SimpleITK, which is imported for no other: it takes a tenth of a prediction's time."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the field's own alias

from onephase.arrays import Float32
from onephase.errors import ImageError
from onephase.readers.formats import Format
from onephase.readers.text_headers import check_text_header
from onephase.readers.volume_header import VolumeHeader

IMAGE_IO = {Format.NRRD: "NrrdImageIO", Format.META: "MetaImageIO"}


def read_itk_header(path: Path, kind: Format) -> VolumeHeader:
    """Read the header of an NRRD or MetaImage file.

    Raises:
        ImageError: If it is broken or not orthonormal, or points to voxels elsewhere.
    """
    check_text_header(path, kind)
    with _quiet_itk(path):
        reader = _reader(path, kind)
        reader.ReadImageInformation()
    size = tuple(reader.GetSize())
    one_number = sitk.Image([1, 1], reader.GetPixelID()).GetSizeOfPixelComponent()
    axes = np.eye(max(3, len(size)))
    axes[: len(size), : len(size)] = np.array(reader.GetDirection()).reshape(len(size), len(size))
    texts = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys() if key.isascii()}
    return VolumeHeader(
        size,
        reader.GetNumberOfComponents(),
        tuple(reader.GetSpacing()[:3]),
        tuple(reader.GetOrigin()[:3]),
        axes[:3, :3],
        voxel_bytes=math.prod(size) * reader.GetNumberOfComponents() * one_number,
        texts=texts,
    )


def read_itk_voxels(path: Path, kind: Format, *, volume: int) -> Float32[np.ndarray, "slice row column"]:
    """Return one volume (from 0) of an NRRD or MetaImage file.

    Raises:
        ImageError: If it is cut short.
    """
    with _quiet_itk(path):
        reader = _reader(path, kind)
        reader.SetOutputPixelType(sitk.sitkFloat32)
        reader.ReadImageInformation()
        if reader.GetDimension() > 3:  # noqa: PLR2004 - columns, rows, slices
            size = list(reader.GetSize())
            reader.SetExtractSize([*size[:3], *[0] * (len(size) - 3)])
            reader.SetExtractIndex([0, 0, 0, volume, *[0] * (len(size) - 4)])
        return np.asarray(sitk.GetArrayFromImage(reader.Execute()))


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
