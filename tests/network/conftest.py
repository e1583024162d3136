"""Small networks and patches with a lesion in the middle."""

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.imaging.descriptors import DESCRIPTORS  # noqa: E402
from onephase.network.network import PanelNetwork, build_network  # noqa: E402 - after the skip
from onephase.settings import ImagingSettings, NetworkSettings, RegionSettings  # noqa: E402

PATCH = (8, 12, 16)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Whatever a test draws is the same each time."""
    torch.manual_seed(0)


@pytest.fixture
def make_network() -> Callable[..., PanelNetwork]:
    """A function that builds a small network, in evaluation mode, every parameter drawn at random."""

    def make(*, sampling: str = "volume", **settings: object) -> PanelNetwork:
        torch.manual_seed(0)
        shape = NetworkSettings(**{"widths": (4, 6), "scales": (0, 1), **settings})
        network = build_network(shape, RegionSettings(), ImagingSettings(sampling=sampling, patch_voxels=PATCH))
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                if parameter.requires_grad and ("votes" in name or "gate" in name or "branches" in name):
                    parameter.normal_(std=0.5)  # these start at or near 0, where nothing could be seen
        return network.eval()

    return make


@pytest.fixture
def patches() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images of noise, distances to spheres of three sizes (the smallest has no core), and descriptors of noise."""
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(3, 1, *PATCH, generator=generator)
    axes = torch.meshgrid(*(torch.arange(size) - (size - 1) / 2 for size in PATCH), indexing="ij")
    radius = torch.stack(axes).square().sum(0).sqrt()  # (slice, row, column)
    distance_mm = torch.stack([radius - size for size in (1.0, 3.5, 5.0)])[:, None]
    return image, distance_mm, torch.randn(3, len(DESCRIPTORS), generator=generator)
