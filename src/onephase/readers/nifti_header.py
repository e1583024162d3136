"""The header of a NIfTI-1 file: how large its volumes are, and where they lie.

NIfTI says where twice, by a quaternion (qform) and by a matrix (sform), and counts to the right, to the front and up;
LPS counts to the left and to the back. Of the two the one is taken that ITK takes, so that a mask drawn in 3D Slicer
or ITK-SNAP lies where it was drawn; the tests hold headers of every kind against ITK itself. Where the two are mirrored
about the same corner programs read one or the other, and the file is refused. So are numbers that lead nowhere: ITK
would compute with an infinite one for ever.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onephase.arrays import Float64
from onephase.errors import ImageError
from onephase.readers.nifti_pixels import DTYPES, HEADER_BYTES, byte_order, header_of, nifti_stream
from onephase.readers.volume_header import VolumeHeader

FARTHEST_MM = 1e6  # a kilometre: nothing in a scanner is farther away or longer, and squares of it are still numbers
MOST_DIMENSIONS = 7
SPACE = 3  # dimensions; of the others some programs write 0 or less where there is one
COMPONENTS = {32: 2, 1792: 2, 2048: 2, 128: 3, 2304: 4}
"""Numbers a voxel by datatype: complex ones have two, colours three or four."""
SCANNER = 1
"""The sform code that names the scanner's own coordinates."""
ORTHONORMAL = 1e-4
"""How far the products of the axes may be from 0 and 1, in an sform that is preferred to the qform (as in ITK)."""
SHORTEST_MM = 1e-6
"""Of a column of an sform; a shorter one has no direction."""
MIRRORED = 1e-3
"""How far from 1 the cosine of two axes may be, and from 0 the distance of two corners in mm, that are the same."""
HALF_TURN = 1e-7
"""Of the square of a quaternion's first number: below, it is none."""
TO_LPS = np.diag([-1.0, -1.0, 1.0])
MILLIMETRES = {1: 1000.0, 3: 0.001}
"""Length of the unit by the code of the header: metres and micrometres; all else is taken for millimetres."""


@dataclass(frozen=True, slots=True, eq=False)
class _Axes:
    """Where a volume lies: directions of columns, rows and slices as columns, and the first voxel; to the right."""

    directions: Float64[np.ndarray, "3 3"]
    origin: Float64[np.ndarray, "3"]


def read_nifti_header(path: Path) -> VolumeHeader:
    """Read the header of a NIfTI-1 file.

    Args:
        path: A .nii or .nii.gz file.

    Raises:
        ImageError: In one sentence, where it is cut short or damaged, its voxels are no numbers that are known, or its
            axes lead nowhere; also where the gzip stream is damaged.
    """
    with nifti_stream(path) as stream:
        header = header_of(path, stream)
    order = byte_order(header)
    length = struct.unpack_from(f"{order}i", header, 0)[0]
    if length != HEADER_BYTES:
        message = f"{path} says that its header has {length} bytes, expected {HEADER_BYTES}: export it again"
        raise ImageError(message)
    dimensions, *sizes = struct.unpack_from(f"{order}8h", header, 40)
    size = tuple(max(one, 1) if place >= SPACE else one for place, one in enumerate(sizes[:dimensions]))
    if not 1 <= dimensions <= MOST_DIMENSIONS or min(size) < 1:
        message = f"{path} is cut short or its header is broken: copy or export it again"
        raise ImageError(message)
    datatype = struct.unpack_from(f"{order}h", header, 70)[0]
    if datatype not in DTYPES and datatype not in COMPONENTS:
        message = f"{path} holds voxels of an unknown kind (NIfTI datatype {datatype}): export grey values"
        raise ImageError(message)
    handedness, *spacing = struct.unpack_from(f"{order}4f", header, 76)
    unit_mm = MILLIMETRES.get(header[123] & 7, 1.0)
    wrong = next((apart for apart in spacing if not abs(apart) * unit_mm <= FARTHEST_MM), None)  # NaN among them
    if wrong is not None:
        message = f"{path} says that its voxels are {wrong:g} apart: export it again"
        raise ImageError(message)
    axes = _axes(path, header, order, handedness=handedness)
    lies = axes or _Axes(TO_LPS, np.zeros(3))
    return VolumeHeader(
        size,
        COMPONENTS.get(datatype, 1),
        tuple(unit_mm * (apart or 1.0) for apart in spacing),  # 0 is not said
        tuple((unit_mm * TO_LPS @ lies.origin).tolist()),
        TO_LPS @ lies.directions,
        oriented=axes is not None,
    )


def _axes(path: Path, header: bytes, order: str, *, handedness: float) -> _Axes | None:
    """Return where the volume lies, by the form that counts; None where neither is given."""
    qform_code, sform_code = struct.unpack_from(f"{order}2h", header, 252)
    qform, sform = struct.unpack_from(f"{order}6f", header, 256), struct.unpack_from(f"{order}12f", header, 280)
    for name, code, numbers in (("qform", qform_code, qform), ("sform", sform_code, sform)):
        wrong = next((number for number in numbers if not abs(number) <= FARTHEST_MM), None)  # NaN among them
        if code > 0 and wrong is not None:
            message = f"{path} has axes that lead nowhere (its {name} holds {wrong:g}): export it again"
            raise ImageError(message)
    if sform_code > 0:
        by_matrix = _of_sform(sform)
        product = by_matrix.directions @ by_matrix.directions.T  # of rows, as ITK: near the limit columns differ
        orthonormal = np.allclose(product, np.eye(3), rtol=0, atol=ORTHONORMAL)
        if qform_code <= 0 and not orthonormal:
            message = f"{path} has axes that are not orthonormal (a sheared or flattened header): export it again"
            raise ImageError(message)
        if qform_code <= 0 or (sform_code == SCANNER and orthonormal):
            return by_matrix
        _refuse_mirrored(path, _of_qform(qform, handedness=handedness), by_matrix)
    return _of_qform(qform, handedness=handedness) if qform_code > 0 else None


def _refuse_mirrored(path: Path, one: _Axes, other: _Axes) -> None:
    cosines = (one.directions * other.directions).sum(axis=0)
    same_lines = np.allclose(np.abs(cosines), 1, rtol=0, atol=MIRRORED)
    if same_lines and (cosines < 0).any() and np.allclose(one.origin, other.origin, rtol=0, atol=MIRRORED):
        message = f"{path} has a qform and an sform that mirror each other: export it again"
        raise ImageError(message)


def _of_sform(numbers: tuple[float, ...]) -> _Axes:
    matrix = np.array(numbers).reshape(3, 4)
    steps = matrix[:, :3]
    length = np.linalg.norm(steps, axis=0)
    return _Axes(steps / np.where(length > SHORTEST_MM, length, 1), matrix[:, 3])


def _of_qform(numbers: tuple[float, ...], *, handedness: float) -> _Axes:
    """Return the axes of a unit quaternion of which the first number is left out, for it follows from the others."""
    b, c, d = numbers[:3]
    rest = 1 - (b * b + c * c + d * d)
    if rest < HALF_TURN:  # or more than a unit
        b, c, d = np.array([b, c, d]) / np.sqrt(b * b + c * c + d * d)
        rest = 0.0
    a = np.sqrt(rest)
    directions = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    if handedness < 0:
        directions[:, 2] *= -1
    return _Axes(directions, np.array(numbers[3:]))
