from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.benchmarking.conftest import INTERNAL, write_toy_cohort

from onephase.cohort.lesions import lesions_of
from onephase.cohort.prepared import open_prepared
from onephase.evaluation import contestants
from onephase.evaluation.contestants import rivals


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared cohort of whom the last are not learned from."""
    return write_toy_cohort(tmp_path_factory.mktemp("prepared"))


@pytest.mark.parametrize("name", ["phenotype, ridge", "descriptors, ridge", "descriptors, boosting", "covariates"])
def test_who_sees_the_cue_finds_it(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestants, "INNER_FOLDS", 3)
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
