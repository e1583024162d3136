from pathlib import Path

import numpy as np
import pytest

from onephase.baselines.covariates import CovariateColumns, refuse_unfit_columns
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


def test_a_column_that_nobody_has_is_one_sentence_but_a_division_may_lack_it() -> None:
    with pytest.raises(CohortError, match="no case has the covariate 'grade', expected one of: age, field, "):
        refuse_unfit_columns(TRAINING, ["grade"])
    assert CovariateColumns.learned(TRAINING, ["grade", "age"]).names == ("age",)


def test_more_words_than_can_be_learned_are_said() -> None:
    many, few = (_records(*({"surgeon": f"s{row % words}"} for row in range(20))) for words in (9, 8))
    with pytest.raises(CohortError, match="the covariate 'surgeon' holds 9 different words, expected at most 8: join"):
        refuse_unfit_columns(many, ["surgeon"])
    refuse_unfit_columns(few, ["surgeon"])
    assert len(CovariateColumns.learned(few, ["surgeon"]).names) > 0


@pytest.mark.parametrize("missing_text", ["", "NaN", "NA", "n/a"])
def test_numbers_among_which_one_is_missing_stay_numbers_and_a_word_among_them_is_said(missing_text: str) -> None:
    missing, words = (
        _records(*({"age": text if row == 3 else f"{40 + row}"} for row in range(12)))
        for text in (missing_text, "unknown")
    )
    refuse_unfit_columns(missing, ["age"])
    told = CovariateColumns.learned(missing, ["age"])
    assert told.names == ("age",)
    assert told.features(missing)[3, 0] == pytest.approx(np.mean([40 + row for row in range(12) if row != 3]))
    with pytest.raises(
        CohortError, match="the covariate 'age' holds numbers and words such as 'unknown': leave its cell"
    ):
        refuse_unfit_columns(words, ["age"])
