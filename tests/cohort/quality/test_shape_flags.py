import numpy as np
import pytest

from onephase.cohort.quality.shape_flags import covers_breast, empty_slices, implausible_size, touches_border


@pytest.mark.parametrize("check", [implausible_size, touches_border, empty_slices, covers_breast])
def test_a_sound_outline_has_no_flag(phantom, check) -> None:
    assert phantom.said(check) == []


@pytest.mark.parametrize(("factor", "said"), [(0.1, "1.38 mm at its longest"), (100.0, "mm at its longest")])
def test_spacing_in_another_unit(phantom, factor: float, said: str) -> None:
    wrong = phantom.with_spacing(*(factor * mm for mm in (2.5, 1.5, 1.25)))
    (reason,) = wrong.said(implausible_size)
    assert said in reason
    assert reason.endswith("look whether the voxel spacing is in millimetres.")


def test_a_field_that_no_scanner_has(phantom) -> None:
    mask = np.zeros_like(phantom.mask)
    mask[4:6, 20:22, 40:43] = True
    (reason,) = phantom.with_mask(mask).with_spacing(10.0, 12.0, 12.0).said(implausible_size)
    assert reason.startswith("The image is 864 mm wide, expected 30 to 700")


def test_the_thickness_of_a_stack_is_no_size(phantom) -> None:
    tall = phantom.with_spacing(60.0, 1.5, 1.25)
    assert tall.said(implausible_size)
    assert not tall.said(implausible_size, in_plane=True)


@pytest.mark.parametrize(("axis", "end"), [(0, "last slice"), (1, "last row"), (2, "last column")])
def test_an_outline_at_the_border(phantom, axis: int, end: str) -> None:
    there = np.flatnonzero(phantom.mask.any(axis=tuple(other for other in range(3) if other != axis)))
    moved = phantom.with_mask(np.roll(phantom.mask, phantom.mask.shape[axis] - 1 - there[-1], axis=axis))
    (reason,) = moved.said(touches_border)
    assert f"({end})" in reason
    assert bool(moved.said(touches_border, in_plane=True)) == (axis != 0)  # a stack ends where the lesion need not


def test_a_slice_that_is_missing(phantom) -> None:
    mask = phantom.mask
    mask[4] = False
    (reason,) = phantom.with_mask(mask).said(empty_slices)
    assert reason.startswith("The outline leaves out slice 5 (counted from 1)")


def test_many_missing_slices_are_counted(phantom) -> None:
    mask = phantom.mask
    mask[14] = mask[3]
    (reason,) = phantom.with_mask(mask).said(empty_slices)
    assert "slices 8, 9, 10, 11, 12 and 2 more" in reason


def test_an_outline_of_the_breast(phantom) -> None:
    large = phantom.with_spacing(6.0, 2.5, 2.5)
    assert not large.said(covers_breast)  # the same lesion in a larger breast
    (reason,) = large.with_mask(large.image > 150).said(covers_breast)
    assert "of all tissue in the image: look whether it outlines the breast" in reason
