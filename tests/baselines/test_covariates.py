from pathlib import Path

import numpy as np
import pytest

from onephase.baselines.covariates import CovariateColumns
from onephase.biomarkers.panel import Events
from onephase.cohort.records import Record
from onephase.errors import CohortError


def _records(*rows: dict[str, str]) -> list[Record]:
    return [
        Record(case_id=str(row), patient_id=str(row), image=Path("x"), events=Events.unknown(1), covariates=covariates)
        for row, covariates in enumerate(rows)
    ]


TRAINING = _records(
    {"age": "40", "menopause": "pre", "note": "a", "field": "3"},
    {"age": "60", "menopause": "post", "note": "b", "field": "3"},
    {"age": "", "menopause": "", "note": "c", "field": "3"},
)


def test_numbers_and_words_become_features_and_what_is_missing_is_the_mean_or_no_word() -> None:
    told = CovariateColumns.learned(TRAINING, ["menopause", "age", "field"])
    assert told.names == ("age", "menopause post", "menopause pre")
    tested = _records({"age": "55", "menopause": "pre"}, {"age": "old", "menopause": "never seen"}, {})
    np.testing.assert_array_equal(told.features(tested), [[55, 0, 1], [50, 0, 0], [50, 0, 0]])
    assert told.features([]).shape == (0, 3)


def test_a_name_tells_nothing() -> None:
    many = _records(*({"note": f"remark {row}"} for row in range(9)))
    assert CovariateColumns.learned(many, ["note"]).names == ()


def test_a_column_that_nobody_has_is_one_sentence() -> None:
    with pytest.raises(CohortError, match="no case has the covariate 'grade', expected one of: age, field, "):
        CovariateColumns.learned(TRAINING, ["grade"])
