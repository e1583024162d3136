from itertools import product

import pytest

from onephase.biomarkers.receptors import read_stain

# Per cent of nuclei, least and most, of each proportion score (NAACCR SSDI).
PROPORTIONS = {1: (0.1, 0.9), 2: (1, 10), 3: (11, 33), 4: (34, 66), 5: (67, 100)}


def agreed(values):
    return values.pop() if len(values) == 1 else -1


@pytest.mark.parametrize("score", range(2, 9))
def test_an_allred_score_tells_of_pr_what_its_parts_agree_on(score):
    parts = [proportion for proportion, intensity in product(PROPORTIONS, (1, 2, 3)) if proportion + intensity == score]
    shares = {int(percent >= 20) for proportion in parts for percent in PROPORTIONS[proportion]}
    stain = read_stain(f"Allred {score}", receptor="pr")
    assert stain.high == agreed(shares)
    assert stain.statuses == {score >= 3}


@pytest.mark.parametrize("score", [0, 1, 2, 3, 4, 15, 19, 20, 21, 59, 60, 61, 100, 299, 300])
def test_an_h_score_allows_the_percentages_that_can_give_it(score):
    percents = range(101)
    mixes = ((weak, middle, (score - weak - 2 * middle) / 3) for weak, middle in product(percents, percents))
    possible = {sum(mix) for mix in mixes if mix[2] >= 0 and sum(mix) <= 100}
    stain = read_stain(f"H-score {score}", receptor="pr")
    assert stain.statuses >= {percent >= 1 for percent in possible}
    if score not in {1, 2}:
        assert stain.statuses == {percent >= 1 for percent in possible}
    shares = {int(percent >= 20) for percent in possible}
    assert stain.high == agreed(shares)


@pytest.mark.parametrize(
    "text", ["95% positive", "positive 95%", "pos, 95 %", "95% (positive)", "PgR: positive (>=95%)"]
)
def test_a_status_with_its_percentage(text):
    stain = read_stain(text, receptor="pr")
    assert stain.statuses == {True}
    assert stain.high == 1


def test_a_status_settles_what_its_percentage_leaves_open():
    assert read_stain("positive (0-5%)", receptor="er").statuses == {True}
    assert read_stain("negative (0-5%)", receptor="pr").high == 0
