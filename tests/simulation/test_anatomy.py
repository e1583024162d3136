"""The whole examination: grid, room for a patch, a bright lesion beneath a dark surround, the breast around it."""

import numpy as np
import pytest

from onephase.simulation.acquisition import draw_acquisition
from onephase.simulation.anatomy import examine
from onephase.simulation.breast import Breast, draw_vessels
from onephase.simulation.lesion import Phenotype
from onephase.simulation.sites import SITES

PATCH_MM = 72.0
AXES = (np.linspace(-48, 48, 33), np.linspace(-48, 48, 49), np.linspace(-48, 48, 65))


def examined(site, *, seed=0, size_mm=24.0):
    phenotype = Phenotype(size_mm, 0.3, 0.1, 0.3, 0.05, 0.3, 3.0, 0.2, 0.4, 0.5)
    return examine(
        phenotype=phenotype,
        acquisition=draw_acquisition(np.random.default_rng(seed), site=SITES[site]),
        anatomy_rng=np.random.default_rng(seed + 1),
        noise_rng=np.random.default_rng(seed + 2),
    )


@pytest.mark.parametrize("site", SITES)
def test_every_site_gives_its_own_grid_with_room_for_a_patch(site):
    examination = examined(site)
    spacing = np.array(examination.spacing_mm)
    assert examination.spacing_mm == (SITES[site].slice_mm, SITES[site].in_plane_mm, SITES[site].in_plane_mm)
    assert examination.image.shape == examination.mask.shape
    assert len(set(examination.image.shape)) == 2  # rows and columns alike, slices not
    centre = np.argwhere(examination.mask).mean(axis=0) * spacing
    extent = np.array(examination.image.shape) * spacing
    assert (np.minimum(centre, extent - centre) > PATCH_MM / 2).all()


@pytest.mark.parametrize("site", SITES)
def test_the_lesion_stands_out(site):
    examination = examined(site)
    lesion = np.median(examination.image[examination.mask])
    assert lesion > 1.5 * np.median(examination.image[~examination.mask])


@pytest.mark.parametrize("size_mm", [7.5, 30.0, 55.0])
def test_the_mask_is_as_large_as_the_lesion(size_mm):
    examination = examined("alder", size_mm=size_mm)
    points = np.argwhere(examination.mask) * np.array(examination.spacing_mm)
    longest = np.linalg.norm(points - points.mean(axis=0), axis=1).max() * 2
    assert 0.75 * size_mm < longest < 1.4 * size_mm + 5  # lobes, spicules' bases and thick slices move it


def test_the_same_numbers_give_the_same_image():
    one, other = examined("birch", seed=7), examined("birch", seed=7)
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.mask, other.mask)


def test_breast_has_air_before_the_skin_and_muscle_behind():
    breast = Breast.draw(np.random.default_rng(3), axes=AXES, lesion_centre_mm=np.zeros(3), radius_mm=10.0)
    maps = breast.on(AXES)
    for share in (maps.gland, maps.skin, maps.muscle, maps.air):
        assert share.min() >= 0
        assert share.max() <= 1
    middle = len(AXES[0]) // 2
    assert maps.air[middle, 0, len(AXES[2]) // 2] in {0.0, 1.0}
    assert maps.air[:, 0].mean() >= maps.air[:, -1].mean()
    assert maps.muscle[:, -1].mean() >= maps.muscle[:, 0].mean()
    assert maps.air[middle, len(AXES[1]) // 2, len(AXES[2]) // 2] == 0  # the lesion lies in the breast
    assert maps.muscle[middle, len(AXES[1]) // 2, len(AXES[2]) // 2] == 0


def test_more_vascular_lesions_have_more_vessels_near():
    def near(vascularity):
        where = np.stack(np.meshgrid(*AXES, indexing="ij"))
        around = np.linalg.norm(where, axis=0) < 25
        shares = [
            draw_vessels(
                np.random.default_rng(seed),
                axes=AXES,
                lesion_centre_mm=np.zeros(3),
                radius_mm=10.0,
                vascularity=vascularity,
            )[around].sum()
            for seed in range(5)
        ]
        return np.mean(shares)

    assert near(0.9) > 3 * near(0.1)
