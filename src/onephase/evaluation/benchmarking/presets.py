"""Named benchmarks: the form of the paper's study, in full and in small."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onephase.biomarkers.panel import Events
from onephase.cohort.records import Record
from onephase.cohort.splits import draw_splits
from onephase.errors import SettingsError
from onephase.evaluation.benchmarking.plan import Design
from onephase.evaluation.contestants import rivals
from onephase.evaluation.predictions import NETWORK
from onephase.settings import Settings, SplitSettings
from onephase.simulation.plan import plan_of


@dataclass(frozen=True, slots=True)
class Preset:
    """A named benchmark.

    Attributes:
        simulation: Preset of the simulated cohort that it runs on where no cohort is given.
        settings: Of the network in full.
        design: Which runs.
        covariates: Columns of the simulated cohort's table that a contestant looks at.
    """

    simulation: str
    settings: Settings
    design: Design
    covariates: tuple[str, ...]


ACQUISITION = ("field_strength_t", "slice_mm")
"""What a simulated table tells beside site and labels; it tells nothing of biology, and the row must show so."""

PRESETS: Mapping[str, Preset] = {
    "paper": Preset("paper", Settings(), Design(adapted=(NETWORK, *rivals(ACQUISITION))), ACQUISITION),
    "quick": Preset(
        "quick",
        Settings.model_validate(
            {
                "imaging": {"spacing_mm": 2.0, "patch_voxels": (36, 36, 36)},
                "network": {"widths": (8, 16, 32), "scales": (0, 1, 2)},
                "learning": {"epochs": 2},
            }
        ),
        Design(
            seeds=2,
            other_seeds=1,
            folds=2,
            adapted=(NETWORK, "descriptors, ridge", "geometry", "cohort alone"),
        ),
        ACQUISITION,
    ),
}
"""``paper``: 886 internal cases split 7:1:2 and 74 external ones, three seeds, five folds; ablations are not adapted,
for what a part of the network is worth is told by the internal and the frozen external test. ``quick``: the whole
table on 240 cases; too small and too short to rank anybody."""


def preset_of(name: str) -> Preset:
    """Return a preset by name.

    Raises:
        SettingsError: If there is none of that name.
    """
    if name not in PRESETS:
        message = f"there is no benchmark preset {name!r}: choose from {', '.join(PRESETS)}"
        raise SettingsError(message)
    return PRESETS[name]


def simulated_records(simulation: str, split: SplitSettings, *, seed: int) -> Sequence[Record]:
    """Return who will be in a simulated cohort, nothing of them known yet: enough to plan with."""
    plan = plan_of(simulation)
    records = [
        Record(
            case_id=key.case_id,
            patient_id=key.case_id,
            image=Path(key.case_id),
            events=Events.unknown(1),
            site=key.site,
            split="" if row < plan.internal else "external",
            provenance="simulated",
        )
        for row, key in enumerate(plan.keys(seed))
    ]
    return draw_splits(records, split)
