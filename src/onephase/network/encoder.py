"""A residual 3-D encoder whose every voxel stands over one block of voxels of the patch.

Stages are halved by convolutions whose kernel equals their stride, so that a voxel of a stage lies at
the centre of its block: region memberships averaged over the same blocks line up with the features.

In a stack of slices that are not contiguous, slices are samples: no kernel and no stride crosses them.
"""

from collections.abc import Sequence
from typing import TypeAlias

from torch import Tensor, nn

from onephase.arrays import Float

Triple: TypeAlias = tuple[int, int, int]


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut (He 2016, 10.1109/CVPR.2016.90).

    Args:
        width: Channels in and out.
        in_plane: Whether kernels stay within a slice.
    """

    def __init__(self, width: int, *, in_plane: bool) -> None:
        super().__init__()
        kernel, padding = ((1, 3, 3), (0, 1, 1)) if in_plane else ((3, 3, 3), (1, 1, 1))
        self.body = nn.Sequential(
            nn.Conv3d(width, width, kernel, padding=padding, bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
            nn.Conv3d(width, width, kernel, padding=padding, bias=False),
            nn.BatchNorm3d(width),
        )
        self.activation = nn.ReLU(inplace=True)

    def forward(
        self, features: Float[Tensor, "batch channel slice row column"]
    ) -> Float[Tensor, "batch channel slice row column"]:
        """Return features of the same shape."""
        refined: Tensor = self.activation(features + self.body(features))
        return refined


class Encoder(nn.Module):
    """A stem and residual stages, each but the first at half the resolution of the one before.

    Args:
        channels: Channels of the input.
        widths: Channels of each stage.
        stem_stride: 2 halves the grid before the first stage.
        in_plane: Whether kernels and strides stay within a slice.

    Attributes:
        blocks: For each stage, the (slice, row, column) block of input voxels under one of its voxels.
            The input's size must be a multiple of the last.
    """

    def __init__(self, channels: int, widths: Sequence[int], *, stem_stride: int, in_plane: bool) -> None:
        super().__init__()
        self.blocks: tuple[Triple, ...] = tuple(
            _in_plane_or_not(stem_stride * 2**stage, in_plane=in_plane) for stage in range(len(widths))
        )
        stages: list[nn.Module] = []
        for stage, width in enumerate(widths):
            before, stride = (channels, stem_stride) if stage == 0 else (widths[stage - 1], 2)
            stages.append(
                nn.Sequential(
                    *_halving(before, width, stride=_in_plane_or_not(stride, in_plane=in_plane)),
                    ResidualBlock(width, in_plane=in_plane),
                )
            )
        self.stages = nn.ModuleList(stages)

    def forward(
        self, patch: Float[Tensor, "batch channel slice row column"]
    ) -> list[Float[Tensor, "batch width depth height breadth"]]:
        """Return the features of every stage, finest first."""
        features = []
        for stage in self.stages:
            patch = stage(patch)  # (batch, width, slice / block, row / block, column / block)
            features.append(patch)
        return features


def _in_plane_or_not(stride: int, *, in_plane: bool) -> Triple:
    return (1 if in_plane else stride, stride, stride)


def _halving(before: int, width: int, *, stride: Triple) -> tuple[nn.Module, ...]:
    return (nn.Conv3d(before, width, stride, stride=stride, bias=False), nn.BatchNorm3d(width), nn.ReLU(inplace=True))
