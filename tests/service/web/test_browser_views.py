"""What is seen of a case in a real browser: linked planes, overlays, the figures beneath, and a corrected box."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import SimpleITK
from tests.service.web.browsing import (
    ACROSS_AND_DOWN,
    SIZE,
    WHITE,
    address_of_lesion,
    frame,
    lines,
    near,
    open_case,
    settled,
    tile,
    watch,
)
from tests.service.web.conftest import SPACING, page_of, serving

from onephase.reports.style import percent


@pytest.fixture(scope="module")
def shared_page(browser, make_reader) -> Iterator[Any]:
    """One page for all of this, as it takes a while to start."""
    with serving(make_reader()) as served, page_of(browser, served) as page:
        watch(page)
        page.keyboard.press("2")  # the axial plane alone, which software renders quickest
        yield page


@pytest.fixture
def first_case(shared_page) -> Any:
    """A page with the first case."""
    if shared_page.locator("#case", has_text=re.compile("^a$")).count() == 0:
        open_case(shared_page, 1)
    return shared_page


def test_a_click_in_one_plane_moves_the_crosshair_in_the_others(first_case, tmp_path):
    page = first_case
    page.keyboard.press("1")
    dim(page, outline=0, regions=0, attention=0)  # the volume alone: what is yellow is the crosshair
    at = {"column": 0.5, "row": 0.5, "slice": 0.46}
    for plane, place, with_the_ball in (
        ("axial", (0.71, 0.31), {"axial"}),
        ("sagittal", (0.52, 0.47), {"axial", "coronal"}),
        ("coronal", (0.52, 0.2), {"coronal", "sagittal"}),
    ):
        page.mouse.click(*on_the_screen(page, plane, place))
        at |= dict(zip(ACROSS_AND_DOWN[plane], place, strict=True))
        seen = settled(page, tmp_path)
        for name, axes in ACROSS_AND_DOWN.items():
            part = tile(page, seen, name)
            yellow = part[..., 0] - part[..., 2]
            for axis, along in zip(axes, (yellow.mean(axis=0), yellow.mean(axis=1)), strict=True):
                assert along.argmax() / along.size == pytest.approx(at[axis], abs=0.03), (plane, name, axis)
            assert (bright(part) > 1000) == (name in with_the_ball), (plane, name)
        assert bright(tile(page, seen, "solid")) > 500  # the ball in 3-D


def test_an_overlay_that_is_dimmed_to_nothing_is_gone(first_case, tmp_path):
    page = first_case
    page.keyboard.press("2")
    page.keyboard.press("c")
    dim(page, outline=0, regions=0, attention=0)
    plain = tile(page, settled(page, tmp_path), "axial")
    assert not tinted(plain).any()
    for name in ("regions", "attention"):
        dim(page, **{name: 100})
        assert tinted(tile(page, settled(page, tmp_path), "axial")).sum() > 30_000, name  # areas, not lines
        dim(page, **{name: 0})
        assert np.array_equal(tile(page, settled(page, tmp_path), "axial"), plain), name


def test_the_figures_beneath_the_picture_are_those_of_the_prediction(first_case, cohort_folder):
    page = first_case
    prediction = lesion(page)["prediction"]
    outline, regions = prediction["outline"], prediction["regions"]
    figures = dict(zip(texts(page, ".measured dt"), texts(page, ".measured dd"), strict=True))
    assert figures == {"Volume": f"{outline['measurements']['volume_ml']:.2f}\u00a0ml"} | {
        name.capitalize(): f"{outline['measurements'][f'{name}_mm']:.1f}\u00a0mm"
        for name in ("longest", "height", "depth", "width")
    }
    for region, row in zip(regions, page.locator(".regions tbody tr").all(), strict=True):
        name = {"whole": "whole patch"}.get(region["name"], region["name"])
        volume = f"{region['volume_ml']:.{2 if region['volume_ml'] < 10 else 1}f}"
        attention = f"\u00d7 {region['attention_ratio']:.2f}"
        weights = [percent(weight).removesuffix("\u00a0%") for weight in region["weights"].values()]
        assert [row.locator("th").inner_text(), *row.locator("td").all_inner_texts()] == [
            name, volume, attention, *weights,
        ]  # fmt: skip
    mask = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(cohort_folder / "a-mask.nii.gz")))
    mask_ml = np.count_nonzero(mask) * np.prod(SPACING) / 1000
    assert float(figures["Volume"].split()[0]) == pytest.approx(mask_ml, rel=0.02)


def test_numbers_are_rounded_as_the_report_rounds_them(first_case):
    halves = [11.25, 11.75, 0.125, 0.375, 0.5, 1.5, 2.5, 0.25, 3.0, 0.995, 1.005, 2.675, 0.0]
    numbers = [*halves, *np.random.default_rng(1).uniform(0, 120, 200).round(3).tolist()]
    written = first_case.evaluate(
        """async (numbers) => {
            const { fixed, percent } = await import("./page/script/words.js");
            return numbers.map((one) => [fixed(one, 0), fixed(one, 1), fixed(one, 2), percent(Math.min(one / 10, 1))]);
        }""",
        numbers,
    )
    assert written == [[f"{one:.0f}", f"{one:.1f}", f"{one:.2f}", percent(min(one / 10, 1.0))] for one in numbers]


def test_a_box_is_corrected_by_dragging_and_by_numbers(shared_page):
    page = shared_page
    page.keyboard.press("4")
    open_case(page, 2)
    dim(page, outline=100, regions=0, attention=31)
    given = bars(page)
    page.keyboard.press("b")
    before = box(page)
    assert outlined(page, "sagittal") == pytest.approx(before["row"], abs=1)
    first, last = before["row"]
    down = 1 - sum(before["slice"]) / 2 / SIZE["slice"]
    page.mouse.move(*on_the_screen(page, "sagittal", (last / SIZE["row"], down)))
    page.mouse.down()
    page.mouse.move(*on_the_screen(page, "sagittal", ((last - 3.3) / SIZE["row"], down)), steps=2)
    page.mouse.up()
    assert box(page) == before | {"row": [first, last - 3]}  # its other edges stay
    page.get_by_label("column start").fill(str(before["column"][0] + 4))
    page.keyboard.press("Tab")
    with page.expect_response("**/similar"):  # the last that comes
        page.click("#apply")
    page.wait_for_selector("#draw")
    answer = lesion(page)
    assert answer["prediction"]["outline"]["semi_automatic"]
    assert page.locator("#dim-attention").input_value() == "31"  # as it was set, and no more as usual
    assert outlined(page, "sagittal") == pytest.approx([first, last - 3], abs=1)
    page.keyboard.press("3")
    assert outlined(page, "coronal") == pytest.approx([before["column"][0] + 4, before["column"][1]], abs=1)
    now = answer["prediction"]["result"]["positive"]
    assert bars(page) == pytest.approx(now, abs=1e-6)
    assert bars(page) != pytest.approx(given, abs=1e-4)
    assert {name: page.inner_text(f"#value-{name}") for name in now} == {
        name: percent(value) for name, value in now.items()
    }


def lesion(page: Any) -> dict[str, Any]:
    """Return what the server says of the lesion that is open."""
    return dict(page.evaluate("async (path) => (await fetch(`api/${path}`)).json()", address_of_lesion(page)))


def dim(page: Any, **strengths: int) -> None:
    for name, strength in strengths.items():
        page.fill(f"#dim-{name}", str(strength))


def bright(part: np.ndarray) -> int:
    return int((part.min(axis=-1) > 120).sum())


def tinted(part: np.ndarray) -> np.ndarray:
    """Return where an overlay's colours are seen: grey, the letters and the yellow crosshair have red as green."""
    red, green, blue = np.moveaxis(part, -1, 0)
    return np.abs(red - green) > 6 + 0.1 * np.clip(red - blue, 0, None)


def texts(page: Any, selector: str) -> list[str]:
    return list(page.locator(selector).all_inner_texts())


def bars(page: Any) -> dict[str, float]:
    """Return the posterior as far as its bars are filled."""
    return {
        name: float(page.get_attribute(f"#row-{name} .fill", "style").split("scaleX(")[1].split(")")[0])
        for name in ("er", "pr", "her2", "hr")
    }


def on_the_screen(page: Any, plane: str, place: tuple[float, float]) -> tuple[float, float]:
    """Return where a place of a plane is on the screen; it is given by its parts of the width and the height."""
    stage = page.locator("#stage").bounding_box()
    left, top, width, height = frame(page, plane)
    return stage["x"] + left + place[0] * width, stage["y"] + top + place[1] * height


def box(page: Any) -> dict[str, list[float]]:
    """Return the box as its number fields show it."""
    return {
        name: [float(page.get_by_label(f"{name} {end}").input_value()) for end in ("start", "stop")] for name in SIZE
    }


def outlined(page: Any, plane: str) -> list[float]:
    """Return from which voxel edge to which the outline reaches across a plane."""
    left, top, width, height = map(round, frame(page, plane))
    drawn = lines(page)[top : top + height, left : left + width]
    columns = np.nonzero((near(drawn[..., :3], WHITE) & (drawn[..., 3] > 200)).any(axis=0))[0]
    size = SIZE[ACROSS_AND_DOWN[plane][0]]
    return [columns.min() / width * size, columns.max() / width * size]
