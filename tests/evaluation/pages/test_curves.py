from xml.etree import ElementTree

import pytest

from onephase.evaluation.pages.curves import Panel, Points, curve_panels
from onephase.statistics.estimate import Estimate


def _points(*values: float | None) -> Points:
    return tuple(
        (
            float(x),
            Estimate.absent("none", n=9) if value is None else Estimate(value, value - 0.1, value + 0.1, n=9),
        )
        for x, value in enumerate(values)
    )


def _numbers(path: ElementTree.Element) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split())) for pair in path.attrib["d"].strip("MZ").split("L")]


def _paths(panels: list[Panel]) -> tuple[ElementTree.Element, list[ElementTree.Element]]:
    root = ElementTree.fromstring(str(curve_panels(panels, across="share", up="error")))  # noqa: S314
    return root, list(root.iter("path"))


def test_the_first_curve_has_its_interval_and_higher_is_further_up() -> None:
    root, paths = _paths([Panel("ER", {"ours": _points(0.1, 0.3), "theirs": _points(0.2, 0.2)}, {})])
    bands = [path for path in paths if path.attrib["fill"] != "none"]
    assert len(bands) == 1
    first, second = (
        path for path in paths if path.attrib.get("stroke-width") == "2" and "0072b2" in path.attrib["stroke"]
    )
    (x0, y0), (x1, y1) = _numbers(first)
    assert x0 < x1
    assert y0 > y1
    assert len(_numbers(second)) == 2  # the sample in the key
    assert root.attrib["aria-label"] == "error over share: ER"
    assert {text.text for text in root.iter("text")} >= {"ER", "ours", "theirs", "share", "error"}


def test_curves_wholly_below_the_floor_leave_an_axis() -> None:
    panel = Panel("ER", {"ours": _points(-2.0, -3.0)}, {}, floor=-0.1)
    assert "net benefit" in curve_panels([panel], across="threshold", up="net benefit")


def test_what_falls_below_the_floor_leaves_the_panel_there() -> None:
    panel = Panel("ER", {"ours": _points(0.4, 0.2, 0.1)}, {"all": _points(0.4, -0.5, -3.0)}, floor=-0.1)
    _, paths = _paths([panel])
    reference = _numbers(next(path for path in paths if path.attrib["stroke-dasharray"] == "6 4"))
    assert len(reference) == 2
    lowest = max(y for path in paths for _, y in _numbers(path)[:2])
    assert reference[1][1] <= lowest


@pytest.mark.parametrize(("panels", "rows"), [(1, 1), (4, 1), (5, 2), (9, 3)])
def test_panels_stand_four_in_a_row(panels: int, rows: int) -> None:
    root, _ = _paths([Panel(str(number), {"ours": _points(0.1, 0.2)}, {}) for number in range(panels)])
    one, _ = _paths([Panel("0", {"ours": _points(0.1, 0.2)}, {})])
    width, height = (float(part) for part in root.attrib["viewBox"].split()[2:])
    _, alone = (float(part) for part in one.attrib["viewBox"].split()[2:])
    assert height - alone == pytest.approx((rows - 1) * (alone - 20))
    assert width <= 1080


def test_an_absent_point_is_left_out() -> None:
    _, paths = _paths([Panel("ER", {"ours": _points(0.1, None, 0.3)}, {})])
    line = next(path for path in paths if path.attrib.get("stroke-width") == "2")
    assert len(_numbers(line)) == 2
