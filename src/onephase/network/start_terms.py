"""Where the network starts from: a linear panel of a few facts of the lesion.

The facts are what the phenotype stage reads, or the region descriptors as they are, or none. A linear panel is fitted
to them on the training cases before the first step (`learning.start`) and stands here as constants; the rest of the
network adds what it sees beyond. At the size of cohort that this field has, a network that must learn everything from
pixels and pathology loses to ridge regression on descriptors (docs/log.md). Our choice.
"""

import torch
from torch import Tensor, nn

from onephase.arrays import Float, Int64
from onephase.biomarkers.linear_panel import OUTPUTS, LinearPanel
from onephase.imaging.descriptors import DESCRIPTORS, descriptors_within
from onephase.network.phenotype import PhenotypeStage, taught_stage
from onephase.settings import NetworkSettings


class StartTerms(nn.Module):
    """A linear term of each potential; 0 until it is told a fitted panel.

    Args:
        facts: How many facts of a lesion there are.
    """

    centre: Tensor
    weights: Tensor

    def __init__(self, facts: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(facts))
        self.register_buffer("weights", torch.zeros(facts, OUTPUTS))

    def forward(self, facts: Float[Tensor, "batch fact"]) -> Float[Tensor, "batch 4"]:
        """Return the terms of the log odds of ER, PR, HER2 and of the mean of logit Ki-67; 0 at the centre."""
        terms: Tensor = (facts.float() - self.centre) @ self.weights
        return terms

    @torch.no_grad()
    def tell(self, panel: LinearPanel) -> None:
        """Take the weights of a panel that was fitted to the facts."""
        self.centre.copy_(torch.tensor(panel.centre))
        self.weights.copy_(torch.tensor(panel.weights / panel.scale[:, None]))


class ChosenDescriptors(nn.Module):
    """The descriptors that look at no other region than the network does.

    Args:
        used: Their places.
    """

    used: Tensor
    names: tuple[str, ...]

    def __init__(self, used: Int64[Tensor, " used"]) -> None:
        super().__init__()
        self.register_buffer("used", used, persistent=False)
        self.names = tuple(DESCRIPTORS[place] for place in used.tolist())

    def forward(self, descriptors: Float[Tensor, "batch descriptor"]) -> Float[Tensor, "batch fact"]:
        """Return the chosen ones."""
        return descriptors[:, self.used]


def facts_of(settings: NetworkSettings) -> PhenotypeStage | ChosenDescriptors:
    """Return what turns descriptors into the facts that a network starts from; its ``names`` name them.

    Raises:
        TrainingError: If the phenotype stage was taught with other descriptors than this version has.
    """
    used = torch.tensor(descriptors_within(settings.regions if settings.start != "prior" else ()))
    if settings.start == "phenotype" and len(used):
        return taught_stage(used)
    return ChosenDescriptors(used)
