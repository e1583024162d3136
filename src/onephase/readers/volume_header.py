"""What the header of a volume file says, whatever its format."""

from dataclasses import dataclass, field

import numpy as np

from onephase.arrays import Float64


@dataclass(frozen=True, slots=True, eq=False)
class VolumeHeader:
    """A header, read and not yet judged.

    Attributes:
        size: Columns, rows, slices, volumes and so on, as many as the file has dimensions.
        components: Numbers that a voxel holds: 1 for grey values.
        spacing_mm: Of columns, rows and slices; fewer in a flat picture.
        origin_mm: Centre of the first voxel, LPS.
        axes: LPS directions of columns, rows and slices, as columns of the matrix.
        oriented: Whether the header says how the volume lies in the patient.
        voxel_bytes: Bytes of all voxels unpacked, where the header's reader knows.
        texts: The header's own texts by name.
    """

    size: tuple[int, ...]
    components: int
    spacing_mm: tuple[float, ...]
    origin_mm: tuple[float, ...]
    axes: Float64[np.ndarray, "3 3"]
    oriented: bool = True
    voxel_bytes: int = 0
    texts: dict[str, str] = field(default_factory=dict, repr=False)
