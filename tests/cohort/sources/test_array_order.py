"""The images decide how outlines lie."""

import numpy as np
import pytest
from tests.cohort.sources.conftest import phantom

from onephase.cohort.sources.array_order import contrasts, refuse_other_order
from onephase.errors import CohortError

WAYS = {
    "mirrored along the slice": lambda mask: mask[::-1],
    "mirrored along the row": lambda mask: mask[:, ::-1],
    "mirrored along the slice and mirrored along the column": lambda mask: mask[::-1, :, ::-1],
}


@pytest.mark.parametrize("way", WAYS)
def test_an_outline_that_lies_otherwise_is_found_out(way: str) -> None:
    image, mask = phantom(level=2.0)
    told = contrasts(image, WAYS[way](mask > 0))
    assert max(told, key=told.__getitem__) == way
    assert len(told) == 8  # rows and columns cannot be swapped where their numbers differ


def test_swapped_rows_and_columns_are_found_out_in_a_square_image() -> None:
    image = np.ones((4, 9, 9), np.float32)
    mask = np.zeros(image.shape, bool)
    mask[1:3, 1:3, 4:8] = True
    image[mask] = 2
    told = contrasts(image, mask.transpose(0, 2, 1))
    assert max(told, key=told.__getitem__) == "with rows and columns swapped"
    assert len(told) == 16


def test_the_documented_order_has_to_fit_in_most_cases() -> None:
    image, mask = phantom(level=2.0)
    right, wrong = (image, mask > 0), (image, mask[::-1] > 0)
    assert "in 2 of 3 cases looked at" in refuse_other_order([right, wrong, right], what="masks")
    assert refuse_other_order([], what="masks") == "masks: none is here to be looked at"
    with pytest.raises(CohortError, match=r"masks fit .* in 1 of 2 cases only, and better mirrored along the slice"):
        refuse_other_order([right, wrong], what="masks")
