"""The lesion in three planes: its regions, and where the network looked."""

import contourpy
import numpy as np
from markupsafe import Markup

from onephase.inference.view import PIXEL_MM, Plane
from onephase.reports.png import grey_picture, heat_picture
from onephase.reports.style import REGION_COLOURS
from onephase.reports.svg import drawing, element, line, path, text
from onephase.settings import RegionSettings

SCALE_BAR_MM = 10.0
SURFACE_COLOUR = "#ffffff"


def regions_picture(plane: Plane, radii: RegionSettings) -> Markup:
    """Return a plane with the borders of core, rim and shell and the surface of the lesion."""
    borders = {"shell": radii.shell_reach_mm, "rim": radii.rim_reach_mm, "core": -radii.core_depth_mm}
    contours = [_contour(plane, level, colour=REGION_COLOURS[name]) for name, level in borders.items()]
    label = f"{plane.name} plane through the lesion with the borders of its core, rim and peritumoral shell"
    return _picture(plane, *contours, _contour(plane, 0.0, colour=SURFACE_COLOUR, dashes="3 3"), label=label)


def attention_picture(plane: Plane) -> Markup:
    """Return a plane with the network's attention laid over it."""
    side = len(plane.image) * PIXEL_MM
    heat = element("image", href=heat_picture(plane.attention), width=side, height=side)
    label = f"{plane.name} plane through the lesion with the network's attention laid over it"
    return _picture(plane, heat, _contour(plane, 0.0, colour=SURFACE_COLOUR, dashes="3 3"), label=label)


def _picture(plane: Plane, *overlays: Markup, label: str) -> Markup:
    side = len(plane.image) * PIXEL_MM  # coordinates are millimetres
    image = element("image", href=grey_picture(plane.image), width=side, height=side)
    letters = plane.letters
    sides = f"left {letters.left}, right {letters.right}, top {letters.top}, bottom {letters.bottom}"
    marks = (*_letters(plane, side), *_scale_bar(side))
    return drawing(image, *overlays, *marks, width=side, height=side, label=f"{label}; {sides}", class_="plane")


def _contour(plane: Plane, level_mm: float, *, colour: str, dashes: str = "none") -> Markup:
    lines = contourpy.contour_generator(z=plane.distance_mm, line_type=contourpy.LineType.Separate).lines(level_mm)
    data = "".join(path(((np.asarray(line, dtype=np.float64) + 0.5) * PIXEL_MM).tolist()) for line in lines)
    shared = {"d": data, "fill": "none", "vector_effect": "non-scaling-stroke", "stroke_linejoin": "round"}
    shadow = element("path", **shared, stroke="#000000", stroke_opacity=0.55, stroke_width=3.2)
    return shadow + element("path", **shared, stroke=colour, stroke_width=1.7, stroke_dasharray=dashes)


def _letters(plane: Plane, side: float) -> list[Markup]:
    size, edge, letters = 0.055 * side, 0.045 * side, plane.letters
    places = (
        (letters.top, side / 2, edge),
        (letters.bottom, side / 2, side - edge),
        (letters.left, edge, side / 2),
        (letters.right, side - edge, side / 2),
    )
    return [
        text(letter, (x, y), size=size, anchor="middle", dominant_baseline="central", class_="mark")
        for letter, x, y in places
    ]


def _scale_bar(side: float) -> list[Markup]:
    size, right, bottom = 0.042 * side, 0.95 * side, 0.95 * side
    ends = ((right - SCALE_BAR_MM, bottom), (right, bottom))
    even = {"vector_effect": "non-scaling-stroke"}
    words = f"{SCALE_BAR_MM:g} mm"
    return [
        line(*ends, stroke="#000000", stroke_opacity=0.6, stroke_width=5, **even),
        line(*ends, stroke="#ffffff", stroke_width=2.5, **even),
        text(words, (right - SCALE_BAR_MM / 2, bottom - 0.6 * size), size=size, anchor="middle", class_="mark"),
    ]
