"""The picture of a prediction, for viewers that cannot open a page."""

import numpy as np

from onephase.reports import figure
from onephase.reports.figure import report_figure


def test_warnings_beyond_the_room_are_pointed_out(made, monkeypatch):
    drawn = []
    text = figure.Figure.text
    monkeypatch.setattr(
        figure.Figure, "text", lambda self, x, y, s, **more: drawn.append(s) or text(self, x, y, s, **more)
    )
    report_figure(made(warnings=tuple(f"warning number {number}" for number in range(30))))
    assert "warning number 0" in drawn[-1]
    assert drawn[-1].endswith("... more stands in the structured report")
    assert len(drawn[-1].splitlines()) == figure.MOST_LINES


def test_what_must_be_said_is_on_the_picture(made, told, monkeypatch):
    drawn = []
    text = figure.Figure.text
    monkeypatch.setattr(
        figure.Figure, "text", lambda self, x, y, s, **more: drawn.append(s) or text(self, x, y, s, **more)
    )
    pixels = report_figure(told)
    assert (pixels.shape, pixels.dtype) == ((1000, 1400, 3), np.uint8)
    whole = "\n".join(drawn)
    assert "Research use only" in whole
    assert "SIMULATED TRAINING" in whole
    assert "Given by pathology" in whole
