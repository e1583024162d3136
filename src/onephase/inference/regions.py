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
    voxels = {name: float(member[name].sum(dtype=np.float64)) for name in settings.network.regions}
    looked = {name: float((attention * member[name]).sum(dtype=np.float64)) for name in settings.network.regions}
    all_voxels, all_looked = sum(voxels.values()), sum(looked.values()) or 1.0
    regions = []
    for column, name in enumerate(settings.network.regions):
        share = looked[name] / all_looked
        regions.append(
            Region(
                name=name,
                volume_ml=voxels[name] * voxel_ml,
                attention_share=share,
                attention_ratio=share * all_voxels / voxels[name] if voxels[name] > 0 else None,
                weights=dict(zip(settings.network.tasks, weights[:, column].tolist(), strict=True)),
            )
        )
    return tuple(regions)
