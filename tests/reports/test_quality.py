"""The contact sheet: it carries everything, runs its own script alone, and says what the flags say."""

import base64
import csv
import hashlib
import io
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cohort.quality.conftest import phantom_of, record_of

from onephase.biomarkers.evidence import read_evidence
from onephase.cohort.quality.flag import QualityFlag
from onephase.cohort.quality.look import Look, look_at
from onephase.cohort.quality.quality import Decisions, JudgedCase, JudgedFlag, Quality
from onephase.imaging.case import Box
from onephase.reports.quality import quality_table, render_quality, write_quality
from onephase.settings import ImagingSettings

PATIENCE_MS = 90_000  # other tests may have the cores
HOSTILE = "</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def quality() -> Quality:
    known = read_evidence(case_id="c0", er="90%", pr="", her2="3+", hr="", ki67="32")
    sound = JudgedCase(record_of("c0", provenance="simulated", events=known), phantom_of(0).look(), ())
    gap = JudgedFlag(QualityFlag("empty-slices", f"One slice {HOSTILE}."))
    taken = JudgedFlag(QualityFlag("touches-border", "At the border."), "reaches the skin")
    doubted = JudgedCase(record_of("c1", site=HOSTILE), phantom_of(1).look(), (gap, taken))
    unread = JudgedFlag(QualityFlag("unreadable", "It is no image."))
    broken = JudgedCase(record_of("=c2"), Look("=c2", None, (unread.flag,)), (unread,))
    before = ({"case_id": "c7", "reason": "another phase", "by": "", "date": ""},)
    return Quality((sound, doubted, broken), (Decisions("clinic", "cohort", before, ()),))


def data_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def pictures_of(page: str) -> list[dict | None]:
    batches = re.findall(r'<script type="application/json" class="pictures">(.*?)</script>', page, re.DOTALL)
    return [one for batch in batches for one in json.loads(batch)]


def test_nothing_but_its_own_script_runs(quality: Quality) -> None:
    page = render_quality(quality, table_name="quality.csv")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert HOSTILE not in page
    assert "http://www.w3.org" in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)


def test_the_page_holds_pictures_labels_flags_and_decisions(quality: Quality) -> None:
    page = render_quality(quality, table_name="quality.csv")
    data = data_of(page)
    first, second, third = data["cases"]
    assert first["labels"] == ["ER positive", "HER2 positive", "HR (ER or PR) positive", "Ki-67 of 20 % or more"]
    drawn = pictures_of(page)
    assert drawn[0]["close"]["grey"].startswith("data:image/png;base64,")
    assert drawn[0]["close"]["outline"].startswith("M")
    assert [one is None for one in drawn] == [False, False, True]
    assert page.index('class="pictures"') > page.index("IntersectionObserver")  # the script does not wait for them
    assert [(flag["name"], flag["accepted"]) for flag in second["flags"]] == [
        ("empty-slices", ""),
        ("touches-border", "reaches the skin"),
    ]
    assert third["seen"] is None
    assert data["cohorts"][0]["excluded"][0]["case_id"] == "c7"
    assert "1 of 3 lesions are computer-generated" in page
    assert "1 case of the table had been left out before" in page


def test_the_table_beside_it_says_the_same(quality: Quality, tmp_path: Path) -> None:
    table = write_quality(quality, tmp_path / "quality.html")
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert table.name == "quality.csv"
    assert [row["case_id"] for row in rows] == ["c0", "c1", "'=c2"]  # no formula to a spreadsheet
    assert [row["flags"] for row in rows] == ["", "empty-slices", "unreadable"]
    assert rows[1]["accepted"] == "touches-border"
    assert float(rows[0]["row_mm"]) == 1.5
    assert rows[2]["longest_mm"] == ""
    seen = quality.cases[0].look.seen
    assert float(rows[0]["volume_ml"]) == pytest.approx(seen.volume_ml, rel=1e-4)
    assert np.isclose(float(rows[0]["contrast"]), seen.intensities["contrast"], rtol=1e-3)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed: scripts/system-packages installs it")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    flags += ["--disable-background-networking", "--disable-component-update"]
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=flags, timeout=PATIENCE_MS)
        yield browser
        browser.close()


def test_decisions_are_made_on_the_page_and_saved_with_the_old_ones(quality: Quality, browser, tmp_path: Path) -> None:
    write_quality(quality, tmp_path / "quality.html")
    with browser.new_page(viewport={"width": 1280, "height": 800}) as page:
        page.set_default_timeout(PATIENCE_MS)
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.goto((tmp_path / "quality.html").as_uri())
        assert page.locator(".card").count() == 3
        page.locator(".card img[src]").nth(1).wait_for()
        assert page.locator(".card path[d^=M]").count() == 4  # of the third there is no picture
        page.get_by_role("button", name="slices missing 1").click()
        assert page.locator(".card .name").all_inner_texts() == ["c1"]
        page.locator(".card .picture").click()
        assert page.locator("dialog .why li").first.inner_text().startswith(f"One slice {HOSTILE}.")
        page.keyboard.press("Escape")
        page.locator(".card input").check()
        page.fill("#reason", 'two foci, "left"')
        page.click("#accept")
        page.get_by_role("button", name="all 3").click()
        page.locator(".card", has_text="c0").locator("input").check()
        page.fill("#reason", "another phase")
        page.click("#exclude")
        saved = {}
        for name in ("cohort.accepted.csv", "cohort.excluded.csv"):
            with page.expect_download() as download:
                page.click(f'#files a[download="{name}"]')
            saved[name] = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    assert faults == []
    assert [(row["case_id"], row["flag"], row["reason"]) for row in saved["cohort.accepted.csv"]] == [
        ("c1", "empty-slices", 'two foci, "left"')
    ]
    assert [row["case_id"] for row in saved["cohort.excluded.csv"]] == ["c7", "c0"]  # the old line first


def test_who_scrolls_fast_comes_to_the_last_of_many_cases(quality: Quality, browser, tmp_path: Path) -> None:
    plain = (*[quality.cases[2]] * 249, quality.cases[0])  # of all but the last there is no picture to draw
    many = tuple(replace(one, record=replace(one.record, case_id=f"c{number}")) for number, one in enumerate(plain))
    write_quality(Quality(many, quality.decisions), tmp_path / "quality.html")
    to_the_end = "scrollTo(0, document.body.scrollHeight)"
    watch = f"new MutationObserver(() => {to_the_end}).observe(document.getElementById('sheet'), {{ childList: true }})"
    with browser.new_page(viewport={"width": 1280, "height": 800}) as page:
        page.set_default_timeout(PATIENCE_MS)
        page.goto((tmp_path / "quality.html").as_uri())
        assert page.locator(".card").count() < 250  # not all at once
        page.evaluate(f"{watch}; {to_the_end}")  # so the end of the sheet never leaves the screen
        page.locator(".card").nth(249).wait_for()
        page.locator(".card").last.locator("img[src]").wait_for()  # in the seventh part of the pictures


def test_neither_unknown_columns_nor_folders_reach_what_may_be_sent(tmp_path: Path) -> None:
    folder = tmp_path / "JANE_DOE"
    folder.mkdir()
    (folder / "scan.nii.gz").write_text("no image")
    record = replace(
        record_of("c0", image=folder / "scan.nii.gz", box=Box((0.0, 2.0), (0.0, 2.0), (0.0, 2.0))),
        covariates={"patient_name": "CANARY^ROSE", "born": "1961-02-03"},
    )
    look = look_at(record, imaging=ImagingSettings())
    flags = tuple(JudgedFlag(flag) for flag in look.flags)
    sheet = Quality((JudgedCase(record, look, flags),), (Decisions("clinic", "cohort", (), ()),))
    for written in (render_quality(sheet, table_name="quality.csv"), quality_table(sheet)):
        assert "scan.nii.gz" in written.lower()  # a sentence begins with it
        assert not any(canary in written for canary in ("JANE_DOE", "CANARY", "1961"))
