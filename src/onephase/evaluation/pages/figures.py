"""The figures of a study as inline SVG: forests, reliability, scatter."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from onephase.arrays import Float64
from onephase.evaluation.pages.pens import (
    FOOT,
    GAP,
    HEAD,
    LEFT,
    LETTER_WIDTH,
    SQUARE,
    TEXT,
    axis_across,
    axis_up,
    stroke,
    whole,
    words,
)
from onephase.reports.style import ACCENT, INK, MUTED
from onephase.reports.svg import Scale, element
from onephase.statistics.calibration import Bin
from onephase.statistics.estimate import Estimate

ROW_HEIGHT = 22.0
PANEL_WIDTH, NARROW_PANEL_WIDTH = 190.0, 96.0
FEW_PANELS = 4  # beside which the labels leave room for wide ones

Row = tuple[str, Estimate]


@dataclass(frozen=True, slots=True)
class ForestGroup:
    """Panels of a forest that share one horizontal scale.

    Attributes:
        panels: Title, then label and estimate of each row; the same labels in every panel of a forest.
            An estimate without value leaves its line with the words "not defined".
        reference: Where a vertical line stands: 0.5 for an AUC, 0 for a difference.
        axis: What the horizontal axis shows.
    """

    panels: Sequence[tuple[str, Sequence[Row]]]
    reference: float
    axis: str


def forest(panels: Sequence[tuple[str, Sequence[Row]]], *, reference: float, axis: str, highlighted: str) -> Markup:
    """Draw intervals side by side: one panel a title, one line a row, all on one scale.

    Args:
        panels: As in :class:`ForestGroup`, as are ``reference`` and ``axis``.
        reference: Where a vertical line stands.
        axis: What the horizontal axis shows.
        highlighted: Rows whose label ends so are drawn in colour.
    """
    return forests((ForestGroup(panels, reference, axis),), highlighted=highlighted)


def forests(groups: Sequence[ForestGroup], *, highlighted: str = "") -> Markup:
    """Draw groups of panels side by side, the labels once on the left.

    Args:
        groups: At least one, with the same labels in all their panels.
        highlighted: Rows whose label ends so are drawn in colour; none where it is empty.
    """
    labels = [label for label, _ in groups[0].panels[0][1]]
    titles = [title for group in groups for title, _ in group.panels]
    panel_width = PANEL_WIDTH if len(titles) <= FEW_PANELS else NARROW_PANEL_WIDTH
    panel_width = max(panel_width, LETTER_WIDTH * max(len(title) for title in titles) - GAP / 2)
    left = LETTER_WIDTH * max(len(label) for label in labels) + 12
    base = HEAD + ROW_HEIGHT * len(labels)
    marks: list[Markup] = [
        words(label, x=left - 12, y=HEAD + ROW_HEIGHT * (row + 0.5) + TEXT / 3, anchor="end", colour=INK)
        for row, label in enumerate(labels)
    ]
    start = left
    for group in groups:
        low, high = _span([estimate for _, rows in group.panels for _, estimate in rows], group.reference)
        for title, rows in group.panels:
            across = Scale(low, high, start, start + panel_width)
            marks.append(words(title, x=start + panel_width / 2, y=HEAD - 12, weight="600", colour=INK))
            marks += _rows(rows, across, group, base=base, highlighted=highlighted)
            start += panel_width + GAP
    described = "; ".join(
        f"{group.axis} with intervals: " + ", ".join(title for title, _ in group.panels) for group in groups
    )
    return whole(marks, width=start, height=base + FOOT, label=described)


def _rows(rows: Sequence[Row], across: Scale, group: ForestGroup, *, base: float, highlighted: str) -> list[Markup]:
    line = across(group.reference)
    marks = [stroke([(line, HEAD - 4), (line, base)], colour=MUTED, dashes="3 3")]
    for row, (label, estimate) in enumerate(rows):
        colour = ACCENT if highlighted and label.endswith(highlighted) else INK
        marks += _interval(estimate, across, y=HEAD + ROW_HEIGHT * (row + 0.5), colour=colour)
    return [*marks, *axis_across(across, base=base, title=group.axis)]


def reliability_diagrams(panels: Sequence[tuple[str, Sequence[Bin]]]) -> Markup:
    """Draw observed share against predicted probability, one diagram a title, with Wilson's intervals."""
    marks: list[Markup] = []
    base = HEAD + SQUARE
    for number, (title, bins) in enumerate(panels):
        start = LEFT + number * (SQUARE + 2 * GAP)
        across, up = Scale(0.0, 1.0, start, start + SQUARE), Scale(0.0, 1.0, base, HEAD)
        cases = sum(one.observed.n for one in bins)
        marks.append(words(f"{title} (n {cases})", x=start + SQUARE / 2, y=HEAD - 12, weight="600", colour=INK))
        marks.append(stroke([(across(0.0), up(0.0)), (across(1.0), up(1.0))], colour=MUTED, dashes="3 3"))
        for one in bins:
            if one.observed.value is None or one.observed.low is None or one.observed.high is None:
                continue
            x = across(one.predicted)
            marks.append(stroke([(x, up(one.observed.low)), (x, up(one.observed.high))], colour=ACCENT, width=1.6))
            marks.append(element("circle", cx=x, cy=up(one.observed.value), r=4.0, fill=ACCENT))
        marks += axis_across(across, base=base, title="predicted")
        marks += axis_up(up, left=start, title="observed" if number == 0 else "")
    width = LEFT + len(panels) * (SQUARE + 2 * GAP)
    described = "Reliability: " + ", ".join(title for title, _ in panels)
    return whole(marks, width=width, height=base + FOOT, label=described)


def scatter(predicted: Float64[np.ndarray, " case"], observed: Float64[np.ndarray, " case"], *, axis: str) -> Markup:
    """Draw predicted against observed values on one scale, with the line where both agree."""
    side = 1.5 * SQUARE
    top = 1.05 * float(max(predicted.max(), observed.max()))
    base = HEAD + side
    across, up = Scale(0.0, top, LEFT, LEFT + side), Scale(0.0, top, base, HEAD)
    marks = [stroke([(across(0.0), up(0.0)), (across(top), up(top))], colour=MUTED, dashes="3 3")]
    marks += [
        element("circle", cx=across(x), cy=up(y), r=2.5, fill=ACCENT, fill_opacity=0.55)
        for x, y in zip(observed.tolist(), predicted.tolist(), strict=True)
    ]
    marks += axis_across(across, base=base, title=f"observed {axis}")
    marks += axis_up(up, left=LEFT, title=f"predicted {axis}")
    return whole(marks, width=LEFT + side + GAP, height=base + FOOT, label=f"Predicted against observed {axis}")


def _interval(estimate: Estimate, across: Scale, *, y: float, colour: str) -> list[Markup]:
    if estimate.value is None:
        middle = (across.start + across.stop) / 2
        return [words("not defined", x=middle, y=y + TEXT / 3, colour=MUTED)]
    marks = []
    if estimate.low is not None and estimate.high is not None:
        marks.append(stroke([(across(estimate.low), y), (across(estimate.high), y)], colour=colour, width=1.8))
    marks.append(element("rect", x=across(estimate.value) - 3.5, y=y - 3.5, width=7.0, height=7.0, fill=colour))
    return marks


def _span(estimates: Iterable[Estimate], reference: float) -> tuple[float, float]:
    shown = [reference]
    for estimate in estimates:
        shown += [number for number in (estimate.value, estimate.low, estimate.high) if number is not None]
    low, high = min(shown), max(shown)
    margin = 0.05 * (high - low) or 0.1
    return low - margin, high + margin
