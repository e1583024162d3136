"""The charts of a report: probability bars, the Ki-67 curve, the subtype bar, region weights."""

import numpy as np
from markupsafe import Markup

from onephase.inference.reading import CUTOFFS_PERCENT, Interval, Ki67Reading
from onephase.reports.style import ACCENT, INK, LINE, MUTED, PAPER, REGION_COLOURS, SUBTYPE_COLOURS, per_cent, percent
from onephase.reports.svg import Scale, drawing, element, line, path, text

BAR_WIDTH, BAR_HEIGHT = 300.0, 22.0
CURVE_WIDTH, CURVE_HEIGHT = 560.0, 190.0
CURVE_TOP, CURVE_BASE = 30.0, CURVE_HEIGHT - 34
BIN_CENTRES = [percentage + 0.5 for percentage in range(100)]
INTERVAL_COLOURS = {50: "#8fc1de", 80: "#b5d6e9", 95: "#d3e7f3"}
CUTOFF = "#b34700"
TRACK = "#e8edf1"
FAR_RIGHT_PERCENT = 75
"""Beyond this a label stands left of its line."""


def probability_bar(probability: float, *, prior: float, name: str) -> Markup:
    """Return a bar from 0 to 1 with a tick where the training cohort stands."""
    place = Scale(0, 1, 1, BAR_WIDTH - 1)
    whole, filled, tick = place(1) - place(0), place(probability) - place(0), place(prior)
    track = {"x": place(0), "y": 5.0, "height": BAR_HEIGHT - 10, "rx": 2.0}
    return drawing(
        element("rect", **track, width=whole, fill=TRACK),
        element("rect", **track, width=filled, fill=ACCENT),
        line((tick, 1), (tick, BAR_HEIGHT - 1), stroke=PAPER, stroke_width=5),
        line((tick, 1), (tick, BAR_HEIGHT - 1), stroke=INK, stroke_width=2.2),
        width=BAR_WIDTH,
        height=BAR_HEIGHT,
        label=f"{name}: probability {percent(probability)}, in the training cohort {percent(prior)}",
    )


def ki67_curve(reading: Ki67Reading, *, prior: Ki67Reading) -> Markup:
    """Return the distribution of Ki-67 with its intervals, its median, the cut-offs, and the prior behind it."""
    across = Scale(0, 100, 14, CURVE_WIDTH - 14)
    up = Scale(0, max(*reading.density, *prior.density), CURVE_BASE, CURVE_TOP)
    widest_first = sorted(reading.intervals, key=lambda part: -part.level)
    likely = reading.interval(80)
    return drawing(
        *(_shaded(reading, part, across=across, up=up) for part in widest_first),
        line(*_curve(prior, across=across, up=up), stroke=MUTED, stroke_width=1.4, stroke_dasharray="5 4"),
        line(*_curve(reading, across=across, up=up), stroke=ACCENT, stroke_width=2),
        *(_cutoff(across(cutoff), cutoff) for cutoff in CUTOFFS_PERCENT),
        *_median(across(reading.median_percent), reading.median_percent),
        *_percent_axis(across),
        width=CURVE_WIDTH,
        height=CURVE_HEIGHT,
        label=(
            f"Distribution of Ki-67: median {per_cent(reading.median_percent)}, 80 % interval "
            f"{likely.low_percent:.0f} to {per_cent(likely.high_percent)}"
        ),
        class_="curve",
    )


def subtype_bar(subtypes: dict[str, float]) -> Markup:
    """Return one bar parted by subtype."""
    width, height = 1000.0, 34.0
    ends = [width * float(end) for end in np.cumsum([0.0, *subtypes.values()])]
    parts = [
        element("rect", x=start, y=0, width=end - start, height=height, fill=colour, stroke=PAPER, stroke_width=1.5)
        for start, end, colour in zip(ends, ends[1:], SUBTYPE_COLOURS, strict=False)
    ]
    named = ", ".join(f"{name} {percent(probability)}" for name, probability in subtypes.items())
    label = f"Probability of each subtype: {named}"
    return drawing(*parts, width=width, height=height, label=label, preserveAspectRatio="none", class_="stack")


def weight_bar(weight: float, *, region: str) -> Markup:
    """Return a small bar for the weight of a region."""
    return drawing(
        element("rect", x=0, y=0, width=100, height=10, fill=TRACK),
        element("rect", x=0, y=0, width=100 * weight, height=10, fill=REGION_COLOURS[region]),
        width=100,
        height=10,
        label=percent(weight),
        preserveAspectRatio="none",
        class_="weight",
    )


def _curve(reading: Ki67Reading, *, across: Scale, up: Scale) -> list[tuple[float, float]]:
    return [(across(at), up(share)) for at, share in zip(BIN_CENTRES, reading.density, strict=True)]


def _shaded(reading: Ki67Reading, part: Interval, *, across: Scale, up: Scale) -> Markup:
    between = [at for at in BIN_CENTRES if part.low_percent < at < part.high_percent]
    edge = [part.low_percent, *between, part.high_percent]
    heights = np.interp(edge, BIN_CENTRES, reading.density).tolist()
    outline = [(edge[0], 0.0), *zip(edge, heights, strict=True), (edge[-1], 0.0)]
    area = path([(across(x), up(y)) for x, y in outline], closed=True)
    return element("path", d=area, fill=INTERVAL_COLOURS[part.level])


def _median(x: float, median_percent: float) -> list[Markup]:
    beside, anchor = (-6, "end") if median_percent > FAR_RIGHT_PERCENT else (6, "start")
    words = f"median {per_cent(median_percent)}"
    return [
        line((x, CURVE_TOP - 8), (x, CURVE_BASE), stroke=INK, stroke_width=2),
        text(words, (x + beside, CURVE_TOP - 12), size=14, anchor=anchor, font_weight="600", fill=INK),
    ]


def _cutoff(x: float, cutoff: int) -> Markup:
    dotted = line((x, CURVE_TOP), (x, CURVE_BASE + 3), stroke=CUTOFF, stroke_width=1.4, stroke_dasharray="2 3")
    return dotted + text(str(cutoff), (x, CURVE_BASE + 16), anchor="middle", fill=CUTOFF)


def _percent_axis(across: Scale) -> list[Markup]:
    ticks = [
        line((across(at), CURVE_BASE), (across(at), CURVE_BASE + 4), stroke=MUTED)
        + text(str(at), (across(at), CURVE_BASE + 16), anchor="middle", fill=MUTED)
        for at in (0, 40, 60, 80, 100)
    ]
    title = text("Ki-67, per cent", (across(50), CURVE_BASE + 31), anchor="middle", fill=MUTED)
    return [line((across(0), CURVE_BASE), (across(100), CURVE_BASE), stroke=LINE, stroke_width=1.5), *ticks, title]
