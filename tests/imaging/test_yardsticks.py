"""What a lesion's brightness is compared with: known tissues under a known field, and what must not change them."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from threadpoolctl import threadpool_limits

from onephase.imaging.air import Air, air_of
from onephase.imaging.yardsticks import LEVELS, MIXTURE, _two_tissues, yardsticks

SPACING_MM = (2.0, 1.0, 1.0)
SHAPE = (36, 72, 72)
FAT, GLAND, LESION, BLOOD = 100.0, 220.0, 300.0, 400.0
WHERE = (
    np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij")) - 0.5 * (np.array(SHAPE) - 1)[:, None, None, None]
) * (np.array(SPACING_MM)[:, None, None, None])
DISTANCE = (np.linalg.norm(WHERE, axis=0) - 8).astype(np.float32)
FIELD = np.exp(0.4 * WHERE[0] / 36 - 0.3 * WHERE[1] / 36 + 0.25 * (WHERE[2] / 36) ** 2)


def breast(*, field=FIELD, noise=4.0, seed=1, vessel=True) -> np.ndarray:
    """Fat and lumps of gland, a lesion, a vessel beside it, air above; seen through a receive field."""
    rng = np.random.default_rng(seed)
    lumps = gaussian_filter(rng.standard_normal(SHAPE), [5 / mm for mm in SPACING_MM])
    signal = np.where(lumps > np.quantile(lumps, 0.6), GLAND, FAT)
    signal[DISTANCE < 0] = LESION
    if vessel:
        signal[20:22, 20:22] = BLOOD
    signal = signal * field
    signal[:, :8] = 0
    return np.hypot(signal + noise * rng.standard_normal(SHAPE), noise * rng.standard_normal(SHAPE)).astype(np.float32)


def measured(image: np.ndarray, distance: np.ndarray = DISTANCE) -> dict[str, float]:
    found = yardsticks(image, distance, spacing_mm=SPACING_MM, air=air_of(image))
    return dict(zip((*LEVELS, *MIXTURE), (*found.levels, *found.mixture), strict=True))


@pytest.mark.parametrize("field", [np.ones(SHAPE), FIELD], ids=["even", "uneven"])
def test_tissues_are_as_bright_as_they_would_be_in_the_lesions_place(field):
    found = measured(breast(field=field))
    assert found["darker tissue"] == pytest.approx(FAT, rel=0.06)
    assert found["surroundings p25"] == pytest.approx(FAT, rel=0.06)
    assert found["brighter tissue"] == pytest.approx(GLAND, rel=0.12)  # blocks at its edge hold fat
    assert found["brightest 20 mm3"] == pytest.approx(BLOOD, rel=0.1)
    assert found["brightest 200 mm3"] == pytest.approx(BLOOD, rel=0.1)
    assert found["share of darker tissue"] == pytest.approx(0.5, abs=0.1)  # of .6, for blocks at its edge


def test_without_a_vessel_nothing_is_as_bright_as_blood():
    assert measured(breast(vessel=False))["brightest 60 mm3"] < 0.75 * BLOOD


@pytest.mark.parametrize("noise", [20.0, 45.0])
def test_noise_does_not_brighten_dark_tissue(noise):
    image = breast(noise=noise)
    assert measured(image)["darker tissue"] == pytest.approx(FAT, rel=0.1)  # its root mean square is up to 1.19 FAT


def test_noise_is_what_air_shows_of_it():
    image = breast(noise=20.0)
    assert measured(image)["noise"] == pytest.approx(np.sqrt(air_of(image).power), rel=1e-6)


def test_a_volume_that_shows_no_air_shows_no_noise_as_strong_as_its_tissue():
    image = breast()[:, 12:]
    found = yardsticks(image, DISTANCE[:, 12:], spacing_mm=SPACING_MM, air=Air(0.0, 1e9))
    assert found.levels[LEVELS.index("noise")] < found.levels[LEVELS.index("brighter tissue")]


@pytest.mark.parametrize(("gain", "offset"), [(1e-3, 0.0), (37.0, 0.0), (1.0, 900.0), (20.0, -5000.0)])
def test_gain_scales_levels_and_an_offset_does_not_matter(gain, offset):
    found, other = measured(breast()), measured((breast().astype(np.float64) * gain + offset).astype(np.float32))
    for name in LEVELS:
        assert other[name] == pytest.approx(gain * found[name], rel=0.01)
    for name in MIXTURE:
        assert other[name] == pytest.approx(found[name], abs=0.02)


def test_two_tissues_are_scikit_learns_mixture_where_no_field_bends_them():
    mixture = pytest.importorskip("sklearn.mixture", reason="needs the train extra")
    rng = np.random.default_rng(2)
    logs = np.concatenate([rng.normal(0.0, 0.15, 700), rng.normal(1.0, 0.2, 300)])
    means, spreads, shares, field = _two_tissues(logs, np.zeros((len(logs), 9)))
    wanted = mixture.GaussianMixture(2, random_state=0).fit(logs[:, None])
    order = wanted.means_[:, 0].argsort()
    assert means == pytest.approx(wanted.means_[order, 0], abs=0.02)
    assert spreads == pytest.approx(np.sqrt(wanted.covariances_[order, 0, 0]), abs=0.02)
    assert shares == pytest.approx(wanted.weights_[order], abs=0.02)
    assert (field == 0).all()


def test_any_number_of_threads_measures_alike():
    image, found = breast(), []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(yardsticks(image, DISTANCE, spacing_mm=SPACING_MM, air=air_of(image)).levels)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    "part",
    [
        np.s_[17:18, 20:60, 20:60],  # one slice
        np.s_[10:26, 26:46, 26:46],  # cut out, without air
        np.s_[17:19, 35:37, 35:37],  # within the lesion
        np.s_[12:13, 30:31, 30:31],  # one voxel
    ],
)
def test_whatever_is_left_of_the_surroundings_has_finite_yardsticks(part):
    found = measured(breast()[part], DISTANCE[part])
    assert np.isfinite(list(found.values())).all()


def test_a_lesion_between_voxels_and_surroundings_of_plain_air_have_finite_yardsticks():
    image = np.zeros(SHAPE, dtype=np.float32)
    image[18, 36, 36] = 5
    found = measured(image, DISTANCE - DISTANCE.min() + np.float32(0.3))
    assert np.isfinite(list(found.values())).all()


@pytest.mark.parametrize("rows", [8, 24, 34])
def test_air_that_was_set_to_nothing_is_no_tissue(rows):
    image = breast()
    image[:, :rows] = 0
    found = measured(image)
    assert found["surroundings p2"] > 0.7 * FAT
    assert found["darker tissue"] == pytest.approx(FAT, rel=0.12)


@pytest.mark.parametrize("columns", [2, 4, 12])
def test_padding_with_nothing_beside_air_that_shows_noise_hides_it_from_nobody(columns):
    image = breast(noise=10.0)
    image[:, :, -columns:] = 0
    found = measured(image)
    assert found["noise"] == pytest.approx(np.sqrt(2) * 10, rel=0.15)
    assert found["darker tissue"] == pytest.approx(FAT, rel=0.1)


@pytest.mark.parametrize("logs", [[-7.0] * 16 + [5.0] * 46, [0.0, 10.0], [3.0]])
def test_a_tissue_of_no_block_shifts_with_the_others(logs):
    """A level that stayed where it is would be one of the scanner's units."""
    terms = np.zeros((len(logs), 9))
    found, shifted = (_two_tissues(np.array(logs) + shift, terms) for shift in (0.0, 3.6))
    assert shifted[0] == pytest.approx(found[0] + 3.6, abs=1e-9)
    assert np.isfinite(np.concatenate(found)).all()
