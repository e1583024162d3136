"""The lesions of a training cohort that look most like the one on the desk, by their descriptors."""

from dataclasses import dataclass

import numpy as np

from onephase.arrays import Float16, Float32, Float64
from onephase.cohort.prepared import PreparedCohort
from onephase.cohort.records import Record
from onephase.errors import CohortError
from onephase.imaging.quantiles import quantiles
from onephase.inference.view import WINDOW_SHARES
from onephase.reports.png import grey_picture

NEAREST = 5
FARTHEST_SD = 3.0
"""A descriptor counts up to so many robust standard deviations, so that one strange number decides nothing."""
SD_OF_IQR = 1.349
SMALLEST_SPREAD = 1e-6
COMPARED = 400
"""How many training cases say how near a nearest case usually is."""


@dataclass(frozen=True, slots=True)
class Similar:
    """One training case that is near.

    Attributes:
        case_id: Its name.
        cohort: Its cohort.
        provenance: Whether it is real or simulated.
        recorded: What pathology wrote of it.
        facts: Its measurements.
        distance: Its distance, as a multiple of how far a training case usually is from its nearest: about 1 is as
            near as any case can be expected to be, well above 1 is nothing like it.
        picture: The middle slice of its patch, a data address of a PNG.
    """

    case_id: str
    cohort: str
    provenance: str
    recorded: dict[str, str]
    facts: dict[str, float]
    distance: float
    picture: str


class SimilarCases:
    """Training cases that can be searched.

    Args:
        prepared: The prepared cohort; its cases of the split ``train`` are searched.

    Raises:
        CohortError: If fewer than two cases are in that split.
    """

    def __init__(self, prepared: PreparedCohort) -> None:
        self._store = prepared.store
        self._records = tuple(record for record in prepared.records if record.split == "train")
        if len(self._records) < 2:  # noqa: PLR2004 - one has no nearest
            message = (
                f"{prepared.store.folder} holds {len(self._records)} training cases: similar ones need two or more"
            )
            raise CohortError(message)
        self._rows = np.array(self._store.rows([record.case_id for record in self._records]))
        numbers = self._store.descriptors[self._rows].astype(np.float64)
        low, self._middle, high = np.quantile(numbers, (0.25, 0.5, 0.75), axis=0)
        self._spread = np.maximum((high - low) / SD_OF_IQR, SMALLEST_SPREAD)
        self._standard = self._standardised(numbers)
        self._usual = self._usual_distance()

    def nearest(
        self, descriptors: Float32[np.ndarray, " descriptor"], *, apart_from: str, number: int = NEAREST
    ) -> tuple[Similar, ...]:
        """Return the training cases nearest to a lesion.

        Args:
            descriptors: The lesion in numbers.
            apart_from: A case id; it and other lesions of its patient are left out.
            number: How many.
        """
        patients = {record.identity for record in self._records if record.case_id == apart_from}
        distance = self._distances(self._standardised(descriptors[np.newaxis].astype(np.float64)))[0]
        others = [place for place in np.argsort(distance) if self._records[place].identity not in patients]
        return tuple(self._similar(int(place), float(distance[place])) for place in others[:number])

    def _similar(self, place: int, distance: float) -> Similar:
        record: Record = self._records[place]
        row = int(self._rows[place])
        return Similar(
            case_id=record.case_id,
            cohort=record.cohort,
            provenance=record.provenance,
            recorded={name: text for name, text in record.texts.items() if text},
            facts=dict(self._store.case(record.case_id).facts),
            distance=distance / self._usual,
            picture=_picture(self._store.image[row]),
        )

    def _standardised(self, numbers: Float64[np.ndarray, "case descriptor"]) -> Float64[np.ndarray, "case descriptor"]:
        return np.asarray(np.clip((numbers - self._middle) / self._spread, -FARTHEST_SD, FARTHEST_SD))

    def _distances(self, standard: Float64[np.ndarray, "asked descriptor"]) -> Float64[np.ndarray, "asked case"]:
        squared = (standard**2).sum(axis=1)[:, np.newaxis] + (self._standard**2).sum(axis=1)
        return np.asarray(np.sqrt(np.maximum(squared - 2 * standard @ self._standard.T, 0.0) / standard.shape[1]))

    def _usual_distance(self) -> float:
        """Return how far a training case usually is from the nearest case of another patient."""
        asked = np.unique(np.linspace(0, len(self._records) - 1, COMPARED).round().astype(int))
        distance = self._distances(self._standard[asked])
        whose = np.array([record.identity for record in self._records])
        distance[whose[asked][:, np.newaxis] == whose] = np.inf
        nearest = distance.min(axis=1)
        return max(float(np.median(nearest[np.isfinite(nearest)])) if np.isfinite(nearest).any() else 1.0, 1e-9)


def _picture(patch: Float16[np.ndarray, "slice row column"]) -> str:
    middle = patch[len(patch) // 2].astype(np.float32)
    low, high = quantiles(middle, WINDOW_SHARES).tolist()
    scaled = np.clip((middle - low) / max(high - low, SMALLEST_SPREAD), 0, 1)
    return grey_picture(np.rint(255 * scaled).astype(np.uint8))
