from itertools import product

import pytest

from onephase.biomarkers.her2 import read_her2
from onephase.errors import EvidenceError


def by_the_table(ratio, copies, score):
    """Dual-probe rows of table 2 of PMC9771736, line by line."""
    positive = (
        (ratio >= 2.0 and copies >= 4.0)
        or (ratio >= 2.0 and copies < 4.0 and score == 3)
        or (ratio < 2.0 and copies >= 6.0 and score > 1)
        or (ratio < 2.0 and 4.0 <= copies < 6.0 and score == 3)
    )
    negative = (
        (ratio >= 2.0 and copies < 4.0 and score < 3)
        or (ratio < 2.0 and copies >= 6.0 and score < 2)
        or (ratio < 2.0 and 4.0 <= copies < 6.0 and score < 3)
        or (ratio < 2.0 and copies < 4.0)
    )
    assert positive != negative
    return positive


@pytest.mark.parametrize(
    ("ratio", "copies", "score"), list(product((0.8, 1.9, 2.0, 3.5), (1.5, 3.9, 4.0, 5.9, 6.0, 12.5), range(4)))
)
def test_dual_probe_follows_the_table(ratio, copies, score):
    text = f"{score}+/FISH ratio {ratio} CN {copies}"
    if score == 3 and ratio < 2 and copies < 4:
        with pytest.raises(EvidenceError, match="positive by IHC and negative by ISH"):
            read_her2(text)
        return
    expected = frozenset({by_the_table(ratio, copies, score)})
    assert read_her2(text) == expected
    assert read_her2(f"IHC {score}, ISH copy number {copies}; HER2/CEP17 ratio={ratio}") == expected


@pytest.mark.parametrize(("ratio", "copies"), list(product((1.9, 2.0), (3.9, 4.0, 5.9, 6.0))))
def test_without_ihc_every_score_has_its_say(ratio, copies):
    assert read_her2(f"FISH ratio {ratio} CN {copies}") == {by_the_table(ratio, copies, score) for score in range(4)}


@pytest.mark.parametrize(("ratio", "score"), list(product((1.9, 2.0), (0, 1, 2))))
def test_without_copies_every_count_has_its_say(ratio, score):
    expected = {by_the_table(ratio, copies, score) for copies in (1.0, 5.0, 9.0)}
    assert read_her2(f"{score}+/ISH ratio {ratio}") == expected


@pytest.mark.parametrize(
    ("group", "without_ihc"), [(1, {True}), (2, {False, True}), (3, {False, True}), (4, {False, True}), (5, {False})]
)
def test_groups_by_number(group, without_ihc):
    ratio, copies = {1: (2.5, 5), 2: (2.5, 3), 3: (1.5, 7), 4: (1.5, 5), 5: (1.5, 3)}[group]
    assert read_her2(f"ISH group {group}") == without_ihc
    for score in range(3):
        assert read_her2(f"{score}+/ISH group {group}") == {by_the_table(ratio, copies, score)}


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("ISH CN 6.0", {True}),
        ("ISH CN 3.9", {False}),
        ("ISH CN 4.0", {False, True}),
        ("0+/ISH CN 4.0", {False}),
        ("2+/ISH CN 5.9", {False, True}),
        ("3+/ISH CN 5.9", {True}),
        ("2+/single probe ISH CN 3.5-6.5", {False, True}),
        ("2+/ISH CN <4", {False}),
        ("2+/ISH CN >=6", {True}),
    ],
)
def test_single_probe(text, statuses):
    assert read_her2(text) == statuses


@pytest.mark.parametrize("ish", ["ISH-", "FISH negative", "CISH not amplified", "ISH group 5", "ISH CN 3"])
def test_strong_ihc_with_negative_ish_is_refused(ish):
    with pytest.raises(EvidenceError, match="positive by IHC and negative by ISH"):
        read_her2(f"3+/{ish}")


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("her2-negative", {False}),
        ("HER2/neu 3+", {True}),
        ("HER-2 2+", {False, True}),
        ("2 +", {False, True}),
        ("IHC 2", {False, True}),
        ("IHC score: 1+", {False}),
        ("2+ SISH-positive", {True}),
        ("0/ISH-", {False}),
        ("1+/ISH+", {True}),
        ("ultra-low", {False}),
    ],
)
def test_spellings(text, statuses):
    assert read_her2(text) == statuses
