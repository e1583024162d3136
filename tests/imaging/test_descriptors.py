"""Region descriptors: what they mean on bodies of known shape, and what must not change them."""

from dataclasses import replace

import numpy as np
import pytest

from onephase.errors import ImageError
from onephase.imaging.descriptors import DESCRIPTORS, describe, descriptors_within
from onephase.imaging.lesion import FARTHEST_ABOVE_AIR, cut_out
from onephase.imaging.yardsticks import LEVELS, MIXTURE, Yardsticks

SPACING = (1.5, 1.2, 1.0)
AIR = -0.3
AGAINST = Yardsticks(AIR, np.linspace(0.5, 1.4, len(LEVELS)), np.array([-2.0, -1.5, 0.6]))
WHERE = np.stack(
    np.meshgrid(
        *[(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip((30, 36, 42), SPACING, strict=True)], indexing="ij"
    )
)


def ball(radius, centre=(0.0, 0.0, 0.0)):
    away = np.linalg.norm(WHERE - np.array(centre)[:, None, None, None], axis=0)
    return (away - radius).astype(np.float32)


def picture(distance, seed=0):
    noise = np.random.default_rng(seed).standard_normal(distance.shape) * 0.05
    return (np.where(distance < 0, 1.0, 0.2) + noise).astype(np.float32)


def named(image, distance):
    return dict(zip(DESCRIPTORS, describe(image, distance, spacing_mm=SPACING, against=AGAINST), strict=True))


def test_names_are_unique():
    assert len(set(DESCRIPTORS)) == len(DESCRIPTORS)
    assert len(DESCRIPTORS) == 287  # the phenotype stage is taught for these


@pytest.mark.parametrize("radius", [5.0, 9.0])
def test_a_ball_has_its_volume_and_diameter(radius):
    features = named(picture(ball(radius)), ball(radius))
    assert np.exp(features["log volume"]) == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.05)
    assert np.exp(features["log longest"]) == pytest.approx(2 * radius, rel=0.1)
    assert features["elongation"] == pytest.approx(1, abs=0.06)


def test_gain_and_offset_do_not_matter():
    distance = ball(8.0)
    image = picture(distance)
    one = describe(image, distance, spacing_mm=SPACING, against=AGAINST)
    other = describe(
        37 * image + 250, distance, spacing_mm=SPACING, against=AGAINST.in_units(air=37 * AIR + 250, scale=1 / 37)
    )
    np.testing.assert_allclose(one, other, atol=2e-3)


def test_a_reflection_does_not_matter():
    distance = ball(7.0, centre=(2.0, -3.0, 1.0))
    image = picture(distance)
    one = describe(image, distance, spacing_mm=SPACING, against=AGAINST)
    other = describe(image[::-1, :, ::-1], distance[::-1, :, ::-1], spacing_mm=SPACING, against=AGAINST)
    np.testing.assert_allclose(one, other, atol=2e-3)


def test_a_ring_a_texture_and_a_spike_show_where_they_should():
    distance = ball(9.0)
    plain = named(picture(distance), distance)
    ring = named(picture(distance) - 0.5 * (distance < -3), distance)
    assert ring["rim 0-0.15 of depth"] - ring["rim 0.65-inf of depth"] > 0.5
    assert abs(plain["rim 0-0.15 of depth"] - plain["rim 0.65-inf of depth"]) < 0.1
    rough = named(picture(distance) + 0.3 * np.sin(WHERE[2] * 2).astype(np.float32), distance)
    assert rough["texture spread"] > plain["texture spread"] + 0.5
    spike = np.minimum(distance, np.abs(WHERE[:2]).max(axis=0) - 1.3 + 30 * (WHERE[2] > 15)).astype(np.float32)
    assert named(picture(spike), spike)["spikes at 2.4 mm"] > plain["spikes at 2.4 mm"] + 0.01


@pytest.mark.parametrize("radius", [0.9, 1.6, 3.0])
def test_the_smallest_lesions_have_finite_features(radius):
    distance = ball(radius, centre=(0.75, 0.6, 0.5))
    assert (distance < 0).any()
    assert np.isfinite(describe(picture(distance), distance, spacing_mm=SPACING, against=AGAINST)).all()


def test_a_lesion_between_voxels_is_described_by_the_nearest():
    distance = ball(0.3, centre=(0.0, 0.6, 0.5))
    assert (distance > 0).all()
    features = named(picture(distance), distance)
    assert all(np.isfinite(value) for value in features.values())
    assert np.exp(features["log volume"]) <= 8 * np.prod(SPACING)


def test_a_lesion_that_fills_the_patch_has_finite_features():
    distance = np.full(WHERE.shape[1:], -3.0, dtype=np.float32)
    assert np.isfinite(describe(picture(distance), distance, spacing_mm=SPACING, against=AGAINST)).all()


@pytest.mark.parametrize("radius", [1.0, 3.0, 6.0])
def test_a_lesion_darker_than_all_around_it_has_finite_features(radius):
    """Within bright fat, or where an outline lies beside its lesion."""
    distance = ball(radius)
    features = describe(-picture(distance), distance, spacing_mm=SPACING, against=AGAINST)
    assert np.isfinite(features).all()
    assert np.abs(features).max() < 50  # one such case in a cohort must not stand for all of its spread


@pytest.mark.parametrize(("air", "above"), [(0.05, 0.1), (-0.2, 0.35), (0.3, 0.0)])
def test_how_bright_the_surroundings_are_counts_from_air(air, above):
    distance = ball(8.0)
    image = np.where(distance < 0, 1.0, 0.15).astype(np.float32)
    against = replace(AGAINST, air=air)
    found = dict(zip(DESCRIPTORS, describe(image, distance, spacing_mm=SPACING, against=against), strict=True))
    assert found["surroundings to lesion above air"] == pytest.approx(above / (0.85 + above), abs=1e-3)
    assert np.exp(found["log surroundings above air"]) - 0.05 == pytest.approx(above / 0.85, abs=1e-3)


def test_a_yardstick_is_told_against_the_lesion_both_above_air():
    distance = ball(8.0)
    image = np.where(distance < 0, 1.0, 0.2).astype(np.float32)
    found = named(image, distance)
    for name, level in zip(LEVELS, AGAINST.levels, strict=True):
        assert np.exp(found[f"log {name} to lesion"]) == pytest.approx(level / (1.0 - AIR), rel=0.1)  # FAINT is added
    assert [found[name] for name in MIXTURE] == pytest.approx(AGAINST.mixture)
    dimmer = named(0.2 + 0.5 * (image - 0.2), distance)
    apart = {name: dimmer[f"log {name} to lesion"] - found[f"log {name} to lesion"] for name in LEVELS}
    assert list(apart.values()) == pytest.approx([np.log(1.3 / 0.9)] * len(LEVELS), abs=0.06)


@pytest.mark.parametrize(("inside", "outside"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.2)], ids=["alike", "dark", "bright"])
def test_a_yardstick_as_bright_as_the_lesion_is_no_brighter_and_no_darker(inside, outside):
    distance = ball(8.0)
    image = np.where(distance < 0, inside, outside).astype(np.float32)
    against = Yardsticks(0.0, np.full(len(LEVELS), inside), AGAINST.mixture)
    found = dict(zip(DESCRIPTORS, describe(image, distance, spacing_mm=SPACING, against=against), strict=True))
    assert [found[f"log {name} to lesion"] for name in LEVELS] == pytest.approx([0.0] * len(LEVELS), abs=0.06)


def test_air_is_not_endlessly_far_from_a_lesion_as_bright_as_its_surroundings():
    distance = ball(8.0)
    assert cut_out(np.ones_like(distance), distance, spacing_mm=SPACING, air=0.0).above_air == FARTHEST_ABOVE_AIR


def test_a_void_in_the_middle_of_a_lesion_has_finite_features():
    """As a clip leaves it after a biopsy: nothing within is as bright as half of what is usual there."""
    distance = ball(3.0)
    image = np.where(distance < -1, np.float32(-5), picture(distance))
    assert np.isfinite(describe(image, distance, spacing_mm=SPACING, against=AGAINST)).all()


def test_a_patch_without_a_lesion_is_refused():
    said = "the signed distance is 4 mm or more everywhere.*give each lesion a row and an outline of its own"
    with pytest.raises(ImageError, match=f"no lesion lies in the patch: {said}"):
        describe(
            picture(ball(5.0)), np.full(WHERE.shape[1:], 4.0, dtype=np.float32), spacing_mm=SPACING, against=AGAINST
        )


def test_a_descriptor_of_a_region_does_not_see_the_others():
    distance = ball(9.0)
    image = picture(distance)
    inner = descriptors_within({"core", "rim"})
    assert set(descriptors_within({"core"})) < set(inner)
    assert {DESCRIPTORS[place].split()[0] for place in inner} >= {"core", "rim", "texture", "variogram", "elongation"}
    assert len(descriptors_within({"core", "rim", "shell"})) == len(DESCRIPTORS)
    assert len(descriptors_within({"whole"})) == 0
    image[(distance > 10) & (WHERE[0] < -8)] = -0.5  # the darkest of the surroundings, from which all is measured
    before = describe(image, distance, spacing_mm=SPACING, against=AGAINST)
    after = describe(image + 0.3 * ((distance >= 2) & (WHERE[0] > 5)), distance, spacing_mm=SPACING, against=AGAINST)
    changed = {DESCRIPTORS[place] for place in np.flatnonzero(np.abs(after - before) > 0.05)}
    inside = {DESCRIPTORS[place] for place in inner}
    assert changed
    assert changed & inside == set()
