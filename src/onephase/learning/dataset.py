"""Prepared cases of one split, held in memory as tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from onephase.arrays import Bool, Float16, Float32, Float64
from onephase.biomarkers.panel import Events
from onephase.cohort.prepared import PreparedCohort, refuse_other_settings, refuse_repeated_cases
from onephase.cohort.records import Split
from onephase.errors import TrainingError
from onephase.settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class PatchBatch:
    """A batch in the form that the network and the likelihood take."""

    image: Float32[Tensor, "batch 1 slice row column"]
    distance_mm: Float32[Tensor, "batch 1 slice row column"]
    descriptors: Float32[Tensor, "batch descriptor"]
    cells: Bool[Tensor, "batch 8"]
    ki67: Float64[Tensor, "batch 2"]

    def clone(self) -> "PatchBatch":
        """Return a copy."""
        return type(self)(*(tensor.clone() for tensor in self._tensors()))

    def copy_(self, other: "PatchBatch") -> None:
        """Take the values of a batch of the same size, in place.

        Raises:
            ValueError: If it is of another size.
        """
        if self.image.shape != other.image.shape:
            message = f"a batch of {len(other.image)} cases, expected {len(self.image)}"
            raise ValueError(message)
        for own, new in zip(self._tensors(), other._tensors(), strict=True):
            own.copy_(new)

    def _tensors(self) -> tuple[Tensor, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True, eq=False)
class PatchDataset:
    """Patches and events of some cases, all on one device.

    Patches are kept in half precision, as they are stored: a patch of 48 x 48 x 48 voxels takes 0.44 MB,
    so that a thousand cases fit in less than half a gigabyte.

    Attributes:
        case_ids: Of each case.
        patients: The patient of each case.
        events: What is known of each case.
        image: Normalised intensities.
        distance_mm: Signed distance to the lesion surface.
        descriptors: The lesions in numbers.
        cells: The events' receptor cells as a tensor.
        ki67: The events' Ki-67 intervals as a tensor.
    """

    case_ids: tuple[str, ...]
    patients: tuple[str, ...]
    events: Events
    image: Float16[Tensor, "case slice row column"]
    distance_mm: Float16[Tensor, "case slice row column"]
    descriptors: Float32[Tensor, "case descriptor"]
    cells: Bool[Tensor, "case 8"]
    ki67: Float64[Tensor, "case 2"]

    @classmethod
    def from_arrays(
        cls,
        case_ids: Sequence[str],
        events: Events,
        *,
        patients: Sequence[str],
        image: Float16[np.ndarray, "case slice row column"],
        distance_mm: Float16[np.ndarray, "case slice row column"],
        descriptors: Float32[np.ndarray, "case descriptor"],
    ) -> "PatchDataset":
        """Return a dataset of arrays, which are copied."""
        return cls(
            tuple(case_ids),
            tuple(patients),
            events,
            torch.tensor(image),
            torch.tensor(distance_mm),
            torch.tensor(descriptors),
            torch.tensor(events.cells),
            torch.tensor(events.ki67),
        )

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.case_ids)

    def to(self, device: torch.device) -> "PatchDataset":
        """Return the dataset on a device."""
        return type(self)(
            self.case_ids,
            self.patients,
            self.events,
            self.image.to(device),
            self.distance_mm.to(device),
            self.descriptors.to(device),
            self.cells.to(device),
            self.ki67.to(device),
        )

    def batch(self, rows: Tensor | slice) -> PatchBatch:
        """Return some cases, in single precision."""
        return PatchBatch(
            self.image[rows][:, None].float(),  # (batch, 1, slice, row, column)
            self.distance_mm[rows][:, None].float(),
            self.descriptors[rows],
            self.cells[rows],
            self.ki67[rows],
        )


def gather(prepared: Sequence[PreparedCohort], *, split: Split, settings: Settings) -> PatchDataset:
    """Return the cases of one split of some prepared cohorts, in the cohorts' order.

    Args:
        prepared: At least one cohort.
        split: Which part they play.
        settings: Those of the run; the patches must have been prepared with them.

    Raises:
        StorageError: If a cohort was prepared with other settings.
        CohortError: If two cases have one id.
        TrainingError: If no case plays that part.
    """
    chosen = [[record for record in cohort.records if record.split == split] for cohort in prepared]
    refuse_other_settings(prepared, settings, who="training")
    refuse_repeated_cases(prepared)
    records = [record for part in chosen for record in part]
    if not records:
        message = f"no case of {_names(prepared)} is in the {split} split: run onephase check and mend the split column"
        raise TrainingError(message)
    stored = [
        (cohort.store, cohort.store.rows([record.case_id for record in part]))
        for cohort, part in zip(prepared, chosen, strict=True)
    ]
    return PatchDataset.from_arrays(
        [record.case_id for record in records],
        Events.stack([record.events for record in records]),
        patients=[record.identity for record in records],
        image=np.concatenate([store.image[rows] for store, rows in stored]),
        distance_mm=np.concatenate([store.distance_mm[rows] for store, rows in stored]),
        descriptors=np.concatenate([store.descriptors[rows] for store, rows in stored]),
    )


def _names(prepared: Sequence[PreparedCohort]) -> str:
    return ", ".join(str(cohort.store.folder) for cohort in prepared)
