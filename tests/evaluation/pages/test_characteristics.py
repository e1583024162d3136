from dataclasses import replace

import numpy as np
import pytest

from onephase.evaluation.pages.characteristics import characteristics_table
from onephase.evaluation.predictions import Predictions


def test_quartiles_and_counts_of_the_scored_cases(predictions: Predictions) -> None:
    table = characteristics_table(predictions)
    assert table.columns == ("", "full (n = 77)", "hr-only (n = 75)", "all cohorts (n = 152)")
    cells = {row[0]: row[1:] for row in table.rows}
    assert list(cells) == ["volume (ml)", "site", "age", "menopause"]
    cases = predictions.take(predictions.index_lesions())
    ages = np.array([float(one.covariates["age"]) for one in cases.records])
    low, median, high = np.percentile(ages, [25, 50, 75])
    assert cells["age"][2] == f"{median:.3g} ({low:.3g} to {high:.3g})"
    counts = [sum(one.covariates["menopause"] == value for one in cases.records) for value in ("", "post", "pre")]
    assert cells["menopause"][2] == f"not given {counts[0]}, post {counts[1]}, pre {counts[2]}"
    volume = float(cells["volume (ml)"][2].split()[0])
    assert volume == pytest.approx(np.median(cases.volume_ml), rel=0.01)


def test_volumes_of_few_patients_are_summed_up_and_their_sites_counted(predictions: Predictions) -> None:
    few = predictions.take(predictions.index_lesions()[:5])
    cells = {row[0]: row[-1] for row in characteristics_table(few).rows}
    low, median, high = np.percentile(few.volume_ml, [25, 50, 75])
    assert cells["volume (ml)"] == f"{median:.3g} ({low:.3g} to {high:.3g})"
    site = few.records[0].site
    assert f"{site} {sum(one.site == site for one in few.records)}" in cells["site"]


def test_the_numbers_of_sites_are_names(predictions: Predictions) -> None:
    records = tuple(replace(one, site=str(101 + row % 20)) for row, one in enumerate(predictions.records))
    table = characteristics_table(replace(predictions, records=records))
    assert "site" not in {row[0] for row in table.rows}


@pytest.mark.parametrize("missing_text", ["", "NA", "n/a", "nan"])
def test_missing_numbers_are_counted_and_names_left_out(predictions: Predictions, missing_text: str) -> None:
    records = tuple(
        replace(one, cohort="one", covariates={"age": missing_text if row % 2 else str(row), "remark": f"note {row}"})
        for row, one in enumerate(predictions.records)
    )
    table = characteristics_table(replace(predictions, records=records))
    cells = {row[0]: row[1:] for row in table.rows}
    assert "remark" not in cells
    assert table.columns == ("", "one (n = 152)")
    missing = sum(one.covariates["age"] == "" for one in predictions.take(predictions.index_lesions()).records)
    assert missing == 0
    assert "; not given" in cells["age"][0]
