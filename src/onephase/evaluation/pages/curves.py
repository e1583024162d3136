"""Curves of a study as inline SVG: net benefit, abstention, learning; the first of each panel with its interval."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

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
from onephase.reports.style import INK, MUTED, SERIES_COLOURS
from onephase.reports.svg import Scale, element, path
from onephase.statistics.estimate import Estimate

SAMPLE = 24.0  # length of the line that stands for a curve in the key
PER_ROW = 4
WIDE = SQUARE + LEFT + GAP
TALL = HEAD + SQUARE + FOOT + 6
FEW = 12  # points; a line of more needs no dots
REFERENCE_DASHES = ("6 4", "2 3")

Points = tuple[tuple[float, Estimate], ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves that share one pair of axes.

    Attributes:
        title: What they are of.
        curves: By name; the first is drawn with its interval. The same names in every panel.
        references: Dashed lines by name, as points without interval.
        floor: Where the upright axis ends below, whatever falls beyond it.
    """

    title: str
    curves: dict[str, Points]
    references: dict[str, Points]
    floor: float | None = None


def curve_panels(panels: Sequence[Panel], *, across: str, up: str) -> Markup:
    """Draw panels side by side, four in a row, each with its own upright axis, and one key below.

    Args:
        panels: At least one, each with a point at least.
        across: What the horizontal axis shows; it reaches over the points of every panel.
        up: What the upright axis shows.
    """
    places = [x for panel in panels for points in panel.curves.values() for x, _ in points]
    marks: list[Markup] = []
    for number, panel in enumerate(panels):
        row, column = divmod(number, PER_ROW)
        top, start = row * TALL, LEFT + column * WIDE
        base = top + HEAD + SQUARE
        sideways = Scale(*_opened(min(places), max(places)), start, start + SQUARE)
        upward = Scale(*_span(panel), base, top + HEAD)
        marks.append(words(panel.title, x=start + SQUARE / 2, y=top + HEAD - 12, weight="600", colour=INK))
        marks += _lines(panel, sideways, upward)
        marks += axis_across(sideways, base=base, title=across)
        marks += axis_up(upward, left=start, title=up if column == 0 else "")
    height = TALL * -(-len(panels) // PER_ROW)
    marks += _key(panels[0], y=height + 6)
    width = max(LEFT + min(len(panels), PER_ROW) * WIDE, _key_width(panels[0]))
    described = f"{up} over {across}: " + ", ".join(panel.title for panel in panels)
    return whole(marks, width=width, height=height + 20, label=described)


def _lines(panel: Panel, sideways: Scale, upward: Scale) -> list[Markup]:
    marks = [
        stroke(_visible(points, sideways, upward), colour=MUTED, dashes=dashes)
        for points, dashes in zip(panel.references.values(), REFERENCE_DASHES, strict=False)
    ]
    for number, points in enumerate(panel.curves.values()):
        colour = SERIES_COLOURS[number % len(SERIES_COLOURS)]
        if number == 0:
            marks += _band(points, sideways, upward, colour=colour)
        seen = _visible(points, sideways, upward)
        marks.append(stroke(seen, colour=colour, width=2.0))
        marks += [element("circle", cx=x, cy=y, r=2.2, fill=colour) for x, y in seen if len(seen) < FEW]
    return marks


def _visible(points: Points, sideways: Scale, upward: Scale) -> list[tuple[float, float]]:
    """Return where the points of a line stand, the last of those beyond the floor cut to it."""
    seen = [(x, one.value) for x, one in points if one.value is not None]
    if not seen:
        return []
    kept = [seen[0], *(after for before, after in pairwise(seen) if max(before[1], after[1]) >= upward.low)]
    return [(sideways(x), upward(max(y, upward.low))) for x, y in kept]


def _band(points: Points, sideways: Scale, upward: Scale, *, colour: str) -> list[Markup]:
    ends = [(x, one.low, one.high) for x, one in points if one.low is not None and one.high is not None]
    if not ends:
        return []
    clipped = [(x, *(min(max(end, upward.low), upward.high) for end in pair)) for x, *pair in ends]
    outline = [(sideways(x), upward(low)) for x, low, _ in clipped]
    outline += [(sideways(x), upward(high)) for x, _, high in reversed(clipped)]
    return [element("path", d=path(outline, closed=True), fill=colour, fill_opacity=0.15, stroke="none")]


def _span(panel: Panel) -> tuple[float, float]:
    first, *others = panel.curves.values()
    shown = [one.value for points in (first, *others) for _, one in points if one.value is not None]
    shown += [end for _, one in first for end in (one.low, one.high) if end is not None]
    low, high = min(shown, default=0.0), max(shown, default=1.0)
    if panel.floor is not None:
        low, high = max(low, panel.floor), max(high, panel.floor)
    return _opened(low, high)


def _opened(low: float, high: float) -> tuple[float, float]:
    margin = 0.04 * (high - low) or 0.05
    return low - margin, high + margin


def _key(panel: Panel, *, y: float) -> Iterable[Markup]:
    at = LEFT
    lines = [(name, SERIES_COLOURS[n % len(SERIES_COLOURS)], "none") for n, name in enumerate(panel.curves)]
    lines += [(name, MUTED, dashes) for name, dashes in zip(panel.references, REFERENCE_DASHES, strict=False)]
    for name, colour, dashes in lines:
        yield stroke([(at, y), (at + SAMPLE, y)], colour=colour, width=2.0, dashes=dashes)
        yield words(name, x=at + SAMPLE + 6, y=y + TEXT / 3, anchor="start", colour=INK)
        at += SAMPLE + LETTER_WIDTH * len(name) + GAP


def _key_width(panel: Panel) -> float:
    return LEFT + sum(SAMPLE + LETTER_WIDTH * len(name) + GAP for name in (*panel.curves, *panel.references))
