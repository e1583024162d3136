import numpy as np
import pytest

from onephase.errors import ImageError
from onephase.imaging.case import Box, Case, Mask, SeedPoint, Volume
from onephase.imaging.frame import lesion_bounds
from onephase.imaging.geometry import Grid
from onephase.imaging.outline import outline
from onephase.simulation.acquisition import draw_acquisition
from onephase.simulation.anatomy import examine
from onephase.simulation.lesion import Phenotype
from onephase.simulation.phenotype import CUES
from onephase.simulation.sites import SITES

GRID = Grid.axial((20, 40, 44), (2.0, 1.0, 0.8))


def _lesion(*, hollow: bool) -> tuple[Volume, np.ndarray]:
    rng = np.random.default_rng(1)
    index = np.stack(np.meshgrid(*map(np.arange, GRID.shape), indexing="ij"), axis=-1)
    apart = np.linalg.norm((index - (10, 20, 22)) * np.asarray(GRID.spacing_mm), axis=-1)
    solid = apart < 9
    bright = solid & (apart > 4) if hollow else solid
    array = (100 + 12 * rng.standard_normal(GRID.shape) + 200 * bright).astype(np.float32)
    return Volume(array, GRID), solid


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.mark.parametrize("hollow", [False, True])
@pytest.mark.parametrize("roi", [Box((8.0, 36.0), (8.0, 32.0), (4.0, 16.0)), SeedPoint(28.0, 20.0, 10.0)])
def test_box_and_seed_find_the_lesion_with_its_dark_centre(hollow, roi):
    volume, solid = _lesion(hollow=hollow)
    found = outline(Case("a", volume, roi))
    assert _dice(found.array, solid) > 0.9
    assert found.method.startswith("semi-automatic")
    again = outline(Case("a", volume, roi))
    np.testing.assert_array_equal(found.array, again.array)


def test_parenchyma_is_left_out_and_an_open_centre_is_filled():
    volume, solid = _lesion(hollow=False)
    index = np.stack(np.meshgrid(*map(np.arange, GRID.shape), indexing="ij"), axis=-1)
    array = volume.array + 60 * (index[..., 1] < 17)  # parenchyma, half as bright, covers a part of the box
    opened = (np.abs(index[..., 1] - 22) < 3) & (np.abs(index[..., 2] - 24) < 3)  # necrosis from top to bottom
    array = np.where(opened & solid, np.float32(100), array).astype(np.float32)
    found = outline(Case("a", Volume(array, GRID), Box((8.0, 36.0), (8.0, 32.0), (4.0, 16.0))))
    assert _dice(found.array, solid) > 0.9


def test_two_grey_values_only_are_parted():
    array = np.zeros(GRID.shape, dtype=np.float32)
    array[8:12, 18:24, 20:27] = 50
    found = outline(Case("a", Volume(array, GRID), Box((10.0, 36.0), (8.0, 32.0), (4.0, 16.0))))
    assert _dice(found.array, array > 0) > 0.8


def test_an_image_of_a_few_voxels_gives_an_outline_and_no_warning():
    """Between two of Otsu's thresholds lies nothing, of which no mean can be told."""
    array = np.array([[[100, 200]]], dtype=np.float32)
    volume = Volume(array, Grid.axial((1, 1, 2), (5.0, 5.0, 5.0)))
    case = Case("x", volume, Box(slice=(0.0, 1.0), row=(0.0, 1.0), column=(0.0, 2.0)))
    np.testing.assert_array_equal(outline(case).array, [[[False, True]]])


def test_one_voxel_of_light_is_an_outline():
    array = np.random.default_rng(0).normal(100, 1, GRID.shape).astype(np.float32)
    array[10, 20, 22] = 900
    found = outline(Case("a", Volume(array, GRID), Box((18.0, 27.0), (16.0, 25.0), (8.0, 13.0))))
    assert found.array[10, 20, 22]
    assert found.array.sum() < 20


def test_simulated_lesions_are_met_from_boxes_that_fit():
    found = []
    for seed in range(6):
        phenotype = Phenotype(*(float(cue.value(np.zeros(1))[0]) for cue in CUES))
        drawn = [np.random.default_rng([seed, part]) for part in range(3)]
        acquisition = draw_acquisition(drawn[0], site=SITES["alder"])
        seen = examine(phenotype=phenotype, acquisition=acquisition, anatomy_rng=drawn[1], noise_rng=drawn[2])
        slices, rows, columns = [(float(start), float(stop)) for start, stop in lesion_bounds(seen.mask)]
        volume = Volume(seen.image.astype(np.float32), Grid.axial(seen.image.shape, seen.spacing_mm))
        found.append(_dice(outline(Case("a", volume, Box(columns, rows, slices))).array, seen.mask))
    assert np.mean(found) > 0.905  # 0.895 by the thresholds of the box alone


def test_a_box_beside_the_lesion_is_one_sentence():
    volume, _ = _lesion(hollow=False)
    with pytest.raises(ImageError, match=r"case a: nothing within the box .* is as bright as what lies around it"):
        outline(Case("a", volume, Box((36.0, 42.0), (8.0, 32.0), (4.0, 16.0))))


def test_nothing_outside_the_box_is_taken():
    volume, _ = _lesion(hollow=False)
    box = Box((20.5, 30.0), (18.0, 24.0), (9.0, 11.0))
    found = np.argwhere(outline(Case("a", volume, box)).array)
    assert (found.min(axis=0) >= (9, 18, 20)).all()
    assert (found.max(axis=0) < (11, 24, 30)).all()


def test_a_given_mask_stays_as_it_is():
    volume, solid = _lesion(hollow=False)
    mask = Mask(solid, GRID)
    assert outline(Case("a", volume, mask)) is mask


def test_a_constant_box_and_a_dark_seed_are_one_sentence():
    array = np.zeros(GRID.shape, dtype=np.float32)
    array[10:12, 20:24, 20:24] = 5
    volume = Volume(array, GRID)
    with pytest.raises(ImageError, match=r"case a: the image is constant within the box"):
        outline(Case("a", volume, Box((0.0, 5.0), (0.0, 5.0), (0.0, 5.0))))
    with pytest.raises(ImageError, match=r"case a: nothing bright lies within 5 mm of the seed point"):
        outline(Case("a", volume, SeedPoint(40.0, 28.0, 11.0)))


def test_the_breast1_label_is_met_from_its_box(shared_data):
    import SimpleITK

    image = SimpleITK.ReadImage(str(shared_data / "breast1" / "breast1_image.nrrd"))
    array = SimpleITK.GetArrayFromImage(image).astype(np.float32)
    label = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(shared_data / "breast1" / "breast1_label.nrrd"))) > 0
    assert label.sum() == 143
    grid = Grid.axial(array.shape, image.GetSpacing()[::-1])
    low, high = np.argwhere(label).min(axis=0), np.argwhere(label).max(axis=0) + 1
    box = Box(*((float(low[axis] - 1), float(high[axis] + 1)) for axis in (2, 1, 0)))
    assert _dice(outline(Case("breast1", Volume(array, grid), box)).array, label) > 0.7
