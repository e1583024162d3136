"""Columns of the cohort table as features: numbers as they are, a few words as indicators.

What a clinic knows of a patient before any image, such as age. The columns are named by whoever asks, for a table may
also hold what pathology has told, which no contestant may see.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from onephase.arrays import Float64
from onephase.cohort.records import Record
from onephase.errors import CohortError

MOST_WORDS = 8
"""A column of more different words than this tells cases apart by name, and is left out."""


@dataclass(frozen=True, slots=True)
class CovariateColumns:
    """How columns become features, as the training cases tell.

    Attributes:
        means: Of each column of numbers in the training cases; it stands in where a number is missing.
        words: Of each column of words, those that occur there.
    """

    means: dict[str, float]
    words: dict[str, tuple[str, ...]]

    @classmethod
    def learned(cls, records: Sequence[Record], columns: Sequence[str]) -> "CovariateColumns":
        """Return the features of named columns, without those that tell no training cases apart."""
        means, words = {}, {}
        for column in columns:
            given = _given(records, column)
            numbers = [_number(text) for text in given]
            if all(isfinite(number) for number in numbers):
                if len(set(numbers)) > 1:
                    means[column] = float(np.mean(numbers))
            elif 1 < len(set(given)) <= MOST_WORDS:
                words[column] = tuple(sorted(set(given)))
        return cls(means, words)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each feature."""
        return (*self.means, *(f"{column} {word}" for column, words in self.words.items() for word in words))

    def features(self, records: Sequence[Record]) -> Float64[np.ndarray, "case feature"]:
        """Return the features of some cases."""
        rows = [
            [
                *(_number(record.covariate(column), missing=mean) for column, mean in self.means.items()),
                *(float(record.covariate(column) == word) for column, words in self.words.items() for word in words),
            ]
            for record in records
        ]
        return np.array(rows, dtype=np.float64).reshape(len(records), len(self.names))


def refuse_unfit_columns(records: Sequence[Record], columns: Sequence[str]) -> None:
    """Refuse named columns that would take no part without a word.

    Args:
        records: All cases; those of one division may lack a column that others have.
        columns: Their names.

    Raises:
        CohortError: If no case has a column, or it holds words, or numbers and words, of which there are more than
            words may be.
    """
    for column in columns:
        given = _given(records, column)
        if not given:
            known = sorted({name for record in records for name in record.covariates})
            message = f"no case has the covariate {column!r}, expected one of: {', '.join(known) or '-'}"
            raise CohortError(message)
        words, different = sorted({text for text in given if not isfinite(_number(text))}), len(set(given))
        if words and different > MOST_WORDS:
            message = (
                f"the covariate {column!r} holds {different} different words, expected at most {MOST_WORDS}: join some"
                if len(words) == different
                else f"the covariate {column!r} holds numbers and words such as {words[0]!r}: leave its cell empty "
                "where it is missing"
            )
            raise CohortError(message)


def _given(records: Sequence[Record], column: str) -> list[str]:
    """Return what stands in a column, without what is missing."""
    return [text for text in (record.covariate(column) for record in records) if text]


def _number(text: str, *, missing: float = float("nan")) -> float:
    try:
        number = float(text)
    except ValueError:
        return missing
    return number if isfinite(number) else missing
