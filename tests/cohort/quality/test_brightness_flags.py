import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from onephase.cohort.quality.brightness import brighter_share, brighter_than_around
from onephase.cohort.quality.brightness_flags import darker_than_surroundings, flipped, outside_breast
from onephase.imaging.case import Box

CHECKS = (outside_breast, flipped, darker_than_surroundings)


def test_the_share_is_an_area_under_the_curve() -> None:
    rng = np.random.default_rng(3)
    one, two = rng.integers(0, 9, 40).astype(np.float32), rng.integers(2, 12, 23).astype(np.float32)  # with ties
    labels = np.r_[np.ones(40), np.zeros(23)]
    assert brighter_share(one, two) == pytest.approx(roc_auc_score(labels, np.r_[one, two]))
    assert brighter_share(one, two) + brighter_share(two, one) == pytest.approx(1)
    assert brighter_share(one[:3], two) == 0.5  # too few to say anything


def test_gain_and_offset_change_nothing_and_air_is_no_tissue(phantom) -> None:
    image, region = phantom.image, phantom.mask
    share = brighter_than_around(image, region, (2.5, 1.5, 1.25), air=100.0)
    assert share > 0.99
    assert brighter_than_around(3 * image + 50, region, (2.5, 1.5, 1.25), air=350.0) == pytest.approx(share, abs=1e-4)
    in_air = np.zeros_like(region)
    in_air[3:7, 0:3, 0:4] = True
    assert brighter_than_around(image, in_air, (2.5, 1.5, 1.25), air=100.0) == 0.5


@pytest.mark.parametrize("check", CHECKS)
def test_a_bright_lesion_has_no_flag(phantom, check) -> None:
    assert phantom.said(check) == []


def test_an_outline_in_air(phantom) -> None:
    (reason,) = phantom.with_mask(np.roll(phantom.mask, -20, axis=1)).said(outside_breast)
    assert re.match(r"(9\d|100)% of the outline is as dark as air: look whether", reason)  # noise is a little brighter


@pytest.mark.parametrize(
    ("axis", "words"), [(0, "head and feet (the order of the slices)"), (1, "front and back"), (2, "left and right")]
)
def test_a_mask_that_was_turned_over(phantom, axis: int, words: str) -> None:
    (reason,) = phantom.with_mask(np.flip(phantom.mask, axis)).said(flipped)
    assert reason.startswith(f"With {words} turned over, the outline lies on something clearly brighter")


def test_a_turned_mask_that_overlaps_the_lesion(phantom) -> None:
    mask = np.zeros_like(phantom.mask)
    mask[3:11] = phantom.mask[3:4]  # slices 4 to 11 of 16: turned over, 6 to 13
    image = phantom.image
    image[mask] = 800
    tall = phantom.with_image(image).with_mask(mask)
    assert tall.said(flipped) == []
    assert len(tall.with_mask(np.flip(mask, 0)).said(flipped)) == 1


def test_a_box_that_was_turned_over(phantom) -> None:
    right = Box(slice=(3.0, 7.0), row=(20.0, 28.0), column=(40.0, 51.0))
    wrong = Box(slice=(3.0, 7.0), row=(20.0, 28.0), column=(72 - 51.0, 72 - 40.0))
    said = [type(phantom)(replace(phantom.case, roi=roi)).said(flipped) for roi in (right, wrong)]
    assert said[0] == []
    assert said[1][0].startswith("With left and right turned over")


def test_something_dark_is_no_tumour(phantom) -> None:
    image = phantom.image
    image[phantom.mask] = 150
    (reason,) = phantom.with_image(image).said(darker_than_surroundings)
    assert re.match(r"Only \d% of comparisons find the outline brighter", reason)
