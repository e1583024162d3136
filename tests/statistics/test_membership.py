"""What a group alone tells, against cases whose answer is known."""

import numpy as np

from onephase.statistics.membership import membership_auc


def test_groups_that_decide_the_class_tell_all_of_it():
    groups = ["a"] * 20 + ["b"] * 20
    estimate = membership_auc(groups, np.arange(40) < 20, fold=np.arange(40) % 5)
    assert estimate.value == 1.0
    assert (estimate.n, estimate.events) == (40, 20)


def test_two_groups_agree_with_their_cross_table():
    positive = np.array(([True] * 80 + [False] * 20) + ([True] * 30 + [False] * 70))
    estimate = membership_auc(["a"] * 100 + ["b"] * 100, positive, fold=np.arange(200) % 5)
    sensitivity, specificity = 80 / 110, 70 / 90  # of "stands in group a"
    assert estimate.value is not None
    assert abs(estimate.value - (sensitivity + specificity) / 2) < 0.02


def test_groups_that_say_nothing_are_not_flattered():
    rng = np.random.default_rng(3)
    groups = [str(group) for group in rng.integers(0, 30, 300)]
    values = [membership_auc(groups, rng.random(300) < 0.4, fold=np.arange(300) % 5).value for _ in range(20)]
    assert np.mean(values) < 0.52


def test_one_class_has_no_area():
    assert membership_auc(["a", "b"], np.array([True, True]), fold=np.array([0, 1])).value is None
