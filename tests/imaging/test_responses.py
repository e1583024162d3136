"""Filter responses by layer, against plain computations on small pictures."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from onephase.imaging.lesion import cut_out
from onephase.imaging.responses import LAYER_EDGES_MM, responses

SPACING = (1.5, 1.0, 1.2)
WHERE = np.stack(
    np.meshgrid(
        *[(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip((30, 44, 38), SPACING, strict=True)], indexing="ij"
    )
)
DISTANCE = (np.linalg.norm(WHERE, axis=0) - 9.0).astype(np.float32)


@pytest.fixture
def lesion():
    """A ball with texture in tissue with texture."""
    noise = ndimage.gaussian_filter(np.random.default_rng(1).standard_normal(DISTANCE.shape), 1.0)
    image = (np.where(DISTANCE < 0, 900.0, 400.0) * np.exp(noise)).astype(np.float32)
    return cut_out(image, DISTANCE, spacing_mm=SPACING, air=0.0)


def named(lesion):
    return {name: value for name, _, value in responses(lesion)}


def test_layers_hold_mean_and_spread_of_a_response(lesion):
    values = named(lesion)
    logs = np.log(np.maximum(lesion.image, 0.03)).astype(np.float64)
    layer = (lesion.distance >= -2) & (lesion.distance < -1)
    assert values["log intensity mean to -1 mm"] == pytest.approx(logs[layer].mean(), abs=1e-5)
    assert np.exp(values["log intensity sd to -1 mm"]) == pytest.approx(logs[layer].std() + 1e-3, abs=1e-5)
    smooth = [ndimage.gaussian_filter(logs, [s / mm for mm in SPACING], truncate=2.5) for s in (1.0, 2.0)]
    octave = smooth[0] - smooth[1]
    assert values["detail to 2 mm mean to -1 mm"] == pytest.approx(octave[layer].mean(), abs=1e-5)
    slope = np.linalg.norm(np.gradient(smooth[0], *SPACING), axis=0)
    assert values["slope mean to -1 mm"] == pytest.approx(slope[layer].mean(), rel=1e-4)
    far = lesion.image[(lesion.distance > 6) & ((lesion.image > 0.05) | (lesion.distance < 8.5))]
    assert values["far p50 to lesion"] == pytest.approx(np.log(np.median(far)), abs=1e-5)


def test_a_layer_that_a_small_lesion_lacks_is_like_its_neighbour():
    distance = DISTANCE + 7  # a radius of 2 mm
    values = named(cut_out(np.where(distance < 0, 2.0, 1.0).astype(np.float32), distance, spacing_mm=SPACING, air=0.0))
    assert values["log intensity mean to -7 mm"] == values["log intensity mean to -4.5 mm"]
    assert np.isfinite(list(values.values())).all()


def test_fine_and_coarse_texture_show_in_their_octaves():
    rng = np.random.default_rng(2)
    found = []
    for sigma in (0.7, 3.0):
        noise = ndimage.gaussian_filter(rng.standard_normal(DISTANCE.shape), [sigma / mm for mm in SPACING])
        image = np.exp(0.3 * noise / noise.std() + (DISTANCE < 0)).astype(np.float32)
        values = named(cut_out(image, DISTANCE, spacing_mm=SPACING, air=0.0))
        found.append(values["detail to 1 mm sd to -2 mm"] - values["detail to 4 mm sd to -2 mm"])
    assert found[0] > found[1] + 1


def test_a_response_sees_no_region_that_it_does_not_name(lesion):
    brighter = lesion.image * np.where(lesion.distance > 2.0, 1.7, 1.0).astype(np.float32)
    changed = replace(lesion, image=brighter)
    for (name, regions, before), (_, _, after) in zip(responses(lesion), responses(changed), strict=True):
        if "shell" not in regions:
            assert after == pytest.approx(before, abs=0.02), name
    assert named(changed)["log intensity mean to 3.5 mm"] > named(lesion)["log intensity mean to 3.5 mm"] + 0.5


def test_every_layer_has_both_figures_of_every_filter(lesion):
    assert len(named(lesion)) == 5 * 2 * (len(LAYER_EDGES_MM) - 1) + 5
