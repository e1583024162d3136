"""What pathology writes always fits the tumour, by the same reading as for real tables."""

import numpy as np
import pytest

from onephase.biomarkers.evidence import read_evidence
from onephase.simulation.sites import SITES
from onephase.simulation.wording import written_labels


@pytest.mark.parametrize("site", SITES.values(), ids=SITES)
def test_the_true_cell_and_the_read_ki67_fulfil_what_is_written(site):
    rng = np.random.default_rng(1)
    for case in range(160):
        cell, read = case % 8, float(rng.random())
        labels = written_labels(rng, cell=cell, ki67_read=read, site=site)
        events = read_evidence(case_id="case", **labels)
        assert events.cells[0, cell]
        assert events.ki67[0, 0] <= read <= events.ki67[0, 1]


def test_a_full_record_leaves_one_cell():
    rng = np.random.default_rng(2)
    left = [
        read_evidence(case_id="case", **written_labels(rng, cell=6, ki67_read=0.2, site=SITES["birch"])).cells.sum()
        for _ in range(20)
    ]
    assert set(left) == {1}


def test_the_site_that_records_hormone_receptors_only_says_nothing_else_of_receptors():
    rng = np.random.default_rng(3)
    labels = [written_labels(rng, cell=cell, ki67_read=0.2, site=SITES["elm"]) for cell in range(8)]
    assert [label["hr"] for label in labels] == ["negative"] * 2 + ["positive"] * 6
    assert not any(label[name] for label in labels for name in ("er", "pr", "her2"))


def test_reports_are_varied_and_some_values_are_missing():
    rng = np.random.default_rng(4)
    percent = [written_labels(rng, cell=6, ki67_read=0.18, site=SITES["alder"]) for _ in range(300)]
    assert {"1-10%", "95%"} <= {labels["er"] for labels in percent}
    assert {"0+", "1+", "2+/ISH-", "2+"} == {labels["her2"] for labels in percent}
    assert {"18", "18%", "15-25%"} == {labels["ki67"] for labels in percent}
    missing = [not written_labels(rng, cell=6, ki67_read=0.18, site=SITES["birch"])["ki67"] for _ in range(1000)]
    assert np.mean(missing) == pytest.approx(SITES["birch"].missing, abs=0.03)
