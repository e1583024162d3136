"""What the region descriptors alone say of the panel: where the network starts from.

A linear panel is fitted to the training cases before the first step (`learning.descriptors`) and stands here as
constants; the rest of the network adds what it sees beyond. At the size of cohort that this field has, a network
that must learn everything from pixels loses to ridge regression on such descriptors (docs/log.md). Our choice.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from onephase.biomarkers.linear_panel import OUTPUTS, LinearPanel


class DescriptorTerms(nn.Module):
    """A linear term of each potential; 0 until it is told a fitted panel.

    Args:
        used: Places of the descriptors that it looks at; none where the settings leave descriptors out.
        descriptors: How many there are in all.
    """

    centre: Tensor
    weights: Tensor

    def __init__(self, used: Int64[Tensor, " used"], *, descriptors: int) -> None:
        super().__init__()
        self.used = used
        self.register_buffer("centre", torch.zeros(descriptors))
        self.register_buffer("weights", torch.zeros(descriptors, OUTPUTS))

    def forward(self, descriptors: Float[Tensor, "batch descriptor"]) -> Float[Tensor, "batch 4"]:
        """Return the terms of the log odds of ER, PR, HER2 and of the mean of logit Ki-67; 0 at the centre."""
        terms: Tensor = (descriptors.float() - self.centre) @ self.weights
        return terms

    @torch.no_grad()
    def tell(self, panel: LinearPanel) -> None:
        """Take the weights of a panel that was fitted to the used descriptors."""
        self.centre[self.used] = torch.tensor(panel.centre, dtype=torch.float32)
        self.weights[self.used] = torch.tensor(panel.weights / panel.scale[:, None], dtype=torch.float32)
