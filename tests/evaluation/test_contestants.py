from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.benchmarking.conftest import INTERNAL, write_toy_cohort

from onephase.baselines import inner_folds
from onephase.cohort.lesions import lesions_of
from onephase.cohort.prepared import open_prepared
from onephase.evaluation.contestants import rivals, told_by


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared cohort of whom the last are not learned from."""
    return write_toy_cohort(tmp_path_factory.mktemp("prepared"))


@pytest.mark.parametrize("name", ["phenotype, ridge", "descriptors, ridge", "descriptors, boosting", "covariates"])
def test_who_sees_the_cue_finds_it(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inner_folds, "INNER_FOLDS", 3)
    lesions = lesions_of([open_prepared(folder)])
    posterior = rivals(["age"])[name](lesions[:INTERNAL], lesions[INTERNAL:])
    assert posterior is not None
    positive = np.array([lesion.record.events.status("er")[0] == 1 for lesion in lesions[INTERNAL:]])
    er = posterior.marginals()[:, 0]
    assert (er[positive][:, None] > er[~positive]).mean() > 0.9  # AUC


def test_covariates_take_part_where_they_are_named_and_tell_cases_apart(folder: Path) -> None:
    lesions = lesions_of([open_prepared(folder)])
    assert "covariates" not in rivals()
    assert rivals(["age"])["covariates"](lesions[:1], lesions[1:]) is None
    without = [replace(one, record=replace(one.record, covariates={})) for one in lesions[:INTERNAL]]
    assert rivals(["age"])["covariates"](without, lesions[INTERNAL:]) is None  # as where a site has no such column


def test_nobody_takes_part_who_learns_from_too_few_patients_to_choose_a_penalty(folder: Path) -> None:
    lesions = lesions_of([open_prepared(folder)])
    for name in ("geometry", "descriptors, boosting"):
        assert told_by(rivals()[name], lesions[:4], lesions[INTERNAL:]) is None
    same = [replace(one, record=replace(one.record, patient_id="one")) for one in lesions[:INTERNAL]]
    assert told_by(rivals()["geometry"], same, lesions[INTERNAL:]) is None
    assert told_by(rivals()["cohort alone"], lesions[:5], lesions[INTERNAL:]) is not None
