"""Drawings as inline SVG: elements with escaped text, and scales from numbers to their place."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from markupsafe import Markup

Number: TypeAlias = float | int
Value: TypeAlias = str | Number
Point: TypeAlias = Sequence[Number]  # x, y
_VIEW_BOX = re.compile(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"')
_FOOT = 18
"""Height of a line below a drawing, in its coordinates."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale from a value to a coordinate."""

    low: Number
    high: Number
    start: Number
    stop: Number

    def __call__(self, value: Number) -> float:
        """Return the coordinate of ``value``."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)


def element(name: str, *children: str | Markup, **attributes: Value) -> Markup:
    """Return one element; text and attributes are escaped, an underscore in a name stands for a hyphen.

    Examples:
        >>> element("text", "a < b", x=1.0, text_anchor="end")
        Markup('<text x="1" text-anchor="end">a &lt; b</text>')
    """
    listed = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _written(value))
        for key, value in attributes.items()
    )
    inside = Markup("").join(children)  # joining escapes whatever is no Markup
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), listed, inside)  # noqa: S704 - names are ours


def drawing(*children: Markup, width: Number, height: Number, label: str, **attributes: Value) -> Markup:
    """Return a whole drawing that scales with the page.

    Args:
        children: Its elements.
        width: Width of its coordinates.
        height: Height of its coordinates.
        label: What it shows, in words, for those who cannot see it.
        attributes: Further attributes of the ``svg`` element.
    """
    box = f"0 0 {_written(width)} {_written(height)}"
    return element("svg", *children, viewBox=box, role="img", aria_label=label, **attributes)


def footed(drawing: Markup, note: str) -> Markup:
    """Return a whole drawing with words at its foot.

    Args:
        drawing: As :func:`drawing` returns it.
        note: One line.

    Raises:
        ValueError: If it is no whole drawing.
    """
    box = _VIEW_BOX.search(drawing)
    if box is None or not drawing.endswith("</svg>"):
        message = "this is no whole drawing: it has no viewBox, or does not end"
        raise ValueError(message)
    width, height = (float(size) for size in box.groups())
    taller = str(drawing).replace(box.group(), f'viewBox="0 0 {width:g} {height + _FOOT:g}"', 1)
    foot = text(note, (width / 2, height + 2 * _FOOT / 3), size=11, anchor="middle")
    return Markup(taller.removesuffix("</svg>") + str(foot) + "</svg>")  # noqa: S704 - both are escaped


def text(words: str, at: Point, *, size: Number = 13, anchor: str = "start", **more: Value) -> Markup:
    """Return words with their anchor (``start``, ``middle`` or ``end``) at a place."""
    return element("text", words, x=at[0], y=at[1], font_size=size, text_anchor=anchor, **more)


def line(*points: Point, stroke: str, **more: Value) -> Markup:
    """Return straight lines through points."""
    return element("path", d=path(points), fill="none", stroke=stroke, **more)


def path(points: Iterable[Point], *, closed: bool = False) -> str:
    """Return the path data of straight lines through points."""
    steps = "L".join(f"{_written(x)} {_written(y)}" for x, y in points)
    return f"M{steps}" + ("Z" if closed else "")


def _written(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
