"""Flags that need the other cases of a site: units that only one of them has, intensities that none of them has."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from onephase.cohort.quality.flag import QualityFlag
from onephase.cohort.quality.intensities import INTENSITIES
from onephase.cohort.quality.look import Look, Seen
from onephase.cohort.records import Record

LEAST_OTHERS = 3
LEAST_OF_SITE = 10
OUTLYING = 6.0
"""Robust standard deviations from the site's median."""
NORMAL_MAD = 1.4826  # standard deviations of a normal distribution in one median absolute deviation
LEAST_SPREAD = 0.01
STRONGEST_TESLA = 30.0
FIELD_WORDS = ("field_strength", "fieldstrength", "field strength", "tesla")


def spacing_of_one(records: Sequence[Record], looks: Sequence[Look]) -> Iterator[tuple[int, QualityFlag]]:
    """Yield, by row, a flag for a spacing of exactly 1 mm where most others of the site have another."""
    for rows in _by_site(records, looks).values():
        whole = [row for row, seen in rows.items() if seen.spacing_mm == (1.0, 1.0, 1.0)]
        others = [row for row in rows if row not in whole]
        if not others or len(others) < max(LEAST_OTHERS, len(whole) + 1):
            continue
        usual = " x ".join(f"{mm:.3g}" for mm in np.median([rows[row].spacing_mm for row in others], axis=0))
        for row in whole:
            reason = (
                f"The spacing is exactly 1 x 1 x 1 mm, that of the site's other images {usual} mm (median): "
                "look whether a program lost the spacing, and export the image again."
            )
            yield row, QualityFlag("spacing-of-one", reason)


def field_in_gauss(records: Sequence[Record], looks: Sequence[Look]) -> Iterator[tuple[int, QualityFlag]]:  # noqa: ARG001 - each check is called alike
    """Yield, by row, a flag for a field strength in the table that no magnet has in tesla."""
    for row, record in enumerate(records):
        for column, text in record.covariates.items():
            if any(word in column.lower() for word in FIELD_WORDS) and _number(text) > STRONGEST_TESLA:
                reason = (
                    f"Column {column} says {text}, which no magnet has in tesla: write gauss as tesla (15000 is 1.5)."
                )
                yield row, QualityFlag("field-in-gauss", reason)


def intensity_outlier(records: Sequence[Record], looks: Sequence[Look]) -> Iterator[tuple[int, QualityFlag]]:
    """Yield, by row, a flag for an image whose intensities lie far from those of its site, of ten cases or more."""
    for rows in _by_site(records, looks).values():
        if len(rows) < LEAST_OF_SITE:
            continue
        table = np.array([[seen.intensities[name] for name in INTENSITIES] for seen in rows.values()])
        apart = np.abs(table - np.median(table, axis=0))
        spread = np.maximum(NORMAL_MAD * np.median(apart, axis=0), LEAST_SPREAD)
        for row, distances in zip(rows, apart / spread, strict=True):
            named = [words for words, far in zip(INTENSITIES.values(), distances, strict=True) if far > OUTLYING]
            if named:
                reason = (
                    f"In {' and '.join(named)} the image lies {distances.max():.0f} standard deviations from those of "
                    "its site: look whether it is of the same sequence, phase and export."
                )
                yield row, QualityFlag("intensity-outlier", reason)


def _by_site(records: Sequence[Record], looks: Sequence[Look]) -> dict[tuple[str, str], dict[int, Seen]]:
    sites: dict[tuple[str, str], dict[int, Seen]] = defaultdict(dict)
    for row, (record, look) in enumerate(zip(records, looks, strict=True)):
        if look.seen is not None:
            sites[record.place][row] = look.seen
    return dict(sites)


def _number(text: str) -> float:
    try:
        return float(text.strip().removesuffix("T").strip())
    except ValueError:
        return float("nan")
