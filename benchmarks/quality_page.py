"""How large and how quick the page of `onephase check --images` is with many cases.

    python benchmarks/quality_page.py COHORT.csv [COHORT.csv ...] [--cases 1000] [--settings FILE] [--keep PAGE.html]

Every case is looked at once; where there are fewer than asked for, they come again with pictures shifted and grained
anew, so that no two are alike. Then the page is written, and opened in headless Chromium: until the first cards are
drawn, and from a choice to the next picture on the screen.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from onephase.cohort.quality.look import Look, Seen, look_at
from onephase.cohort.quality.picture import Picture
from onephase.cohort.quality.quality import OF_ALL_CASES, Decisions, JudgedCase, JudgedFlag, Quality
from onephase.cohort.quality.signature import signature
from onephase.cohort.records import Record
from onephase.cohort.table import read_cohort
from onephase.reports.quality import write_quality
from onephase.settings import Settings, read_settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
SETTLED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
CHOICES = {
    "sort by largest": "sort.value = 'largest'; sort.dispatchEvent(new Event('change'))",
    "show those with a flag": "document.querySelector('#flags button:nth-child(2)').click()",
    "show all again": "document.querySelector('#flags button').click()",
    "search for 1": "search.value = '1'; search.dispatchEvent(new Event('input'))",
    "search for nothing": "search.value = ''; search.dispatchEvent(new Event('input'))",
    "whole slices": "wide.click()",
    "open a case": "document.querySelector('.card .picture').click()",
    "close it": "document.querySelector('dialog').close()",
}


def looks_of(records: Sequence[Record], settings: Settings, *, cases: int) -> tuple[list[Record], list[Look]]:
    """Look at every case, and return as many as asked for."""
    rng = np.random.default_rng(1)
    first = [look_at(record, imaging=settings.imaging) for record in records]
    names, looks = list(records), list(first)
    for number in range(cases - len(first)):
        record, look = records[number % len(first)], first[number % len(first)]
        names.append(replace(record, case_id=f"{record.case_id}-{number}", patient_id=f"copy-{number}"))
        looks.append(
            replace(look, case_id=names[-1].case_id, seen=None if look.seen is None else _other(look.seen, rng))
        )
    return names[:cases], looks[:cases]


def _other(seen: Seen, rng: np.random.Generator) -> Seen:
    down, right = map(int, rng.integers(-30, 31, size=2))
    close, whole = (_changed(picture, (down, right), rng) for picture in (seen.close, seen.whole))
    volume = rng.normal(size=seen.volume_signature.shape).astype(np.float32)
    volume /= np.linalg.norm(volume)  # no copy of the case that it was made of
    return replace(seen, close=close, whole=whole, signature=signature(close.grey), volume_signature=volume)


def _changed(picture: Picture, shift: tuple[int, int], rng: np.random.Generator) -> Picture:
    grey = np.roll(picture.grey, shift, axis=(0, 1)) + rng.normal(0, 6, picture.grey.shape)
    return replace(picture, grey=np.clip(grey, 0, 255).astype(np.uint8))


def opened(page: Path, *, cases: int) -> dict[str, float]:
    """Return seconds (and of memory megabytes) of what a person does on a page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        tab = browser.new_page(viewport={"width": 1280, "height": 800})
        begun = time.perf_counter()
        tab.goto(page.as_uri(), wait_until="commit")
        tab.locator(".card img[src]").first.wait_for()
        told = {"first pictures": time.perf_counter() - begun}
        tab.wait_for_load_state()
        told["whole page loaded"] = time.perf_counter() - begun
        told |= {name: _after(tab, act) for name, act in CHOICES.items()}
        begun = time.perf_counter()
        while tab.locator(".card").count() < cases:
            tab.evaluate(f"scrollTo(0, document.body.scrollHeight); {SETTLED}")
        told["scroll through all"] = time.perf_counter() - begun
        told["sort with all of them drawn"] = _after(tab, CHOICES["sort by largest"])
        told["megabytes of its script"] = tab.evaluate("performance.memory.usedJSHeapSize") / 1e6
        browser.close()
    return told


def _after(tab: "Page", act: str) -> float:
    timed = f"const at = performance.now(); {act}; await {SETTLED}; return performance.now() - at;"
    return float(tab.evaluate(f"(async () => {{ {timed} }})()")) / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    settings = read_settings(given.settings) if given.settings else Settings()
    records, looks = looks_of(read_cohort(*given.tables, labelled=False).records, settings, cases=given.cases)
    flags = [[*look.flags] for look in looks]
    begun = time.perf_counter()
    for check in OF_ALL_CASES:
        for row, flag in check(records, looks):
            flags[row].append(flag)
    print(f"flags of all cases together: {time.perf_counter() - begun:.2f} s")
    cases = tuple(
        JudgedCase(record, look, tuple(map(JudgedFlag, own)))
        for record, look, own in zip(records, looks, flags, strict=True)
    )
    cohorts = dict.fromkeys(record.cohort for record in records)
    quality = Quality(cases, tuple(Decisions(name, name, (), ()) for name in cohorts))
    with tempfile.TemporaryDirectory() as folder:
        page = given.keep or Path(folder) / "quality.html"
        begun = time.perf_counter()
        began = time.process_time()
        write_quality(quality, page)
        print(f"written: {time.perf_counter() - begun:.2f} s ({time.process_time() - began:.2f} s of a processor)")
        print(f"size: {page.stat().st_size / 1e6:.1f} MB of {len(cases)} cases")
        for name, value in opened(page, cases=len(cases)).items():
            print(f"{name}: {value:.2f}{'' if 'mega' in name else ' s'}")


if __name__ == "__main__":
    main()
