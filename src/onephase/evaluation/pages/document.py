"""One page: what every report of a study is made of, and how it becomes HTML and files."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

import onephase
from onephase.evaluation.pages.table import Table
from onephase.inference.prediction import RESEARCH_USE
from onephase.reports.svg import footed
from onephase.storage import json_text

TEMPLATE = "document.html"
EMPTY = "[ to be written ]"
"""Stands where only a person knows the answer."""
NO_BREAK_SPACE = "\u00a0"
BREAKABLE = re.compile(r"(?<!;) (?!\()")
SIMULATED = "SIMULATED cases among these: no evidence of patients"


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing and the name of its file without suffix."""

    name: str
    drawing: Markup

    def to_svg(self, *, note: str = "") -> str:
        """Return the drawing as a file of its own, with a note at its foot, for it may leave its page."""
        own = '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" '
        drawing = footed(self.drawing, note) if note else self.drawing
        return str(drawing).replace("<svg ", own, 1)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph with its heading."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A way to another page, relative to this one."""

    words: str
    target: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: figures as SVG, the sentences that go with them, paragraphs, tables, further pages."""

    title: str
    figures: tuple[Figure, ...] = ()
    sentences: tuple[str, ...] = ()
    paragraphs: tuple[Paragraph, ...] = ()
    tables: tuple[Table, ...] = ()
    links: tuple[Link, ...] = ()

    @property
    def says_something(self) -> bool:
        """Whether there is more to it than a title and drawings."""
        return bool(self.tables or self.sentences or self.paragraphs)


@dataclass(frozen=True, slots=True)
class Document:
    """A whole page.

    Attributes:
        kicker: Which report it is.
        title: What it is about.
        simulated: What must be said of simulated cases; empty where there are none.
        leads: How its figures came about, before any of them.
        sections: Its parts.
        facts: How it was made; values that are no text are shown as JSON.
    """

    kicker: str
    title: str
    simulated: str
    leads: tuple[str, ...]
    sections: tuple[Section, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_html(self) -> str:
        """Return the page in the frame of every report; nothing in it is loaded from elsewhere."""
        environment = Environment(
            loader=ChoiceLoader([PackageLoader("onephase.evaluation.pages"), PackageLoader("onephase.reports")]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["unbroken"] = unbroken
        facts = [
            (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
            for name, value in self.facts.items()
        ]
        return environment.get_template(TEMPLATE).render(
            version=onephase.__version__, research_use=RESEARCH_USE, document=self, empty_field=EMPTY, facts=facts
        )

    def files(self, page: str, *, data: str, found: object) -> dict[str, str]:
        """Return the page, its parts, and the plain values behind them as JSON, by name.

        Args:
            page: Name of the page.
            data: Name of the JSON file.
            found: Its values.
        """
        return {page: self.to_html(), data: json_text(found), **self.parts()}

    def parts(self) -> dict[str, str]:
        """Return each table as CSV and each drawing as SVG, by its name in the folder of the page."""
        note = SIMULATED if self.simulated else ""
        return {
            **{
                f"tables/{table.name}.csv": table.to_csv(simulated=self.simulated)
                for part in self.sections
                for table in part.tables
            },
            **{
                f"figures/{figure.name}.svg": figure.to_svg(note=note)
                for part in self.sections
                for figure in part.figures
            },
        }


def unbroken(cell: str) -> Markup:
    """Return a cell that breaks nowhere but before its interval, so that a wide table becomes a taller one.

    Examples:
        >>> unbroken("eroded by 1 mm 0.6 (0.5 to 0.7); 3 / 9").replace(chr(160), "_")
        Markup('eroded_by_1_mm_0.6 (0.5_to_0.7); 3_/_9')
    """
    return escape(BREAKABLE.sub(NO_BREAK_SPACE, cell))
