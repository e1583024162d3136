from xml.etree import ElementTree

import pytest

from onephase.evaluation.pages.document import Document, Figure, Section
from onephase.reports.svg import drawing, text


@pytest.mark.parametrize(("simulated", "foot"), [("3 of 5 cases are simulated.", ["SIMULATED"]), ("", [])])
def test_a_drawing_that_leaves_its_page_says_that_its_cases_are_simulated(simulated, foot):
    figure = Figure("chart", drawing(text("a bar", (3, 4)), width=200, height=50.5, label="a chart"))
    document = Document("kicker", "title", simulated, (), (Section("part", figures=(figure,)),))
    root = ElementTree.fromstring(document.parts()["figures/chart.svg"])  # noqa: S314 - our own
    words = [element.text for element in root.iter() if element.tag.endswith("}text")]
    assert words[0] == "a bar"
    assert [said.split()[0] for said in words[1:]] == foot
    *_, width, height = root.attrib["viewBox"].split()
    assert float(width) == 200
    assert float(height) == 50.5 + 18 * len(foot)
