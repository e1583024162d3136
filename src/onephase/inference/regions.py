"""What each region of the lesion contributed: its volume, its share of the attention, its weight for each task."""

from collections.abc import Sequence

import numpy as np

from onephase.arrays import Float32, Float64
from onephase.imaging.measurements import ML_PER_MM3
from onephase.imaging.patch import Patch
from onephase.imaging.regions import memberships
from onephase.inference.prediction import Region
from onephase.settings import RegionSettings, Settings


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
    names = settings.network.regions
    voxels, shares = attention_on(attention, patch.distance_mm, names, settings.regions)
    voxel_ml = float(np.prod(patch.frame.spacing_mm)) * ML_PER_MM3
    ratios = attention_ratios(voxels, shares)
    return tuple(
        Region(
            name=name,
            volume_ml=float(voxels[column]) * voxel_ml,
            attention_share=float(shares[column]),
            attention_ratio=None if np.isnan(ratios[column]) else float(ratios[column]),
            weights=dict(zip(settings.network.tasks, weights[:, column].tolist(), strict=True)),
        )
        for column, name in enumerate(names)
    )


def attention_on(
    attention: Float32[np.ndarray, "slice row column"],
    distance_mm: Float32[np.ndarray, "slice row column"],
    names: Sequence[str],
    regions: RegionSettings,
) -> tuple[Float64[np.ndarray, " region"], Float64[np.ndarray, " region"]]:
    """Return the voxels of each region, and its share of the attention on all of them (0 where there is none).

    Args:
        attention: The network's attention.
        distance_mm: Signed distance to the lesion surface, negative inside.
        names: Which regions.
        regions: Where they part.
    """
    member = {**memberships(distance_mm, regions), "whole": np.ones_like(distance_mm)}
    voxels = np.array([member[name].sum(dtype=np.float64) for name in names])
    looked = np.array([(attention * member[name]).sum(dtype=np.float64) for name in names])
    return voxels, looked / (looked.sum() or 1.0)


def attention_ratios(
    voxels: Float64[np.ndarray, " region"], shares: Float64[np.ndarray, " region"]
) -> Float64[np.ndarray, " region"]:
    """Return each region's share of the attention over its share of the voxels; NaN for an empty region."""
    return np.asarray(np.divide(shares * voxels.sum(), voxels, out=np.full_like(shares, np.nan), where=voxels > 0))
