"""The network in one place: which parts there are and how one feeds the next."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from onephase.arrays import Float
from onephase.network.attention import NoAttention, SpatialAttention, enlarge, relative_to_strongest
from onephase.network.encoder import Encoder
from onephase.network.panel_head import PanelHead
from onephase.network.region_weighting import (
    STATISTICS,
    RegionPooling,
    RegionWeighting,
    memberships,
    volumes,
    weigh_voxels,
)
from onephase.network.start_terms import StartTerms, facts_of
from onephase.settings import ImagingSettings, NetworkSettings, RegionSettings

DESCRIPTION_WIDTH = 64
"""Length of the shared description of a region (our choice)."""


class NetworkOutput(NamedTuple):
    """What the network says of a batch.

    Attributes:
        unary: Log-odds of ER, PR and HER2 before the couplings.
        ki67_mu: Mean of logit Ki-67 before the shifts.
        ki67_log_sigma: Logarithm of its standard deviation.
        attention: On the patch's grid, each case's largest value being 1 and what lies outside the regions 0.
        region_weights: Of each task over the regions, in the order of the settings.
    """

    unary: Float[Tensor, "batch 3"]
    ki67_mu: Float[Tensor, " batch"]
    ki67_log_sigma: Float[Tensor, " batch"]
    attention: Float[Tensor, "batch slice row column"]
    region_weights: Float[Tensor, "batch task region"]


class PanelNetwork(nn.Module):
    """From a patch and the signed distance of its voxels to the potentials of the panel.

    Args:
        settings: Its shape; every ablation is a value there.
        regions: Where the regions part.
        in_plane: Whether the patch is a stack of slices that are not contiguous.
    """

    def __init__(self, settings: NetworkSettings, regions: RegionSettings, *, in_plane: bool) -> None:
        super().__init__()
        self.settings, self.regions = settings, regions
        self.scales = tuple(sorted(settings.scales))
        widths = [settings.widths[scale] for scale in self.scales]
        self.encoder = Encoder(
            1 + len(settings.regions), settings.stages, stem_stride=settings.stem_stride, in_plane=in_plane
        )
        self.facts = facts_of(settings)
        self.start_terms = StartTerms(len(self.facts.names))
        self.attention = SpatialAttention(widths) if settings.attention else NoAttention()
        self.pooling = nn.ModuleList(RegionPooling(width) for width in widths)
        self.weighting = RegionWeighting(
            STATISTICS * sum(widths),
            DESCRIPTION_WIDTH,
            regions=len(settings.regions),
            tasks=len(settings.tasks),
            dropout=settings.dropout,
        )
        self.head = PanelHead(DESCRIPTION_WIDTH, settings.tasks, couplings=settings.couplings, dropout=settings.dropout)

    @property
    def coupling(self) -> Float[Tensor, "3"]:
        """Couplings of ER-PR, ER-HER2 and PR-HER2."""
        return self.head.coupling

    @property
    def shift(self) -> Float[Tensor, "3"]:
        """Shifts of logit Ki-67 by ER, PR and HER2."""
        return self.head.shift

    def forward(
        self,
        image: Float[Tensor, "batch 1 slice row column"],
        distance_mm: Float[Tensor, "batch 1 slice row column"],
        descriptors: Float[Tensor, "batch descriptor"],
        *,
        start: Float[Tensor, "batch 4"] | None = None,
    ) -> NetworkOutput:
        """Return the potentials, the attention and the region weights of each case.

        Args:
            image: Normalised intensities.
            distance_mm: Signed distance to the lesion surface, negative inside.
            descriptors: The lesions in numbers.
            start: The terms to add to, in place of the network's own: in training, those of a panel that was
                fitted without the case, so that the network learns what such a panel misses on new cases.
        """
        slices, rows, columns = image.shape[2:]
        membership = memberships(distance_mm, names=self.settings.regions, regions=self.regions)
        image, membership = (self._whole_blocks(volume) for volume in (image, membership))
        stages = self.encoder(torch.cat([image, membership], dim=1))
        attended = [stages[scale] for scale in self.scales]
        attention = self.attention(attended)  # (batch, 1, slice / block, row / block, column / block)
        pooled = self._pool(attended, membership, attention.float())  # (batch, region, feature)
        told, region_weights = self.weighting(pooled, volumes(membership))
        terms = self.start_terms(self.facts(descriptors)) if start is None else start  # (batch, 4)
        seen = self.head(told)
        unary, ki67_mu = seen.unary + terms[:, :3], seen.ki67_mu + terms[:, 3]
        shown = enlarge(attention.float(), (image.shape[2], image.shape[3], image.shape[4]))
        shown = shown[:, 0] * membership.sum(dim=1).clamp(max=1)  # outside the regions it weighs nothing
        shown = relative_to_strongest(shown[:, :slices, :rows, :columns])  # (batch, slice, row, column)
        return NetworkOutput(unary, ki67_mu, seen.ki67_log_sigma, shown, region_weights)

    def _pool(self, attended: list[Tensor], membership: Tensor, attention: Tensor) -> Tensor:
        """Pool each attended stage by region: (batch, region, statistic x channel of all scales)."""
        finest = self.encoder.blocks[self.scales[0]]
        weights = weigh_voxels(membership, attention, block=finest)  # (batch, region, slice, row, column)
        pooled = []
        for scale, pool, features in zip(self.scales, self.pooling, attended, strict=True):
            block = self.encoder.blocks[scale]
            ratio = tuple(wide // fine for wide, fine in zip(block, finest, strict=True))
            pooled.append(pool(features, functional.avg_pool3d(weights, ratio)))
        return torch.cat(pooled, dim=2)

    def _whole_blocks(self, volume: Tensor) -> Tensor:
        """Extend a patch at its far ends to whole blocks of the coarsest stage, by what is of no region."""
        extra = [-size % block for size, block in zip(volume.shape[2:], self.encoder.blocks[-1], strict=True)]
        if not any(extra):
            return volume
        return functional.pad(volume, (0, extra[2], 0, extra[1], 0, extra[0]))


def build_network(settings: NetworkSettings, regions: RegionSettings, imaging: ImagingSettings) -> PanelNetwork:
    """Return an untrained network of the settings' shape, its weights drawn from torch's global generator."""
    return PanelNetwork(settings, regions, in_plane=imaging.sampling == "stack")
