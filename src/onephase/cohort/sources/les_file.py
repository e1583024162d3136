"""Outlines of the Breast Phenotype Research Group (.les): a box of six numbers, then a byte for each voxel in it.

The format has no published description. What open code reads of it is taken: six unsigned 16-bit numbers, the
first and last row, column and slice with the ends included, then bytes that run fastest along rows, then columns,
then slices. A file whose length does not agree is refused; whether outlines then lie on tumours, the images say.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onephase.arrays import Bool
from onephase.cohort.sources.source import LeaveOut

HEADER_BYTES = 12


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """An outline in a box.

    Attributes:
        start: First slice, row and column.
        inside: The voxels of the box.
    """

    start: tuple[int, int, int]
    inside: Bool[np.ndarray, "slice row column"]

    def on(self, shape: tuple[int, int, int]) -> Bool[np.ndarray, "slice row column"]:
        """Return the outline in a volume.

        Raises:
            LeaveOut: If it reaches beyond the volume.
        """
        whole = np.zeros(shape, dtype=np.bool_)
        stops = [start + size for start, size in zip(self.start, self.inside.shape, strict=True)]
        if any(stop > size for stop, size in zip(stops, shape, strict=True)):
            reason = "its outline reaches beyond the series"
            raise LeaveOut(reason, f"up to slice {stops[0]}, row {stops[1]}, column {stops[2]} of {shape}")
        whole[tuple(slice(start, stop) for start, stop in zip(self.start, stops, strict=True))] = self.inside
        return whole


def read_les(path: Path) -> Outline:
    """Read an outline.

    Raises:
        LeaveOut: If the length of the file is not what its numbers say, or it holds no outline.
    """
    content = path.read_bytes()
    box = np.frombuffer(content[:HEADER_BYTES].ljust(HEADER_BYTES, b"\0"), dtype="<u2").astype(int).reshape(2, 3)
    row, column, first = map(int, box[0])
    rows, columns, slices = map(int, box[1] - box[0] + 1)
    if min(rows, columns, slices) < 1 or len(content) != HEADER_BYTES + rows * columns * slices:
        reason = "the length of its .les file is not what its numbers say: another format, several outlines, or damage"
        raise LeaveOut(reason, f"{len(content)} bytes, box {box.tolist()}")
    voxels = np.frombuffer(content[HEADER_BYTES:], dtype=np.uint8)
    inside = voxels.reshape(slices, columns, rows).transpose(0, 2, 1) > 0
    if not inside.any():
        reason = "its outline is empty"
        raise LeaveOut(reason)
    return Outline((first, row, column), inside)
