"""What each region of the lesion contributed: its volume, its share of the attention, its weight for each task."""

import numpy as np
from jaxtyping import Float32

from onephase.imaging.measurements import ML_PER_MM3
from onephase.imaging.patch import Patch
from onephase.imaging.regions import memberships
from onephase.inference.prediction import Region
from onephase.settings import Settings


def regions_of(
    patch: Patch,
    settings: Settings,
    *,
    attention: Float32[np.ndarray, "slice row column"],
    weights: Float32[np.ndarray, "task region"],
) -> tuple[Region, ...]:
    """Return what each region of the network's settings contributed.

    Args:
        patch: The patch that was seen.
        settings: The bundle's settings; they name the tasks and regions of ``weights`` in order.
        attention: The network's attention on the patch.
        weights: Its weight of each region for each task.
    """
    member = {**memberships(patch.distance_mm, settings.regions), "whole": np.ones_like(patch.distance_mm)}
    voxel_ml = float(np.prod(patch.frame.spacing_mm)) * ML_PER_MM3
    total = float(attention.sum(dtype=np.float64)) or 1.0
    regions = []
    for column, name in enumerate(settings.network.regions):
        voxels = float(member[name].sum(dtype=np.float64))
        share = float((attention * member[name]).sum(dtype=np.float64)) / total
        regions.append(
            Region(
                name=name,
                volume_ml=voxels * voxel_ml,
                attention_share=share,
                attention_ratio=share * attention.size / voxels if voxels > 0 else None,
                weights=dict(zip(settings.network.tasks, weights[:, column].tolist(), strict=True)),
            )
        )
    return tuple(regions)
