"""From features to one vector a task: pooled by region under attention, then weighed region against region.

A region that a lesion does not have (a 3 mm lesion has no core) takes no part: its weight is exactly 0 and
the others share the whole. How large each region is enters beside its features, for size is information.
The pooling statistics and the form of the weighting are our choice.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from onephase.arrays import Bool, Float
from onephase.network.encoder import Triple
from onephase.settings import RegionName, RegionSettings

LEAST_VOXELS = 0.5
"""A region with less than half a voxel in all is absent."""

LEVELS = (0.5, 2.0)
"""Where the levels of a feature start, in units of a feature; they are learned, one pair a channel."""

SHARPNESS = 3.0
"""How sharply a voxel passes a level, per unit of a feature."""

STATISTICS = 2 + len(LEVELS)
"""Mean, standard deviation, and share above each level, of each feature within a region."""


def memberships(
    distance_mm: Float[Tensor, "batch 1 slice row column"],
    *,
    names: Sequence[RegionName],
    regions: RegionSettings,
) -> Float[Tensor, "batch region slice row column"]:
    """Return how far each voxel belongs to each region, as `imaging.regions.memberships` does in NumPy.

    Args:
        distance_mm: Signed distance to the lesion surface in mm, negative inside.
        names: Which regions; `whole` holds every voxel of the patch.
        regions: Where they part.
    """

    def beyond(depth_mm: float) -> Tensor:
        return ((distance_mm - depth_mm) / regions.softness_mm + 0.5).clamp(0, 1)

    past_core = beyond(-regions.core_depth_mm)
    past_rim, past_shell = beyond(regions.rim_reach_mm), beyond(regions.shell_reach_mm)
    maps = {
        "core": 1 - past_core,
        "rim": past_core - past_rim,
        "shell": past_rim - past_shell,
        "whole": torch.ones_like(distance_mm),
    }
    return torch.cat([maps[name] for name in names], dim=1)  # (batch, region, slice, row, column)


def volumes(
    membership: Float[Tensor, "batch region slice row column"],
) -> Float[Tensor, "batch region"]:
    """Return the volume of each region in voxels of the patch."""
    return membership.sum(dim=(2, 3, 4))


def weigh_voxels(
    membership: Float[Tensor, "batch region slice row column"],
    attention: Float[Tensor, "batch 1 depth height breadth"],
    *,
    block: Triple,
) -> Float[Tensor, "batch region depth height breadth"]:
    """Return membership times attention, on the attention's grid.

    Args:
        membership: On the patch's grid.
        attention: On the grid of a stage.
        block: Voxels of the patch under one voxel of that stage.
    """
    return functional.avg_pool3d(membership, block) * attention


class RegionPooling(nn.Module):
    """How each feature of a stage is distributed within each region, and not only its mean.

    Args:
        width: Channels of the stage.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.levels = nn.Parameter(torch.tensor(LEVELS)[:, None].repeat(1, width))  # (level, channel)

    def forward(
        self,
        features: Float[Tensor, "batch channel slice row column"],
        weights: Float[Tensor, "batch region slice row column"],
    ) -> Float[Tensor, "batch region statistic_channel"]:
        """Return the weighted mean, standard deviation and share above each level of each channel.

        Args:
            features: Of the stage.
            weights: What each voxel counts in each region, 0 or more, on the same grid.

        Returns:
            Statistic by statistic, channel by channel; 0 for a region without weight. In single precision, also where
            the stages compute in half of it: of 8 bits a small deviation about a large mean leaves nothing.
        """
        with torch.autocast(features.device.type, enabled=False):
            return self._pooled(features.float(), weights.float())

    def _pooled(self, features: Tensor, weights: Tensor) -> Tensor:
        values = features.permute(0, 2, 3, 4, 1).flatten(1, 3)  # (batch, voxel, channel)
        weights = weights.flatten(2)  # (batch, region, voxel)
        total = weights.sum(dim=2, keepdim=True)  # (batch, region, 1)
        share = weights / total.clamp_min(1e-6)
        mean = share @ values  # (batch, region, channel)
        variance = share @ values.square() - mean.square()
        deviation = (variance.clamp_min(0) + 1e-4).sqrt()
        above = [share @ torch.sigmoid(SHARPNESS * (values - level)) for level in self.levels]
        return torch.cat([mean, deviation, *above], dim=2) * (total > 0)  # (batch, region, statistic x channel)


class RegionWeighting(nn.Module):
    """One shared description a region; for each task, a softmax over the regions that are present.

    Args:
        features: Pooled features of a region, the logarithm of its volume not counted.
        width: Length of the description.
        regions: Number of regions.
        tasks: Number of tasks.
        dropout: Share of a description that is hidden in training.
    """

    def __init__(self, features: int, width: int, *, regions: int, tasks: int, dropout: float) -> None:
        super().__init__()
        self.standardise = nn.BatchNorm1d(regions * (features + 1))
        self.describe = nn.ModuleList(nn.Linear(features + 1, width) for _ in range(regions))
        self.hide = nn.Dropout(dropout)
        self.constant = nn.Parameter(torch.zeros(tasks, regions))
        self.gate = nn.Linear(width, tasks, bias=False)
        nn.init.zeros_(self.gate.weight)  # at first, every region counts alike

    def forward(
        self,
        pooled: Float[Tensor, "batch region feature"],
        volume: Float[Tensor, "batch region"],
    ) -> tuple[Float[Tensor, "batch task width"], Float[Tensor, "batch task region"]]:
        """Return what each task is told, and the weight it gives to each region.

        Args:
            pooled: Pooled features of each region.
            volume: Its volume in voxels; below `LEAST_VOXELS` it is absent.
        """
        size = torch.log1p(volume)[:, :, None]  # (batch, region, 1)
        facts = torch.cat([pooled, size], dim=2)  # (batch, region, feature + 1)
        facts = self.standardise(facts.flatten(1)).reshape(facts.shape)
        described = torch.stack(
            [functional.relu(describe(facts[:, region])) for region, describe in enumerate(self.describe)], dim=1
        )  # (batch, region, width)
        described = self.hide(described)
        logits = self.constant + self.gate(described).transpose(1, 2)  # (batch, task, region)
        weights = softmax_over_present(logits, volume >= LEAST_VOXELS)
        return weights @ described, weights  # (batch, task, width), (batch, task, region)


def softmax_over_present(
    logits: Float[Tensor, "batch task region"], present: Bool[Tensor, "batch region"]
) -> Float[Tensor, "batch task region"]:
    """Return a softmax in which absent regions have weight exactly 0; all 0 where none is present."""
    among = present[:, None].expand(logits.shape)  # (batch, task, region)
    lowest = torch.finfo(logits.dtype).min
    shifted = logits - logits.masked_fill(~among, lowest).amax(dim=2, keepdim=True)
    share = torch.exp(shifted.masked_fill(~among, -math.inf))  # absent: exp(-inf) is exactly 0
    return share / share.sum(dim=2, keepdim=True).clamp_min(torch.finfo(logits.dtype).tiny)
