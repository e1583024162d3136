"""The whole way in a real browser: files dropped, a box drawn, the biopsy entered, and what is seen of it."""

import time
from typing import Any

import numpy as np
import pytest
from tests.service.web.browsing import (
    GREEN,
    ORANGE,
    WHITE,
    YELLOW,
    address_of_lesion,
    drop,
    near,
    pixels,
    settled,
)
from tests.service.web.conftest import PATIENCE_MS, SHAPE, SPACING, Served, serving

from onephase.service.web.guard import Admission


def shown(page: Any, name: str) -> float:
    """Return a probability as the panel shows it, in per cent."""
    return float(page.inner_text(f"#value-{name}").replace("\u00a0%", "").lstrip("<>"))


def test_from_a_dropped_file_to_a_conditioned_posterior(page, cohort_folder, served, tmp_path):
    drop(page, cohort_folder / "a.nii.gz")
    page.click("#send")
    page.wait_for_selector("#apply")  # nobody has outlined it: the page asks for a box
    assert "draw a box around it" in page.inner_text("#panel")
    grey = pixels(page, "#stage", tmp_path)
    assert grey.std() > 20  # the volume is seen, in three planes and in 3-D
    page.keyboard.press("2")  # from here the axial plane alone, which software renders quickest
    page.wait_for_timeout(200)
    draw_around_the_middle(page)
    assert near(pixels(page, "#stage", tmp_path), YELLOW).sum() > 100
    page.click("#apply")
    page.wait_for_selector("#draw")
    page.wait_for_selector("text=semi-automatic outline")
    page.fill("#dim-regions", "100")
    seen = settled(page, tmp_path)
    for colour in (ORANGE, GREEN, WHITE):
        assert near(seen, colour).sum() > 30, colour
    assert "9 outlines" in page.inner_text(".measured")
    assert page.is_visible("text=by outline")
    spread = served.call("GET", address_of_lesion(page)).json()["prediction"]["outline"]["spread"]["positive"]["er"]
    drawn = page.get_attribute("#row-er .spread", "width")
    assert float(drawn.rstrip("%")) == pytest.approx(100 * (spread["highest"] - spread["lowest"]), abs=0.01)

    alone = {name: shown(page, name) for name in ("er", "pr", "her2")}
    page.click("#row-er [data-sign=negative]")
    page.wait_for_selector("#forget")
    assert "The image alone had given this" in page.inner_text("#given")
    assert page.inner_text("#value-er") == "0\u00a0%"
    assert shown(page, "pr") < alone["pr"]  # ER and PR are coupled
    page.fill("#given-ki67", "30-40")
    page.press("#given-ki67", "Enter")
    page.wait_for_selector("text=80\u00a0% between 31 and 40\u00a0%")
    told = served.call("GET", address_of_lesion(page)).json()["prediction"]["result"]
    assert shown(page, "pr") == round(100 * told["positive"]["pr"])
    page.click("#forget")
    page.wait_for_selector("text=Nothing is given")
    assert {name: shown(page, name) for name in alone} == alone


def draw_around_the_middle(page: Any) -> None:
    """Drag a box around the ball in the middle of the axial plane, which is a square that fills the stage."""
    assert SHAPE[1] * SPACING[1] == SHAPE[2] * SPACING[2] == 45
    frame = page.locator("#lines").bounding_box()
    half = 0.28 * min(frame["height"], frame["width"])
    across, down = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    page.mouse.move(across - half, down - half)
    page.mouse.down()
    page.mouse.move(across, down)
    page.mouse.move(across + half, down + half)
    page.mouse.up()


def test_a_case_of_the_list_by_keyboard(page, served, tmp_path):
    page.keyboard.press("2")  # the axial plane alone, which software renders quickest
    page.keyboard.press("j")  # the first case
    page.wait_for_selector("#similar li")
    page.fill("#dim-regions", "100")
    coloured = settled(page, tmp_path)
    page.keyboard.press("r")
    outlined = settled(page, tmp_path)
    assert near(coloured, GREEN).sum() > 10 * near(outlined, GREEN).sum() + 30
    page.keyboard.press("o")
    plain = settled(page, tmp_path)
    the_outline_surrounds_the_ball(outlined, plain)

    assert page.is_hidden("text=record: 90%")  # a reading can stay blind
    page.keyboard.press("p")
    page.click("text=record: 90%")
    page.wait_for_selector("#forget")
    assert page.input_value("#given-er") == "90%"
    assert page.inner_text("#value-er") == "100\u00a0%"

    page.evaluate("() => document.querySelector('#panel').scrollTo(0, 9999)")
    assert 0 <= page.locator("#research").bounding_box()["y"] < 60
    first = address_of_lesion(page)
    page.locator("body").click(position={"x": 5, "y": 5})
    with page.expect_response("**/similar"):  # the last that comes: a page that still draws may end without farewell
        page.keyboard.press("j")
    assert page.is_visible("text=the bundle has learned from it")
    assert forgotten(served, first)  # the one before
    second = address_of_lesion(page)
    assert served.call("GET", second).status_code == 200
    page.goto("about:blank")
    assert forgotten(served, second)


def forgotten(served: Served, lesion: str) -> bool:
    """Return whether the server forgets a lesion: the page says farewell without waiting, so that may take a while."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if served.call("GET", lesion).status_code == 404:
            return True
        time.sleep(0.1)
    return False


def the_outline_surrounds_the_ball(outlined: np.ndarray, plain: np.ndarray) -> None:
    """What the outline adds is a ring of 12 mm about the ball, bright within and grey without."""
    rows, columns = np.nonzero(np.abs(outlined - plain).max(axis=-1) > 40)
    assert rows.size > 100
    (top, bottom), (left, right) = (rows.min(), rows.max()), (columns.min(), columns.max())
    middle_row, third = (top + bottom) // 2, (right - left) // 6
    inside = plain[middle_row - 6 : middle_row + 6, left + third : left + 2 * third].mean()
    outside = plain[middle_row - 6 : middle_row + 6, left - 3 * third : left - 2 * third].mean()
    assert inside > outside + 60
    assert (bottom - top) * 45 / plain.shape[0] == pytest.approx(12.0, abs=2.5)


def test_nothing_overflows_and_the_research_line_is_in_view(page):
    assert "Research use only" in page.inner_text("#research")
    assert page.is_visible("#simulated")
    for size in ({"width": 1280, "height": 800}, {"width": 1920, "height": 1080}):
        page.set_viewport_size(size)
        beyond = page.evaluate(
            "() => { const { scrollWidth, scrollHeight } = document.documentElement;"
            " return [scrollWidth - innerWidth, scrollHeight - innerHeight]; }"
        )
        assert beyond == [0, 0]
    page.keyboard.press("?")
    assert page.is_visible("#keys")


def test_a_token_is_taken_out_of_the_address_and_carried(browser, make_reader):
    token = "drawn-by-chance-of-course"  # noqa: S105 - of this test
    with serving(make_reader(), Admission(token=token)) as served:
        opened = browser.new_page()
        opened.set_default_timeout(PATIENCE_MS)
        opened.goto(f"{served.address}/#token={token}")
        opened.wait_for_selector("body[data-ready]")
        assert opened.url == f"{served.address}/"
        assert opened.locator("#cases li").count() == 4
        opened.close()
        stranger = browser.new_context().new_page()
        stranger.set_default_timeout(PATIENCE_MS)
        stranger.goto(served.address)
        stranger.wait_for_selector("text=The token is missing or wrong")
        assert stranger.locator("#cases li").count() == 0
        stranger.close()
