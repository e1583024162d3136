"""The page's colours are told apart with any colour vision."""

import re
from itertools import combinations

import numpy as np
import pytest

from onephase.service.web.app import PAGE

VISIONS = {
    "trichromacy": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
"""On linear RGB, at severity 1 (Machado, Oliveira and Fernandes 2009, doi 10.1109/TVCG.2009.113)."""
XYZ_OF_RGB = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
FAR_APART = 15
"""Orange and yellow, the nearest two of Okabe and Ito's colours on the page, are 17 apart with deuteranopia."""

SCRIPT = {path.stem: path.read_text() for path in (PAGE / "script").glob("*.js")}
STYLE = "".join(path.read_text() for path in (PAGE / "style").glob("*.css"))
NAMED = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", STYLE))


def style(rule: str) -> str:
    """Return the colour that a rule of the style sheets gives."""
    found = re.search(
        re.escape(rule) + r" \{[^}]*?(?:fill|stroke|background): (?:var\(--(\w+)\)|(#[0-9a-f]{3,6}))", STYLE
    )
    assert found is not None, rule
    return NAMED[found[1]] if found[1] else found[2]


def constant(module: str, name: str) -> list[str]:
    """Return the colours of a constant of a script."""
    found = re.search(rf"const {name} = (.*?);", SCRIPT[module])
    assert found is not None, name
    return re.findall(r"#[0-9a-f]{6}", found[1])


REGIONS = constant("words", "REGION_COLOURS")
TOGETHER = {
    "regions": REGIONS,
    "lines over the picture": [*REGIONS[:3], *constant("lines", "OUTLINE"), *constant("lines", "BOX")],
    "marks of a bar": [style(".bar .fill"), style(".marks .alone"), style(".marks .prior"), style(".bar .track")],
    "curves": [
        style(f".density {name}") for name in (".curve.now", ".curve.alone", ".curve.prior", "path.cutoff", ".interval")
    ],
    "states of a field": [NAMED["given"], NAMED["wrong"], NAMED["line"]],
    "subtypes": constant("panel", "SUBTYPE_COLOURS"),
}


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("use", TOGETHER)
def test_colours_that_are_used_together_are_told_apart(use, vision):
    assert len(set(TOGETHER[use])) == len(TOGETHER[use]) > 2
    for one, other in combinations(TOGETHER[use], 2):
        assert apart(one, other, vision) > FAR_APART, (one, other)


def test_red_and_green_of_one_lightness_would_not_do():
    red, green = "#c0504d", "#4f8a4f"
    assert apart(red, green, "trichromacy") > 70
    assert apart(red, green, "deuteranopia") < FAR_APART


def test_regions_have_the_same_colours_in_the_volume_and_beside_it():
    channels = [re.search(rf"\b{name}: \[0, (\d+), (\d+), (\d+)\]", SCRIPT["viewer"]).groups() for name in "RGB"]
    assert [tuple(map(int, each)) for each in zip(*channels, strict=True)] == [rgb(each) for each in REGIONS[:3]]


def rgb(colour: str) -> tuple[int, ...]:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    return tuple(bytes.fromhex(digits))


def apart(one: str, other: str, vision: str) -> float:
    """Return the CIE 1976 colour difference."""
    return float(np.linalg.norm(lab(one, vision) - lab(other, vision)))


def lab(colour: str, vision: str) -> np.ndarray:
    """Return a colour in CIE L*a*b* as a vision has it (of sRGB, relative to its own white)."""
    encoded = np.array(rgb(colour)) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    xyz = XYZ_OF_RGB @ np.clip(VISIONS[vision] @ linear, 0, 1) / XYZ_OF_RGB.sum(axis=1)
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_the_difference_is_that_of_an_independent_computation():
    """White and black are 100 apart; L*a*b* of sRGB's red is 53.2, 80.1, 67.2."""
    assert apart("#ffffff", "#000000", "trichromacy") == pytest.approx(100, abs=0.01)
    assert lab("#ff0000", "trichromacy") == pytest.approx([53.2, 80.1, 67.2], abs=0.1)
