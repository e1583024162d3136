from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from onephase.evaluation.pages.document import Document, Figure, Section
from onephase.evaluation.pages.page import write_study
from onephase.evaluation.pages.table import Table
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.study import Study
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


@pytest.mark.parametrize(
    ("simulated", "rows"),
    [
        ("3 of 5 cases are simulated. Never of patients.", ["a,b,simulated", "1,2,3 of 5 cases are simulated"]),
        ("", ["a,b", "1,2"]),
    ],
)
def test_a_table_that_leaves_its_page_says_it_in_every_row(simulated: str, rows: list[str]) -> None:
    table = Table("counts", "Counts.", ("a", "b"), (("1", "2"),))
    document = Document("kicker", "title", simulated, (), (Section("part", tables=(table,)),))
    assert document.parts()["tables/counts.csv"].splitlines() == rows


def test_the_long_table_says_it_too(few: Predictions, few_study: Study, tmp_path: Path) -> None:
    write_study(tmp_path, replace(few_study, simulated=28), few)
    head, *rows = (tmp_path / "tables" / "figures.csv").read_text().splitlines()
    assert head.endswith(",reason,simulated")
    assert all(row.endswith(",28 of 28 scored cases are simulated") for row in rows)
