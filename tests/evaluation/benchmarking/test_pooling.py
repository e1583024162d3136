from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.benchmarking.conftest import EXTERNAL, Done, answers_of_studies

from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.cohort.prepared import open_prepared
from onephase.evaluation.benchmarking.pooling import compared_in


def test_each_study_has_its_own_cases_and_every_contestant(done: Done) -> None:
    assert done.told[0] == ("runs", 0, 7 + 2 + 2 * 2)
    assert done.told[-1] == ("runs", 13, 13)
    assert len(done.trainer.runs) == 7 + 2
    found = answers_of_studies(done.benchmark.out)
    assert list(found) == ["internal test", "frozen external test", "2-fold adaptation"]
    for name, predictions in found.items():
        sites = {record.site for record in predictions.records}
        assert sites == ({"alder", "birch"} if name == "internal test" else {"larch"})
        assert next(iter(predictions.posteriors)) == "onephase"
        assert "never takes part" not in predictions.posteriors
    assert {"onephase, 2 seeds", "single tasks", "core only", "cohort alone", "prior"} < set(
        found["frozen external test"].posteriors
    )
    assert set(found["2-fold adaptation"].posteriors) == {"onephase", "cohort alone", "prior"}
    assert len(found["2-fold adaptation"]) == len(found["frozen external test"]) == EXTERNAL
    assert "Frozen external test" in found["frozen external test"].protocol
    assert "no external test" in found["2-fold adaptation"].protocol
    assert sorted(set(found["2-fold adaptation"].fold)) == [0, 1]
    assert {record.split for record in found["internal test"].calibration.records} == {"validation"}


def test_answers_are_those_of_the_first_seed_of_all_seeds_and_of_four_tasks(done: Done, folder: Path) -> None:
    predictions = answers_of_studies(done.benchmark.out)["frozen external test"]
    store = open_prepared(folder).store
    rows = store.rows([record.case_id for record in predictions.records])
    mean = store.image[rows].astype(np.float64).mean(axis=(1, 2, 3))
    for name, strength in {"onephase": 1.4, "onephase, 2 seeds": 1.9, "core only": 1.4, "single tasks": 1.1}.items():
        er = predictions.posteriors[name].marginals()[:, 0]
        np.testing.assert_allclose(er, 1 / (1 + np.exp(-strength * mean)), rtol=1e-5)


@pytest.mark.parametrize(
    ("seeds", "lead", "rivals"),
    [
        ({"onephase": 3, "core only": 3, "ridge": 0}, "onephase, 3 seeds", ("core only, 3 seeds", "ridge")),
        ({"onephase": 2, "core only": 1, "ridge": 0}, "onephase", ("core only", "ridge")),
        ({"onephase": 3, "ridge": 0}, "onephase, 3 seeds", ("ridge",)),
        ({"onephase": 1, "core only": 1}, "onephase", ("core only",)),
    ],
)
def test_ensembles_are_compared_with_ensembles_and_single_seeds_with_single_seeds(seeds, lead, rivals) -> None:
    flat = Potentials(np.zeros((1, 3)), np.zeros(1), np.ones(1), np.zeros(3), np.zeros(3))
    posterior = PanelPosterior.from_potentials(flat)
    given = {name: dict.fromkeys(range(1, n + 1) if n else [0], posterior) for name, n in seeds.items()}
    compared = compared_in(given)
    assert (compared.lead, compared.rivals) == (lead, rivals)
