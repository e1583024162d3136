"""The pens that every figure of a study is drawn with: axes, lines and words on one scale of sizes."""

import numpy as np
from markupsafe import Markup

from onephase.reports.style import LINE, MUTED
from onephase.reports.svg import Scale, drawing, element, path

TEXT = 13.0  # font size; coordinates are pixels at full width
LETTER_WIDTH = 7.2
GAP = 26.0
HEAD = 30.0
FOOT = 40.0
SQUARE = 180.0
LEFT = 50.0
TICKS = 4


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers, about five of them, within a span."""
    rough = (high - low) / TICKS
    magnitude = 10.0 ** np.floor(np.log10(rough))
    step = next(magnitude * factor for factor in (1, 2, 5, 10) if magnitude * factor >= rough)
    return [float(step * number) for number in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def axis_across(across: Scale, *, base: float, title: str) -> list[Markup]:
    """Draw a horizontal axis with its ticks and title below ``base``."""
    marks = [stroke([(across.start, base), (across.stop, base)], colour=LINE, width=1.5)]
    for tick in ticks(across.low, across.high):
        marks.append(stroke([(across(tick), base), (across(tick), base + 4)], colour=MUTED))
        marks.append(words(f"{tick:g}", x=across(tick), y=base + 17, colour=MUTED))
    return [*marks, words(title, x=(across.start + across.stop) / 2, y=base + 34, colour=MUTED)]


def axis_up(up: Scale, *, left: float, title: str) -> list[Markup]:
    """Draw an upright axis with its ticks and turned title left of ``left``; an empty title is left out."""
    marks = [stroke([(left, up.start), (left, up.stop)], colour=LINE, width=1.5)]
    for tick in ticks(up.low, up.high):
        marks.append(stroke([(left - 4, up(tick)), (left, up(tick))], colour=MUTED))
        marks.append(words(f"{tick:g}", x=left - 7, y=up(tick) + TEXT / 3, anchor="end", colour=MUTED))
    middle = (up.start + up.stop) / 2
    turned = {"transform": f"rotate(-90 {left - 36:g} {middle:g})"}
    heading = element("text", title, x=left - 36, y=middle, font_size=TEXT, text_anchor="middle", fill=MUTED, **turned)
    return [*marks, heading] if title else marks


def words(text: str, *, x: float, y: float, colour: str, anchor: str = "middle", weight: str = "400") -> Markup:
    """Write words at a place."""
    return element("text", text, x=x, y=y, font_size=TEXT, font_weight=weight, text_anchor=anchor, fill=colour)


def stroke(points: list[tuple[float, float]], *, colour: str, width: float = 1.0, dashes: str = "none") -> Markup:
    """Draw straight lines through points."""
    return element("path", d=path(points), stroke=colour, stroke_width=width, stroke_dasharray=dashes, fill="none")


def whole(marks: list[Markup], *, width: float, height: float, label: str) -> Markup:
    """Return the drawing of all marks, described by ``label`` for those who cannot see it."""
    # the figure is never drawn larger than its coordinates, so that text keeps its size
    return drawing(*marks, width=width, height=height, label=label, style=f"max-width:{width:.0f}px")
