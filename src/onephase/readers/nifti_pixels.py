"""The voxels of a NIfTI-1 file, checked to be all there.

ITK reads a truncated NIfTI, gzipped or not, without an error and leaves the rest of the volume undefined; here a short
file and a wrong checksum are errors.
"""

import io
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
from isal.igzip import BadGzipFile, IGzipFile
from isal.igzip_lib import IsalError

from onephase.arrays import Float32, Shaped
from onephase.errors import ImageError

HEADER_BYTES = 348
FARTHEST_VOXELS = 1 << 30
"""Voxels begin after the header and its extensions, which no file makes this long."""
CHUNK_BYTES = 1 << 20
UNSCALED = (1.0, 0.0)
"""Slope and intercept."""
ByteStream: TypeAlias = io.BufferedReader | IGzipFile
# NIfTI-1 datatype codes (nifti1.h) of real scalar voxels.
DTYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}


def read_nifti_voxels(
    path: Path,
    *,
    shape: tuple[int, int, int],
    volume: int,
    slices: slice = slice(None),
    into: Float32[np.ndarray, "slice row column"] | None = None,
) -> Float32[np.ndarray, "slice row column"]:
    """Return one volume of a NIfTI-1 file, scaled by its slope and intercept.

    Args:
        path: A .nii or .nii.gz file.
        shape: Voxels (slice, row, column) of one volume, from the header, its size already checked.
        volume: Which volume, from 0; 0 in a 3-D file.
        slices: A run of its slices, all by default. Of an uncompressed file no other is read.
        into: An array to read them into; a new one where None.

    Raises:
        ImageError: If the file is cut short, its checksum is wrong, or its voxels are no real numbers.
    """
    stored, (slope, intercept) = _stored(path, shape=shape, volume=volume, slices=slices)
    voxels = np.empty(stored.shape, dtype=np.float32) if into is None else into
    voxels[...] = stored
    if (slope, intercept) != UNSCALED:
        with np.errstate(over="ignore", invalid="ignore"):  # whoever uses voxels refuses those that are no numbers
            voxels *= np.float32(slope)
            voxels += np.float32(intercept)
    return voxels


def read_nifti_labels(path: Path, *, shape: tuple[int, int, int]) -> Shaped[np.ndarray, "slice row column"]:
    """Return the only volume of a NIfTI-1 file as it is stored, for whole numbers need no float; scaled where it is.

    Args:
        path: A .nii or .nii.gz file.
        shape: Its voxels (slice, row, column), from the header, its size already checked.

    Raises:
        ImageError: As for :func:`read_nifti_voxels`.
    """
    stored, scale = _stored(path, shape=shape, volume=0, slices=slice(None))
    if scale == UNSCALED:
        return stored
    with np.errstate(over="ignore", invalid="ignore"):
        return stored.astype(np.float32) * np.float32(scale[0]) + np.float32(scale[1])


@contextmanager
def nifti_stream(path: Path) -> Iterator[ByteStream]:
    """Open a NIfTI-1 file, unpacked where it is gzipped.

    Raises:
        ImageError: If what is read of the gzip stream is cut short or damaged.
    """
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    try:
        with IGzipFile(path, "rb") if zipped else path.open("rb") as stream:
            yield stream
    except (EOFError, IsalError, BadGzipFile):  # type: ignore[misc] # its stub forgets that this is an exception
        message = f"{path} is cut short or damaged (its gzip stream does not end well): copy it again"
        raise ImageError(message) from None


def header_of(path: Path, stream: ByteStream) -> bytes:
    """Return the header that a stream begins with; a file may have become shorter since it was last looked at.

    Raises:
        ImageError: If it is cut short.
    """
    header = stream.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        message = f"{path} is cut short or its header is broken: copy or export it again"
        raise ImageError(message)
    return header


def byte_order(header: bytes) -> str:
    """Return the byte order of a NIfTI-1 header, as :mod:`struct` writes it: its first number is its own length."""
    return "<" if struct.unpack_from("<i", header, 0)[0] == HEADER_BYTES else ">"


def voxel_offset(path: Path, header: bytes) -> int:
    """Return at which byte of a NIfTI-1 file its voxels begin.

    Args:
        path: The file, for the message.
        header: Its first ``HEADER_BYTES`` bytes.

    Raises:
        ImageError: If they would begin within the header, or farther than any header reaches.
    """
    offset = struct.unpack_from(f"{byte_order(header)}f", header, 108)[0]
    if not HEADER_BYTES <= offset <= FARTHEST_VOXELS:  # NaN and infinity among them
        message = (
            f"{path} says that its voxels begin at byte {offset:g}, expected {HEADER_BYTES} or a little more: "
            "export it again"
        )
        raise ImageError(message)
    return int(offset)


def _stored(
    path: Path, *, shape: tuple[int, int, int], volume: int, slices: slice
) -> tuple[Shaped[np.ndarray, "slice row column"], tuple[float, float]]:
    """Return voxels as they are stored, with slope and intercept."""
    with nifti_stream(path) as stream:
        return _voxels(path, stream, shape=shape, volume=volume, slices=slices)


def _voxels(
    path: Path, stream: ByteStream, *, shape: tuple[int, int, int], volume: int, slices: slice
) -> tuple[Shaped[np.ndarray, "slice row column"], tuple[float, float]]:
    header = header_of(path, stream)
    order = byte_order(header)
    code = struct.unpack_from(f"{order}h", header, 70)[0]
    slope, intercept = struct.unpack_from(f"{order}2f", header, 112)
    if code not in DTYPES:
        message = f"{path} holds colours or complex numbers (NIfTI datatype {code}): export grey values"
        raise ImageError(message)
    offset = voxel_offset(path, header)
    dtype = np.dtype(f"{order}{DTYPES[code]}")
    a_slice, whole = math.prod(shape[1:]) * dtype.itemsize, math.prod(shape) * dtype.itemsize
    start, stop, _ = slices.indices(shape[0])
    stored = np.empty((stop - start, *shape[1:]), dtype=dtype)
    _passed(stream, offset - HEADER_BYTES + volume * whole)
    got = _passed(stream, start * a_slice)
    got += _fill(stream, stored.reshape(-1).view(np.uint8).data)
    got += _passed(stream, whole - stop * a_slice)
    if got < whole:
        message = f"{path} is cut short ({got} of {whole} bytes of voxels are there): copy it again"
        raise ImageError(message)
    stream.read(CHUNK_BYTES)  # the checksum of a gzip member is compared at its end
    return stored, UNSCALED if slope == 0 else (slope, intercept)  # a slope of 0 means unscaled (nifti1.h)


def _passed(stream: ByteStream, size: int) -> int:
    """Go on by ``size`` bytes, or to the end of the stream; return by how many. A gzip stream is inflated for it."""
    if isinstance(stream, io.BufferedReader):
        before, end = stream.tell(), stream.seek(0, io.SEEK_END)
        return stream.seek(min(before + size, end)) - before
    done = 0
    while chunk := stream.read(min(CHUNK_BYTES, size - done)):
        done += len(chunk)
    return done


def _fill(stream: ByteStream, target: memoryview) -> int:
    """Read into ``target`` until it is full or the stream ends; return the number of bytes read."""
    done = 0
    while got := stream.readinto(target[done : done + CHUNK_BYTES]):
        done += got
    return done
