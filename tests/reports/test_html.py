"""The page says what must be said, holds everything it needs, and lets nothing foreign in."""

import base64
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from onephase.inference.cautions import training_caution
from onephase.inference.outcome import Outcome
from onephase.inference.outline_spread import OutlineSpread
from onephase.inference.prediction import RESEARCH_USE, Outline, Prediction
from onephase.reports.html import render_report, write_index, write_report

Made = Callable[..., Prediction]
VOID = {"meta", "link", "br", "img", "input", "hr"}
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """A page taken apart: its tags with attributes, its text, and whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\u00a0", " ").split())


def test_the_page_is_well_formed_and_alone(told: Prediction) -> None:
    html = render_report(told)
    page = Page(html)
    assert page.open == []
    names = {tag for tag, _ in page.tags}
    assert names.isdisjoint({"script", "link", "iframe", "object", "embed", "form", "img"})
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith("data:image/png;base64,")
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r"base64,[\w+/=]+", "", html))
    policy = next(tag["content"] for _, tag in page.tags if tag.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_what_must_be_said_is_said(made: Made) -> None:
    text = Page(render_report(made())).text
    assert RESEARCH_USE in text
    assert "SIMULATED" in text
    assert training_caution("simulated") in text
    assert "The shell is cut by the border of the volume." in text
    assert "no reliable use (IKWG" in text
    assert "does not look for lesions" in text
    assert "undecided" in text


def test_a_bundle_of_real_cases_is_not_called_simulated(made: Made) -> None:
    prediction = made()
    real = made(training_caution="", origin=replace(prediction.origin, trained_on="real"))
    assert "SIMULATED" not in render_report(real)


def test_a_semi_automatic_outline_is_marked(made: Made) -> None:
    assert "drawn by a program" not in render_report(made())
    drawn = Page(render_report(made(outline=Outline("semi-automatic (a threshold)", {})))).text
    assert "lesion surface (drawn by a program)" in drawn
    assert "Semi-automatic (a threshold)" in drawn


def test_the_spread_over_outlines_is_shown(made: Made) -> None:
    told = made()
    positive = dict.fromkeys(told.reading.positive, (0.123, 0.877))
    spread = OutlineSpread(
        9, 1.0, (0.51, 2.62), positive, (6.6, 31.4), dict.fromkeys(told.reading.subtypes, (0.0, 0.5))
    )
    page = render_report(made(outline=replace(told.outline, spread=spread)))
    assert "mixed from 9 plausible outlines of this lesion, 0.51 to 2.62 ml" in page
    section = page[page.index('id="outlines"') : page.index('id="regions"')]
    assert section.count('<td class="number">12') == section.count('<td class="number">88') == 3
    assert "plausible outlines" not in render_report(told)


def test_what_was_given_is_shown_with_what_moved(made: Made, told: Prediction) -> None:
    assert "What was given" not in render_report(made())
    text = Page(render_report(told)).text
    assert "Given: HER2 positive; Ki-67 18 % to <19 %" in text
    assert "Settled by what was given" in text
    assert "100 % settled, prior" in text
    assert "settled, prior" not in Page(render_report(made())).text


def test_foreign_text_is_escaped_everywhere(made: Made) -> None:
    prediction = made()
    origin = replace(prediction.origin, bundle_name=EVIL, phase=EVIL, acquisition={EVIL: EVIL}, versions={EVIL: EVIL})
    page = Page(
        render_report(made(case_id=EVIL, warnings=(EVIL,), origin=origin, outline=Outline(EVIL, {f"{EVIL}_mm": 1.0})))
    )
    assert page.open == []
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img"})
    assert page.text.count("alert(1)") >= 6


def test_pictures_are_png_and_described(made: Made) -> None:
    page = Page(render_report(made()))
    pictures = [tag["href"] for name, tag in page.tags if name == "image"]
    assert len(pictures) == 9  # three planes, and three again with attention laid over them
    for picture in pictures:
        assert picture is not None
        content = base64.b64decode(picture.partition(",")[2])
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        length = int.from_bytes(content[33:37], "big")
        zlib.decompress(content[41 : 41 + length])
    drawings = [tag for name, tag in page.tags if name == "svg"]
    assert all(tag["role"] == "img" and tag["aria-label"] for tag in drawings)
    assert any("sagittal plane" in (tag["aria-label"] or "") for tag in drawings)


def test_the_numbers_are_the_predictions(made: Made) -> None:
    prediction = made()
    text = Page(render_report(prediction)).text
    assert f"ER positive {prediction.reading.positive['er']:.0%}".replace("%", " %") in text
    assert f"Ki-67, median {prediction.reading.ki67.median_percent:.0f} %" in text


def test_even_attention_is_called_even(made: Made) -> None:
    prediction = made()
    flat = tuple(replace(region, attention_ratio=1.02) for region in prediction.regions)
    steep = (replace(flat[0], attention_ratio=1.4), *flat[1:])
    assert "Attention is even" in Page(render_report(replace(prediction, regions=flat))).text
    assert "Attention is even" not in Page(render_report(replace(prediction, regions=steep))).text


def test_the_same_prediction_makes_the_same_page(made: Made) -> None:
    assert render_report(made()) == render_report(made())


@pytest.mark.parametrize("ki67", ["0", "100", "18"])
def test_a_known_ki67_can_be_drawn(made: Made, ki67: str) -> None:
    import numpy as np

    from onephase.biomarkers.evidence import read_evidence
    from onephase.biomarkers.posterior import PanelPosterior
    from onephase.biomarkers.potentials import Potentials
    from onephase.inference.reading import read_off

    potentials = Potentials(np.zeros((1, 3)), np.array([-1.0]), np.array([1.0]), np.zeros(3), np.zeros(3))
    known = PanelPosterior.from_potentials(potentials).given(read_evidence(case_id="a", ki67=ki67))
    html = render_report(made(reading=read_off(known, policy="ki67_20")[0]))
    assert "nan" not in Page(html).text.lower()
    assert not re.search(r'="[^"]*\b(nan|inf)\b', html.replace("base64", ""))


def test_the_index_links_reports_and_lists_failures(made: Made, tmp_path: Path) -> None:
    answer = made().to_json()
    outcomes = [
        Outcome("a/b", "a%2Fb", answer),
        Outcome(EVIL, "c", answer, skipped=True),
        Outcome("lost", "", None, problem="image x.nii is missing"),
    ]
    write_index(outcomes, tmp_path / "index.html")
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    links = [tag["href"] for name, tag in page.tags if name == "a"]
    assert links == ["a%252Fb/report.html", "c/report.html"]
    assert "image x.nii is missing" in page.text
    assert "Predictions of 2 cases" in page.text
    assert "SIMULATED" in page.text
    assert "script" not in {tag for tag, _ in page.tags}


def test_a_full_disk_leaves_the_old_report(made: Made, tmp_path: Path) -> None:
    """A file-size limit stands for the full disk, in a process of its own."""
    path = tmp_path / "report.html"
    write_report(made(), path)
    before = path.read_bytes()
    program = f"""
import resource
from pathlib import Path
from onephase.errors import StorageError
from onephase.inference.outcome import Outcome
from onephase.reports.html import write_index
path = Path({str(path)!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (600, resource.RLIM_INFINITY))
try:
    write_index([], path)
except StorageError as fault:
    print(fault)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "file-size limit is reached; nothing was left half-written" in done.stdout
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_facts_of_the_acquisition_carry_their_unit_and_the_phase_stands_once(made: Made) -> None:
    acquisition = {"field_strength_tesla": "1.5", "slice_thickness_mm": "2", "scanner": "SIGNA", "phase": "2 of 3"}
    origin = replace(made().origin, phase="phase 2 of 3, because it was asked for", acquisition=acquisition)
    text = Page(render_report(made(origin=origin))).text
    for words in ("field strength 1.5 T", "slice thickness 2 mm", "scanner SIGNA"):
        assert words in text
    assert text.count("2 of 3") == 1
