"""Charts put numbers where they belong."""

import re

import matplotlib.image
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.inference.prediction import Prediction
from onephase.reports.charts import BAR_WIDTH, ki67_curve, probability_bar, subtype_bar
from onephase.reports.lesion import regions_picture
from onephase.reports.png import grey_picture, heat_picture
from onephase.reports.style import SUBTYPE_COLOURS, percent
from onephase.reports.svg import Scale, element
from onephase.settings import RegionSettings


def decoded(address: str) -> np.ndarray:
    """Read a picture back with another program's reader."""
    import base64
    import io

    return np.asarray(matplotlib.image.imread(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


def test_a_grey_picture_comes_back() -> None:
    image = np.arange(4 * 6, dtype=np.uint8).reshape(4, 6) * 10
    assert np.allclose(decoded(grey_picture(image)) * 255, image, atol=0.01)


def test_heat_is_transparent_where_there_is_none() -> None:
    strength = np.array([[0.0, 0.5, 1.0], [2.0, -1.0, 0.25]], dtype=np.float32)
    picture = decoded(heat_picture(strength))
    assert picture.shape == (2, 3, 4)
    assert picture[0, 0, 3] == picture[1, 1, 3] == 0
    assert picture[0, 2].tolist() == picture[1, 0].tolist()
    assert np.all(np.diff(picture[0, :, 3]) > 0)


@given(probability=st.floats(0, 1), prior=st.floats(0, 1))
def test_a_bar_is_as_long_as_its_probability(probability: float, prior: float) -> None:
    bar = str(probability_bar(probability, prior=prior, name="ER"))
    whole, filled = (float(width) for width in re.findall(r'<rect[^>]* width="([\d.]+)"', bar))
    assert filled / whole == pytest.approx(probability, abs=0.001)
    tick = float(re.findall(r'd="M([\d.]+) ', bar)[0])
    assert (tick - 1) / (BAR_WIDTH - 2) == pytest.approx(prior, abs=0.001)


def test_the_subtype_bar_shares_its_length(told: Prediction) -> None:
    shares = dict(zip("abcdef", (0.1, 0.2, 0.3, 0.15, 0.25, 0.0), strict=True))
    bar = str(subtype_bar(shares))
    widths = [float(width) for width in re.findall(r' width="([\d.]+)"', bar)]
    assert widths == pytest.approx([1000 * share for share in shares.values()])
    assert [colour in bar for colour in SUBTYPE_COLOURS] == [True] * 6


def test_the_curve_names_its_cutoffs_and_median(told: Prediction) -> None:
    curve = str(ki67_curve(told.prior.ki67, prior=told.prior.ki67))
    assert ">14<" in curve
    assert ">20<" in curve
    assert f"median {told.prior.ki67.median_percent:.0f}" in curve


def test_contours_lie_at_their_distance(told: Prediction) -> None:
    plane = told.view[0]
    picture = str(regions_picture(plane, RegionSettings()))
    reach = [
        np.array(re.findall(r"([\d.]+) ([\d.]+)", data), dtype=float)
        for data in re.findall(r'<path d="(M[^"]+Z?)"', picture)
    ]
    side = len(plane.image) * 0.5
    radii = [np.linalg.norm(points - points.mean(axis=0), axis=1).mean() for points in reach[0:8:2] if len(points) > 8]
    assert side > 40
    assert radii == pytest.approx([9 + 6, 9 + 2, 9 - 2, 9], abs=0.3)  # shell, rim, core, surface


@given(st.floats(0, 1))
def test_per_cent_never_claims_certainty_it_has_not(probability: float) -> None:
    text = percent(probability).replace("\u00a0", " ")
    assert (text in {"0 %", "100 %"}) == (min(probability, 1 - probability) <= 1e-9)


def test_elements_escape_text_and_attributes() -> None:
    assert str(element("text", "<a>", fill='"x"', x=1)) == '<text fill="&#34;x&#34;" x="1">&lt;a&gt;</text>'


def test_a_scale_maps_its_ends() -> None:
    scale = Scale(-1.0, 3.0, 10.0, 50.0)
    assert (scale(-1.0), scale(1.0), scale(3.0)) == (10.0, 30.0, 50.0)
