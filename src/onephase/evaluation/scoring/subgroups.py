"""Parts of a study that a reader asks about: each cohort, each site, each value of a covariate."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from onephase.arrays import Float64, Int64
from onephase.cohort.records import Record, sites_of
from onephase.statistics.estimate import Estimate

MOST_VALUES = 8
"""A column of text with more different values than this is no grouping, but a name or a remark."""

MISSING = "not given"
CASES_A_VALUE = 2
"""With fewer on average, values of numbers are not groups but single patients."""


@dataclass(frozen=True, slots=True, eq=False)
class Subgroup:
    """Cases that share a value of a column.

    Attributes:
        column: ``cohort``, ``site``, ``volume (ml)`` or a covariate of the cohort table.
        value: What the cases share, in words.
        rows: Which cases.
    """

    column: str
    value: str
    rows: Int64[np.ndarray, " member"]


@dataclass(frozen=True, slots=True)
class SubgroupRow:
    """The figures of one subgroup, by name, each with its own n and interval.

    Attributes:
        column: What the subgroup was formed by.
        value: What its cases share.
        n: Cases in it.
        figures: ``er``, ``pr``, ``her2``, ``hr`` (AUC), ``ki67_mae_percent``, ``panel_gain`` (nats).
    """

    column: str
    value: str
    n: int
    figures: dict[str, Estimate]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        figures = {name: estimate.to_json() for name, estimate in self.figures.items()}
        return {"column": self.column, "value": self.value, "n": self.n, "figures": figures}


def subgroups_of(
    records: Sequence[Record], *, volume_ml: Float64[np.ndarray, " case"] | None = None
) -> tuple[Subgroup, ...]:
    """Return the subgroups by cohort, site, lesion volume and covariate; a column with one value forms none.

    A column of numbers with more than eight values, or with hardly two cases a value, is cut at its median; text with
    more than eight values forms no subgroups. The number of a site is a name, and is never cut; of cohorts and sites
    all are shown, unless nearly every case has its own.
    """
    columns = {}
    if volume_ml is not None:
        columns["volume (ml)"] = [f"{volume:.3g}" for volume in volume_ml]
    for name in sorted({name for record in records for name in record.covariates}):
        columns[name] = [record.covariate(name) for record in records]
    places = {"cohort": [record.cohort for record in records], "site": sites_of(records)}
    labelled = {name: _halves(values) if many_values(values) else values for name, values in columns.items()}
    most_places = max(MOST_VALUES, len(records) // CASES_A_VALUE)
    return (
        *(part for name, labels in places.items() for part in _parts(name, labels, most=most_places)),
        *(part for name, labels in labelled.items() for part in _parts(name, labels, most=MOST_VALUES)),
    )


def _parts(name: str, labels: list[str], *, most: int) -> list[Subgroup]:
    labels = [label or MISSING for label in labels]
    different = sorted(set(labels), key=lambda label: (label == MISSING, label))
    if not 1 < len(different) <= most:
        return []
    array = np.array(labels)
    return [Subgroup(name, value, np.flatnonzero(array == value).astype(np.int64)) for value in different]


def many_values(values: list[str]) -> bool:
    """Return whether a column has too many different values to be shown one by one where they are numbers."""
    return len(set(values)) > min(MOST_VALUES, len(values) // CASES_A_VALUE)


def _halves(values: list[str]) -> list[str]:
    """Return for each number on which side of the median it lies; the values themselves where one is no number."""
    try:
        numbers = np.array([float(value) if value else np.nan for value in values])
    except ValueError:
        return values
    given = [number for number in numbers if isfinite(number)]
    if not given:
        return values
    median = float(np.median(given))
    sides = np.where(numbers <= median, f"at most {median:g}", f"more than {median:g}")
    return [MISSING if np.isnan(number) else str(side) for number, side in zip(numbers, sides, strict=True)]
