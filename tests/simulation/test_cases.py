"""A case is a pure function of seed, index and site; its stages do not share random numbers."""

import numpy as np

from onephase.simulation.cases import CaseKey, Stream, case_examination, case_truth


def test_a_case_is_the_same_whenever_it_is_asked_for():
    key = CaseKey(5, 17, "cedar")
    one, other = case_truth(key), case_truth(key)
    assert one.labels == other.labels
    np.testing.assert_array_equal(one.phenotype, other.phenotype)
    np.testing.assert_array_equal(case_examination(key).image, case_examination(key).image)


def test_seed_and_index_change_everything_and_the_site_only_the_image_and_the_wording():
    here = case_truth(CaseKey(5, 17, "alder"))
    elsewhere = case_truth(CaseKey(5, 17, "elm"))
    assert here.cell == elsewhere.cell
    np.testing.assert_array_equal(here.phenotype, elsewhere.phenotype)
    assert here.labels != elsewhere.labels
    for key in (CaseKey(6, 17, "alder"), CaseKey(5, 18, "alder")):
        assert not np.array_equal(case_truth(key).phenotype, here.phenotype)


def test_streams_are_independent():
    key = CaseKey(1, 2, "alder")
    drawn = {key.stream(stage).random() for stage in Stream}
    assert len(drawn) == len(Stream)


def test_case_ids_are_unique_over_cohorts():
    assert CaseKey(1, 2, "alder").case_id == "alder-1-00002"
    assert CaseKey(2, 2, "alder").case_id != CaseKey(1, 2, "alder").case_id
