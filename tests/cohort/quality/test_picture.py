import numpy as np
import pytest

from onephase.cohort.quality.picture import SIDE, pictures
from onephase.imaging.case import Volume
from onephase.imaging.geometry import Grid

SHAPE, SPACING_MM = (9, 50, 70), (3.0, 1.6, 1.2)


def ball(at: tuple[int, int, int], radius_mm: float) -> np.ndarray:
    apart = (np.moveaxis(np.indices(SHAPE), 0, -1) - at) * SPACING_MM
    return np.linalg.norm(apart, axis=-1) < radius_mm


def inside_of(outline, shape=(SIDE, SIDE)) -> np.ndarray:
    """Return the pixels within an outline by winding number, without contourpy."""
    rows, columns = np.indices(shape) + 0.5
    turns = np.zeros(shape)
    for line in outline:
        angles = [np.arctan2(y - rows, x - columns) for x, y in line]
        steps = np.diff(np.array(angles), axis=0)
        turns += ((steps + np.pi) % (2 * np.pi) - np.pi).sum(axis=0)
    return np.abs(turns) > np.pi


def test_the_outline_lies_where_the_lesion_is() -> None:
    lesion = ball((6, 20, 40), 10.0)
    image = np.where(lesion, 100.0, 10.0).astype(np.float32)
    close, whole = pictures(Volume(image, Grid.axial(SHAPE, SPACING_MM)), lesion, side_mm=56.0)
    assert close.side_mm == 56.0
    assert whole.side_mm == pytest.approx(70 * 1.2)
    for picture in (close, whole):
        bright, drawn = picture.grey > 127, inside_of(picture.outline)
        assert 2 * (bright & drawn).sum() / (bright.sum() + drawn.sum()) > 0.93
        area = drawn.sum() * (picture.side_mm / SIDE) ** 2
        assert area == pytest.approx(lesion[6].sum() * 1.6 * 1.2, rel=0.1)
    np.testing.assert_allclose(np.argwhere(close.grey > 127).mean(axis=0), (SIDE - 1) / 2, atol=1.5)


def test_the_slice_is_the_one_where_the_lesion_is_largest() -> None:
    lesion = np.zeros(SHAPE, dtype=bool)
    lesion[2, 20:22, 30:33] = lesion[5, 18:26, 28:40] = True
    image = np.broadcast_to(np.arange(9.0)[:, None, None], SHAPE) + 20 * (
        np.indices(SHAPE)[2] == 30 + np.indices(SHAPE)[0]
    )
    close, _ = pictures(Volume(np.float32(image), Grid.axial(SHAPE, SPACING_MM)), lesion, side_mm=40.0)
    column = int(close.grey.mean(axis=0).argmax())  # the line of slice 5 is at column 35, two right of the middle
    assert column == pytest.approx(SIDE / 2 + (35 - 33.5) * 1.2 / (40 / SIDE), abs=2)


@pytest.mark.parametrize("gain", [0.01, 250.0])
def test_gain_and_offset_leave_grey_levels_alone(gain: float) -> None:
    image = np.random.default_rng(4).normal(100, 20, SHAPE)
    grid, lesion = Grid.axial(SHAPE, SPACING_MM), ball((4, 25, 35), 8)
    one, two = (pictures(Volume(np.float32(each), grid), lesion, side_mm=60.0)[0] for each in (image, gain * image + 7))
    assert np.abs(one.grey.astype(int) - two.grey).max() <= 1


def test_a_sagittal_slice_is_hung_with_the_head_up() -> None:
    # slices to the left, rows up the patient, columns to posterior
    direction = np.array([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
    grid = Grid(SHAPE, SPACING_MM, (0.0, 0.0, 0.0), direction)
    image = np.broadcast_to(np.indices(SHAPE)[1], SHAPE)  # brighter towards the head
    close, _ = pictures(Volume(np.float32(image), grid), ball((4, 25, 35), 8), side_mm=40.0)
    assert close.grey[10].mean() > close.grey[-10].mean()


def test_an_image_smaller_than_a_pixel_is_black() -> None:
    """Spacing in metres: half a millimetre in all, where a pixel of the picture is larger."""
    lesion = ball((6, 20, 40), 10.0)[:, :30, :30]
    lesion[6, 20, 20] = True
    volume = Volume(lesion.astype(np.float32), Grid.axial(lesion.shape, (0.003, 0.0016, 0.0012)))
    close, _ = pictures(volume, lesion, side_mm=72.0)
    assert not close.grey.any()


def test_an_absurd_spacing_still_gives_a_picture() -> None:
    grid = Grid.axial(SHAPE, (3000.0, 1600.0, 1200.0))
    image = np.random.default_rng(1).normal(size=SHAPE)
    close, whole = pictures(Volume(np.float32(image), grid), ball((4, 25, 35), 8), side_mm=72.0)
    assert close.grey.shape == whole.grey.shape == (SIDE, SIDE)
