from dataclasses import replace

import numpy as np
import pytest
from tests.cohort.quality.conftest import record_of

from onephase.cohort.quality.intensities import intensities
from onephase.cohort.quality.site_flags import field_in_gauss, intensity_outlier, spacing_of_one


def rows_of(check, phantoms, *, sites=None, covariates=None):
    looks = [phantom.look() for phantom in phantoms]
    records = [
        record_of(look.case_id, site=(sites or {}).get(row, "s"), covariates=(covariates or {}).get(row, {}))
        for row, look in enumerate(looks)
    ]
    return {row: flag.reason for row, flag in check(records, looks)}


def test_a_spacing_of_one_among_others(phantoms) -> None:
    some = [*phantoms[:4], phantoms[4].with_spacing(1.0, 1.0, 1.0)]
    found = rows_of(spacing_of_one, some)
    assert list(found) == [4]
    assert "that of the site's other images 2.5 x 1.5 x 1.25 mm (median)" in found[4]


def test_a_site_that_scans_at_one_millimetre_is_believed(phantoms) -> None:
    ones = [phantom.with_spacing(1.0, 1.0, 1.0) for phantom in phantoms[:4]]
    assert rows_of(spacing_of_one, ones) == {}
    assert rows_of(spacing_of_one, [*ones, *phantoms[4:]], sites=dict.fromkeys(range(4), "other")) == {}


@pytest.mark.parametrize(
    ("column", "text", "flagged"),
    [
        ("field_strength_t", "15000", True),
        ("MagneticFieldStrength", "30000", True),
        ("field_strength", "1.5", False),
        ("field_strength", "3T", False),
        ("field_strength", "unknown", False),
        ("age", "61", False),
    ],
)
def test_a_field_strength_in_gauss(phantoms, column: str, text: str, flagged: bool) -> None:
    found = rows_of(field_in_gauss, phantoms[:2], covariates={1: {column: text}})
    assert list(found) == ([1] if flagged else [])
    if flagged:
        assert f"Column {column} says {text}, which no magnet has in tesla" in found[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image: 1e4 * image, "the range of its values"),
        (lambda image: image.max() - image, "the brightness of its lesion"),
        (lambda image: image + np.random.default_rng(1).normal(0, 150, image.shape), "its noise or sharpness"),
    ],
)
def test_an_image_unlike_its_site(phantoms, change, words: str) -> None:
    assert rows_of(intensity_outlier, phantoms) == {}
    odd = [*phantoms[:7], phantoms[7].with_image(change(phantoms[7].image)), *phantoms[8:]]
    found = rows_of(intensity_outlier, odd)
    assert list(found) == [7]
    assert words in found[7]


def test_an_image_of_one_column_has_no_steps_and_spoils_no_sites_median(phantom) -> None:
    scene = phantom.scene()
    one_column = {name: getattr(scene, name)[:, :, 45:46] for name in ("image", "region", "lesion")}
    one = replace(scene, **one_column)
    assert intensities(one)["roughness"] == pytest.approx(-9)


def test_fewer_than_ten_cases_are_no_site(phantoms) -> None:
    odd = [*phantoms[:8], phantoms[8].with_image(1e4 * phantoms[8].image)]
    assert rows_of(intensity_outlier, odd) == {}
