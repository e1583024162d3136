"""One simulated case, a pure function of the cohort's seed, its index and its site.

Each stage has its own stream of random numbers, so that a change in one stage leaves the others' draws
as they were, and the truth of a whole cohort is known without building a single image.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float64

from onephase.simulation.acquisition import draw_acquisition
from onephase.simulation.anatomy import Examination, examine
from onephase.simulation.biology import draw_biology
from onephase.simulation.lesion import Phenotype
from onephase.simulation.phenotype import draw_phenotype
from onephase.simulation.sites import site_of
from onephase.simulation.wording import Labels, written_labels


class Stream(IntEnum):
    """The stages that draw random numbers; the numbers are part of the frozen simulator."""

    BIOLOGY = 0
    PHENOTYPE = 1
    WORDING = 2
    ACQUISITION = 3
    ANATOMY = 4
    NOISE = 5


@dataclass(frozen=True, slots=True)
class CaseKey:
    """What decides a case wholly."""

    seed: int
    index: int
    site: str

    @property
    def case_id(self) -> str:
        """Name of the case, unique over seeds, sites and indices."""
        return f"{self.site}-{self.seed}-{self.index:05d}"

    def stream(self, stage: Stream) -> np.random.Generator:
        """Return a stage's random numbers, from their beginning."""
        return np.random.default_rng([self.seed, self.index, int(stage)])


@dataclass(frozen=True, slots=True, eq=False)
class CaseTruth:
    """What is true of a case and what pathology wrote of it.

    Attributes:
        cell: Receptor cell, an index into ``panel.CELLS``.
        ki67: True Ki-67 fraction.
        ki67_read: Ki-67 fraction as read, before it is written down as a whole percentage.
        phenotype: Visible properties, in the order of ``phenotype.CUE_NAMES``.
        labels: What is written in the cohort table.
    """

    cell: int
    ki67: float
    ki67_read: float
    phenotype: Float64[np.ndarray, " cue"]
    labels: Labels


def case_truth(key: CaseKey) -> CaseTruth:
    """Draw biology, phenotype and the written labels of a case."""
    biology = draw_biology(key.stream(Stream.BIOLOGY), cases=1)
    phenotype = draw_phenotype(biology.cell, biology.ki67, rng=key.stream(Stream.PHENOTYPE))[0]
    cell, read = int(biology.cell[0]), float(biology.ki67_read[0])
    labels = written_labels(key.stream(Stream.WORDING), cell=cell, ki67_read=read, site=site_of(key.site))
    return CaseTruth(cell, float(biology.ki67[0]), read, phenotype, labels)


def case_examination(key: CaseKey) -> Examination:
    """Build and acquire the image of a case."""
    return examine(
        phenotype=Phenotype(*case_truth(key).phenotype.tolist()),
        acquisition=draw_acquisition(key.stream(Stream.ACQUISITION), site=site_of(key.site)),
        anatomy_rng=key.stream(Stream.ANATOMY),
        noise_rng=key.stream(Stream.NOISE),
    )
