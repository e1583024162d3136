import re

import pytest

from onephase.evaluation.pages.figures import ForestGroup, forest, forests
from onephase.evaluation.pages.pens import LETTER_WIDTH
from onephase.statistics.estimate import Estimate

ROWS = [("cohort: onephase", Estimate(0.6, 0.5, 0.7, 40)), ("cohort: prior", Estimate.absent("one class", n=40))]
TITLE = re.compile(r'<text x="([\d.]+)" y="18" [^>]*>([^<]+)</text>')


def _spans(drawing: str) -> list[tuple[float, float]]:
    """Return where each title begins and ends, as wide as its letters."""
    halves = [(float(x), LETTER_WIDTH * len(title) / 2) for x, title in TITLE.findall(drawing)]
    return [(x - half, x + half) for x, half in halves]


@pytest.mark.parametrize("title", ["ER", "Panel log-likelihood over the prior, in words that are long"])
def test_no_title_is_cut_or_laid_over_its_neighbour(title: str) -> None:
    drawing = str(forest([(title, ROWS), (title, ROWS)], reference=0.5, axis="AUC", highlighted=": onephase"))
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', drawing)[1])
    (start, stop), (next_start, next_stop) = _spans(drawing)
    assert 0 <= start < stop <= next_start < next_stop <= width


def test_each_group_has_its_own_scale_and_the_labels_stand_once() -> None:
    wide = [("a", Estimate(40.0, 30.0, 50.0, 9)), ("b", Estimate(10.0, 5.0, 15.0, 9))]
    narrow = [("a", Estimate(-0.01, -0.02, 0.0, 9)), ("b", Estimate(0.01, 0.0, 0.02, 9))]
    groups = (ForestGroup([("one", wide)] * 4, 0.0, "points"), ForestGroup([("two", narrow)] * 3, 0.0, "change"))
    drawing = str(forests(groups))
    assert drawing.count(">a</text>") == 1
    assert drawing.count(">points</text>") == 4
    assert drawing.count(">change</text>") == 3
    assert ">40</text>" in drawing
    assert ">-0.02</text>" in drawing
