"""What may change in a training patch: drawn first, applied second, so that a draw can be kept and replayed.

Everything acts on whole batches. Scale does not change, for size is information.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from onephase.arrays import Bool, Float, Int64
from onephase.imaging.regions import FAR_MM
from onephase.settings import AugmentationSettings, ImagingSettings

BIAS_TERMS = 6
"""A bias field's logarithm is a sum of three linear and three quadratic terms, one of each along an axis."""

LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True, eq=False)
class AugmentationDraw:
    """What happens to each patch of a batch.

    Attributes:
        flip: Whether the patch is mirrored along (slice, row, column).
        shift: By how many voxels its content moves along each axis.
        gain: Factor of all intensities.
        bias: Coefficients of the bias field's logarithm.
        noise_sd: Standard deviation of added normal noise.
        noise_seed: Seed of that noise.
        outline_mm: By how much the lesion's surface moves inward.
    """

    flip: Bool[Tensor, "batch 3"]
    shift: Int64[Tensor, "batch 3"]
    gain: Float[Tensor, " batch"]
    bias: Float[Tensor, "batch 6"]
    noise_sd: Float[Tensor, " batch"]
    noise_seed: int
    outline_mm: Float[Tensor, " batch"]

    @classmethod
    def draw(
        cls, generator: torch.Generator, *, cases: int, settings: AugmentationSettings, imaging: ImagingSettings
    ) -> "AugmentationDraw":
        """Draw for a batch.

        Args:
            generator: On the CPU, so that a seed means the same on every machine.
            cases: Size of the batch.
            settings: How much may change.
            imaging: Spacing of the patch; a stack is not shifted across its slices.
        """

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator)

        def uniform(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=generator)

        reach = settings.shift_mm / imaging.spacing_mm
        moves = torch.tensor([imaging.sampling == "volume", True, True])
        return cls(
            flip=(uniform(cases, 3) < 0.5) & settings.flip,  # noqa: PLR2004 - one of two
            shift=((2 * uniform(cases, 3) - 1) * reach * moves).round().long(),
            gain=torch.exp(settings.gain * normal(cases)),
            bias=settings.bias * normal(cases, BIAS_TERMS),
            noise_sd=settings.noise * uniform(cases),
            noise_seed=int(torch.randint(LARGEST_SEED, (), generator=generator)),
            outline_mm=settings.outline_mm * normal(cases),
        )

    def apply(
        self,
        image: Float[Tensor, "batch 1 slice row column"],
        distance_mm: Float[Tensor, "batch 1 slice row column"],
    ) -> tuple[Float[Tensor, "batch 1 slice row column"], Float[Tensor, "batch 1 slice row column"]]:
        """Return the changed images and distances, on the device of the images.

        Where a shift brings in what lay outside the patch, it is as preparation leaves what lies outside the
        volume: the image is 0, without noise, and the distance `FAR_MM`, so that such a voxel belongs to no region.
        """
        image, distance_mm = self._move(image, outside=0.0), self._move(distance_mm, outside=FAR_MM)
        scanned = (image != 0) | (distance_mm < FAR_MM)
        device, each = image.device, (-1, 1, 1, 1, 1)
        image = image * self.gain.to(device).view(each) * self._bias_field(image)
        noise = torch.randn(image.shape, generator=torch.Generator(device).manual_seed(self.noise_seed), device=device)
        image = image + noise * scanned * self.noise_sd.to(device).view(each)
        return image, (distance_mm + self.outline_mm.to(device).view(each)).clamp(-FAR_MM, FAR_MM)

    def _move(self, patches: Tensor, *, outside: float) -> Tensor:
        """Flip each patch, then shift it. Slices are copied whole, ten times as fast as a gather on a CPU."""
        moved = torch.full_like(patches, outside)
        for case, (flip, shift) in enumerate(zip(self.flip.tolist(), self.shift.tolist(), strict=True)):
            mirrored = patches[case].flip([axis + 1 for axis in range(3) if flip[axis]])  # (1, slice, row, column)
            source = (slice(None), *(slice(max(-step, 0), min(-step, 0) or None) for step in shift))
            target = (slice(None), *(slice(max(step, 0), min(step, 0) or None) for step in shift))
            moved[case][target] = mirrored[source]
        return moved

    def _bias_field(self, image: Tensor) -> Tensor:
        """Return the factor of each voxel, its logarithm centred on the patch."""
        coefficients = self.bias.to(image.device)
        logarithm = torch.zeros_like(image)
        for axis, size in enumerate(image.shape[2:]):
            place = torch.linspace(-1, 1, size, device=image.device)
            shape = [1, 1, 1, 1, 1]
            shape[axis + 2] = size
            linear, quadratic = (
                coefficients[:, axis].view(-1, 1, 1, 1, 1),
                coefficients[:, axis + 3].view(-1, 1, 1, 1, 1),
            )
            place, square = (term - term.mean() for term in (place, place.square()))  # of one slice nothing is left
            logarithm = logarithm + linear * place.view(shape) + quadratic * square.view(shape)
        return torch.exp(logarithm)
