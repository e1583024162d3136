"""Spatial attention at several scales, fused into one map.

Each attended stage votes on every voxel by a logit; the votes are brought to the finest attended grid,
added and squashed. The fused map is the one that weighs voxels when regions are pooled, and the one that
is shown, so what a reader sees is what the network used. The form is our choice.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from onephase.arrays import Float
from onephase.network.encoder import Triple

FAINTEST = -9.0
"""Least logit of a voxel, which then counts some ten-thousandth; below it, it teaches nothing. Where every voxel of a
region counts next to nothing, the region is pooled by the ratios of such counts, and those runtimes do not agree on:
onnxruntime's sigmoid takes every logit below -18 for -18."""


class SpatialAttention(nn.Module):
    """One vote a stage, one map in all.

    Args:
        widths: Channels of the attended stages, finest first.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.votes = nn.ModuleList(_silent_vote(width) for width in widths)

    def forward(self, features: Sequence[Float[Tensor, "batch _ _ _ _"]]) -> Float[Tensor, "batch 1 slice row column"]:
        """Return the fused map, each value in 0..1, on the grid of the finest attended stage.

        Args:
            features: Features of the attended stages, finest first.
        """
        finest = _grid(features[0])
        logits = torch.zeros_like(features[0][:, :1])  # (batch, 1, slice, row, column)
        for vote, scale in zip(self.votes, features, strict=True):
            logits = logits + enlarge(vote(scale), finest)
        return torch.sigmoid(logits.clamp_min(FAINTEST))


class NoAttention(nn.Module):
    """Every voxel counts alike: the ablation."""

    def forward(self, features: Sequence[Float[Tensor, "batch _ _ _ _"]]) -> Float[Tensor, "batch 1 slice row column"]:
        """Return ones on the grid of the finest attended stage."""
        return torch.ones_like(features[0][:, :1])  # (batch, 1, slice, row, column)


def relative_to_strongest(
    attention: Float[Tensor, "batch slice row column"],
) -> Float[Tensor, "batch slice row column"]:
    """Return each map divided by its largest value, so that maps of different cases can be compared."""
    return attention / attention.amax(dim=(1, 2, 3), keepdim=True).clamp_min(torch.finfo(attention.dtype).tiny)


def enlarge(
    coarse: Float[Tensor, "batch channel _ _ _"], grid: Triple
) -> Float[Tensor, "batch channel slice row column"]:
    """Return a map on a finer grid, linear between block centres."""
    if _grid(coarse) == grid:
        return coarse
    return functional.interpolate(coarse, size=grid, mode="trilinear", align_corners=False)


def _silent_vote(width: int) -> nn.Conv3d:
    """Return a vote by which, at first, every voxel counts alike."""
    vote = nn.Conv3d(width, 1, 1, bias=False)
    nn.init.zeros_(vote.weight)
    return vote


def _grid(features: Tensor) -> Triple:
    slices, rows, columns = features.shape[2:]
    return slices, rows, columns
