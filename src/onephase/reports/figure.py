"""A prediction as one picture, for where a page cannot be opened: planes, panel, Ki-67, subtypes, what must be said."""

import textwrap
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from onephase.arrays import Float64, UInt8
from onephase.inference.prediction import RESEARCH_USE, Prediction
from onephase.inference.reading import Ki67Reading
from onephase.inference.view import PIXEL_MM, Plane
from onephase.reports.style import (
    ACCENT,
    BIOMARKER_NAMES,
    INK,
    MUTED,
    PAPER,
    POLICY_NAMES,
    REGION_COLOURS,
    SUBTYPE_COLOURS,
    percent,
)
from onephase.settings import RegionSettings

COLUMNS, ROWS, DOTS_PER_INCH = 1400, 1000, 100
WARNING_COLOUR = "#b34700"
LINE_LETTERS = 150
MOST_LINES = 9


def report_figure(prediction: Prediction) -> UInt8[np.ndarray, "row column 3"]:
    """Return the picture of a prediction as RGB pixels; it names no patient."""
    figure = Figure(figsize=(COLUMNS / DOTS_PER_INCH, ROWS / DOTS_PER_INCH), dpi=DOTS_PER_INCH, facecolor=PAPER)
    _heading(figure, prediction)
    places = GridSpec(2, 6, figure=figure, left=0.03, right=0.97, top=0.87, bottom=0.46, wspace=0.06, hspace=0.16)
    for column, plane in enumerate(prediction.view):
        _plane(figure.add_subplot(places[0:2, 2 * column : 2 * column + 2]), plane, radii=prediction.radii)
    below = GridSpec(1, 3, figure=figure, left=0.09, right=0.94, top=0.40, bottom=0.24, wspace=0.62)
    _panel(figure.add_subplot(below[0]), prediction)
    _ki67(figure.add_subplot(below[1]), prediction.reading.ki67, prior=prediction.prior.ki67)
    _subtypes(figure.add_subplot(below[2]), prediction.reading.subtypes)
    _said(figure, prediction)
    with BytesIO() as stream:
        figure.savefig(stream, format="rgba")
        pixels = np.frombuffer(stream.getvalue(), dtype=np.uint8).reshape(ROWS, COLUMNS, 4)
    return np.ascontiguousarray(pixels[..., :3])


def _heading(figure: Figure, prediction: Prediction) -> None:
    bundle = f"bundle {prediction.origin.bundle_name} {prediction.origin.bundle_sha256[:12]}"
    figure.text(0.03, 0.955, f"onephase prediction: {prediction.case_id}", fontsize=18, color=INK, weight="bold")
    figure.text(0.97, 0.955, bundle, fontsize=10, color=MUTED, ha="right")
    figure.text(0.03, 0.925, RESEARCH_USE, fontsize=10.5, color=WARNING_COLOUR, weight="bold")
    if prediction.training_caution:
        figure.text(0.03, 0.9, f"SIMULATED TRAINING. {prediction.training_caution}", fontsize=10, color=WARNING_COLOUR)


def _plane(axes: Axes, plane: Plane, *, radii: RegionSettings) -> None:
    """Draw a plane with the attention over it, and the borders of the regions on top."""
    side = len(plane.image) * PIXEL_MM
    extent = (0.0, side, side, 0.0)
    axes.imshow(plane.image, cmap="gray", vmin=0, vmax=255, extent=extent)
    axes.imshow(plane.attention, cmap="inferno", vmin=0, vmax=1, alpha=0.5 * plane.attention, extent=extent)
    borders = {"shell": radii.shell_reach_mm, "rim": radii.rim_reach_mm, "core": -radii.core_depth_mm}
    middles = (np.arange(len(plane.image)) + 0.5) * PIXEL_MM
    for name, level in borders.items():
        border = axes.contour(middles, middles, plane.distance_mm, levels=[level], colors=[REGION_COLOURS[name]])
        border.set(linewidth=1.4, linestyle="solid")
    letters = plane.letters
    for letter, x, y in (
        (letters.left, 0.03, 0.5), (letters.right, 0.97, 0.5), (letters.top, 0.5, 0.96), (letters.bottom, 0.5, 0.04),
    ):  # fmt: skip
        axes.text(x, y, letter, transform=axes.transAxes, color="white", ha="center", va="center", fontsize=11)
    axes.set_title(f"{plane.name}: core (blue), rim (orange), shell (green), attention", fontsize=10, color=INK)
    axes.set_axis_off()


def _panel(axes: Axes, prediction: Prediction) -> None:
    positive, prior = prediction.reading.positive, prediction.prior.positive
    _bars(axes, [BIOMARKER_NAMES[name] for name in positive], list(positive.values()), colours=[ACCENT] * len(positive))
    axes.plot(list(prior.values()), range(len(prior)), "|", color=INK, markersize=16, markeredgewidth=2)
    axes.set_title("probability of positive (tick: training cohort)", fontsize=10, color=INK)


def _subtypes(axes: Axes, subtypes: dict[str, float]) -> None:
    _bars(axes, list(subtypes), list(subtypes.values()), colours=list(SUBTYPE_COLOURS))
    axes.set_title("probability of each subtype", fontsize=10, color=INK)


def _bars(axes: Axes, names: list[str], probabilities: list[float], *, colours: list[str]) -> None:
    axes.barh(range(len(names)), probabilities, color=colours, height=0.6)
    for place, probability in enumerate(probabilities):
        axes.text(1.02, place, percent(probability), va="center", fontsize=9, color=INK)
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.set_xlim(0, 1)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)


def _ki67(axes: Axes, reading: Ki67Reading, *, prior: Ki67Reading) -> None:
    middles: Float64[np.ndarray, " percentage"] = np.arange(100) + 0.5
    likely = reading.interval(80)
    axes.axvspan(likely.low_percent, likely.high_percent, color=ACCENT, alpha=0.15)
    axes.plot(middles, reading.density, color=ACCENT)
    axes.plot(middles, prior.density, color=MUTED, linestyle="--", linewidth=1)
    axes.axvline(reading.median_percent, color=INK)
    words = f"median {reading.median_percent:.0f} %, 80 %: {likely.low_percent:.0f} to {likely.high_percent:.0f} %"
    axes.set_title(f"Ki-67: {words}", fontsize=10, color=INK)
    axes.set_xlim(0, 100)
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)


def _said(figure: Figure, prediction: Prediction) -> None:
    lines = list(_lines(prediction))
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], "... more stands in the structured report"]
    figure.text(0.03, 0.2, "\n".join(lines), fontsize=9.5, color=INK, va="top", linespacing=1.5)


def _lines(prediction: Prediction) -> Iterator[str]:
    given = prediction.given
    sentences = (
        *([f"Given by pathology: {'; '.join(given.facts)}"] if given else []),
        *prediction.warnings,
        f"Subtype rule: {POLICY_NAMES[prediction.policy]}",
        *prediction.policy_cautions,
    )
    for sentence in sentences:
        yield from textwrap.wrap(f"- {sentence}", LINE_LETTERS, subsequent_indent="  ")
