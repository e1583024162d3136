from dataclasses import replace

import numpy as np
import pytest

from onephase.errors import ImageError
from onephase.evaluation.explanations.tissue import Tissue, with_region_of, with_surroundings
from onephase.imaging.regions import memberships
from onephase.imaging.yardsticks import Yardsticks
from onephase.settings import RegionSettings

REGIONS = RegionSettings()
SHAPE, SPACING_MM = (22, 26, 30), (2.0, 1.5, 1.25)


def _ball(radius_mm: float, brightness: dict[str, float], *, seed: int = 1) -> Tissue:
    """A ball whose regions differ in brightness, in surroundings of noise about 0."""
    index = np.stack(np.meshgrid(*(np.arange(size) for size in SHAPE), indexing="ij"), axis=-1)
    away = (index - (np.array(SHAPE) - 1) / 2) * SPACING_MM
    distance = (np.linalg.norm(away, axis=-1) - radius_mm).astype(np.float32)
    image = np.random.default_rng(seed).normal(0, 0.1, size=SHAPE).astype(np.float32)
    for name, member in memberships(distance, REGIONS).items():
        image += member * np.float32(brightness.get(name, 0.0))
    return Tissue(image, distance, SPACING_MM, Yardsticks.even(air=-3.0))


OWN = _ball(8.0, {"core": 5.0, "rim": 3.0, "shell": 1.0})
OTHER = _ball(10.0, {"core": -5.0, "rim": -3.0, "shell": -1.0}, seed=2)


def _within(tissue: Tissue, region: str) -> np.ndarray:
    return memberships(tissue.distance_mm, REGIONS)[region] == 1


@pytest.mark.parametrize("region", ["core", "rim", "shell"])
def test_a_filled_region_looks_like_the_surroundings_and_the_others_stay(region: str) -> None:
    changed = with_surroundings(OWN, region, REGIONS, rng=np.random.default_rng(3))
    assert abs(changed.image[_within(OWN, region)].mean()) < 0.05
    for other in {"core", "rim", "shell"} - {region}:
        np.testing.assert_array_equal(changed.image[_within(OWN, other)], OWN.image[_within(OWN, other)])
    np.testing.assert_array_equal(changed.distance_mm, OWN.distance_mm)


@pytest.mark.parametrize("region", ["core", "rim", "shell"])
def test_an_exchanged_region_looks_like_the_donors(region: str) -> None:
    changed = with_region_of(OWN, OTHER, region, REGIONS)
    brightness = {"core": -5.0, "rim": -3.0, "shell": -1.0}[region]
    assert changed.image[_within(OWN, region)].mean() == pytest.approx(brightness, abs=0.15)
    untouched = memberships(OWN.distance_mm, REGIONS)[region] == 0
    np.testing.assert_array_equal(changed.image[untouched], OWN.image[untouched])
    assert changed.against is OWN.against


def test_a_lesion_that_gives_to_itself_stays_as_it_was() -> None:
    for region in ("core", "rim", "shell"):
        np.testing.assert_allclose(with_region_of(OWN, OWN, region, REGIONS).image, OWN.image, atol=1e-6)


def test_neighbours_stay_neighbours() -> None:
    """A donor that is bright above and dark below gives a lesion that is bright above and dark below."""
    above = np.arange(SHAPE[0])[:, None, None] > SHAPE[0] / 2
    image = np.where(above, 1.0, -1.0).astype(np.float32) * np.ones(SHAPE, np.float32)
    donor = replace(OTHER, image=image)
    changed = with_region_of(OWN, donor, "rim", REGIONS)
    rim = _within(OWN, "rim")
    assert np.corrcoef(changed.image[rim], np.broadcast_to(above, SHAPE)[rim])[0, 1] > 0.9


def test_a_region_that_is_not_there_changes_nothing() -> None:
    thin = _ball(1.0, {"rim": 3.0})  # too thin for a core
    assert with_region_of(thin, OTHER, "core", REGIONS) is thin
    assert with_region_of(OWN, thin, "core", REGIONS) is OWN


def test_a_patch_of_nothing_but_lesion_cannot_be_filled() -> None:
    full = replace(OWN, distance_mm=np.full(SHAPE, -3.0, dtype=np.float32))
    with pytest.raises(ImageError, match="nothing beyond the shell"):
        with_surroundings(full, "core", REGIONS, rng=np.random.default_rng(3))
