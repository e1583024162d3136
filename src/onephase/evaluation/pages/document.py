"""One page: what every report of a study is made of, and how it becomes HTML and files."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

import onephase
from onephase.evaluation.pages.table import Table
from onephase.inference.prediction import RESEARCH_USE
from onephase.reports.svg import footed
from onephase.storage import write_texts

TEMPLATE = "document.html"
EMPTY = "[ to be written ]"
"""Stands where only a person knows the answer."""
NO_BREAK_SPACE = "\u00a0"
BREAKABLE = re.compile(r"(?<!;) (?!\()")
PARTS = re.compile(r'<meta name="parts" content="([^"]*)">')
PART = re.compile(r"tables/[^/]+\.csv|figures/[^/]+\.svg")
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

    def to_html(self, *, parts: Sequence[str] = ()) -> str:
        """Return the page in the frame of every report; nothing in it is loaded from elsewhere.

        Args:
            parts: Files that belong to it, for its head.
        """
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
            version=onephase.__version__,
            research_use=RESEARCH_USE,
            document=self,
            empty_field=EMPTY,
            facts=facts,
            parts=parts,
        )

    def write(self, page: Path, *, beside: Mapping[str, str]) -> Path:
        """Write the page, its parts and what else goes with it, all of them or none; return the path of the page.

        Parts that an earlier page in its place had and this one has not are removed: they would speak of other cases.

        Args:
            page: Where it shall stand.
            beside: Further files by name.

        Raises:
            StorageError: If a file cannot be written.
        """
        former = _parts_of(page)
        parts = self.parts()
        files = {page.name: self.to_html(parts=list(parts)), **beside, **parts}
        write_texts({page.parent / name: text for name, text in files.items()})
        for name in former - files.keys():
            (page.parent / name).unlink(missing_ok=True)
        return page

    def parts(self) -> dict[str, str]:
        """Return each table as CSV and each drawing as SVG, by its name in the folder of the page."""
        note = SIMULATED if self.simulated else ""
        tables = [table for part in self.sections for table in part.tables]
        figures = [figure for part in self.sections for figure in part.figures]
        return {
            **{f"tables/{table.name}.csv": table.to_csv(simulated=self.simulated) for table in tables},
            **{f"figures/{figure.name}.svg": figure.to_svg(note=note) for figure in figures},
        }


def _parts_of(page: Path) -> set[str]:
    """Return the parts that a page names, none where there is no page; names that lead elsewhere are none of ours."""
    try:
        head = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return set()
    named = PARTS.search(head)
    return {name for name in named[1].split() if PART.fullmatch(name)} if named else set()


def unbroken(cell: str) -> Markup:
    """Return a cell that breaks nowhere but before its interval, so that a wide table becomes a taller one.

    Examples:
        >>> unbroken("eroded by 1 mm 0.6 (0.5 to 0.7); 3 / 9").replace(chr(160), "_")
        Markup('eroded_by_1_mm_0.6 (0.5_to_0.7); 3_/_9')
    """
    return escape(BREAKABLE.sub(NO_BREAK_SPACE, cell))
