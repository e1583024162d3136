"""Who was tested: the table of characteristics that a paper begins with, from what the cohort tables hold."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from onephase.arrays import Float64
from onephase.cohort.records import Record
from onephase.evaluation.pages.table import Table
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.scoring.subgroups import MISSING, MOST_VALUES, many_values
from onephase.evaluation.study import ALL_COHORTS


def characteristics_table(predictions: Predictions) -> Table:
    """Return lesion volume, site and every covariate of the index lesions, cohort by cohort and together.

    A column of numbers is shown as median and quartiles, one of up to eight values by its counts (numbers where there
    are at least two cases a value); names and remarks are left out. The number of a site is a name.
    """
    cases = predictions.take(predictions.index_lesions())
    cohorts = sorted({record.cohort for record in cases.records})
    groups = {name: _rows(cases.records, name) for name in cohorts}
    if len(cohorts) > 1:
        groups[ALL_COHORTS] = np.arange(len(cases))
    columns = {"volume (ml)": [f"{volume:.6g}" for volume in cases.volume_ml]}
    columns["site"] = [record.site for record in cases.records]
    for name in sorted({name for record in cases.records for name in record.covariates}):
        columns[name] = [record.covariate(name) for record in cases.records]
    rows = []
    for name, values in columns.items():
        numbers = name != "site" and many_values(values) and _numbers(values) is not None
        summary = _quartiles if numbers else _counts
        if summary is _quartiles or len(set(values)) <= MOST_VALUES:
            rows.append((name, *(summary([values[row] for row in own]) for own in groups.values())))
    return Table(
        "characteristics",
        "Characteristics of the scored cases: median (quartiles) or counts, as the cohort tables give them.",
        ("", *(f"{name} (n = {len(own)})" for name, own in groups.items())),
        tuple(rows),
        prose=True,
    )


def _rows(records: Sequence[Record], cohort: str) -> np.ndarray:
    return np.flatnonzero([record.cohort == cohort for record in records])


def _counts(values: list[str]) -> str:
    counts = Counter(value or MISSING for value in values)
    return ", ".join(f"{value} {count}" for value, count in sorted(counts.items()))


def _quartiles(values: list[str]) -> str:
    numbers = _numbers(values)
    given = numbers[np.isfinite(numbers)] if numbers is not None else np.zeros(0)
    if len(given) == 0:
        return MISSING
    low, median, high = np.quantile(given, [0.25, 0.5, 0.75])
    missing = f"; {MISSING} {len(values) - len(given)}" if len(given) < len(values) else ""
    return f"{median:.3g} ({low:.3g} to {high:.3g}){missing}"


def _numbers(values: list[str]) -> Float64[np.ndarray, " case"] | None:
    """Return the values as numbers, NaN where none is given; None where one of them is no number."""
    try:
        return np.array([float(value) if value else np.nan for value in values])
    except ValueError:
        return None
