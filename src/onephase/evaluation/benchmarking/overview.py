"""A benchmark as one page: each study apart, with its main table and the way to all of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onephase.evaluation.benchmarking.divisions import LEARNED
from onephase.evaluation.benchmarking.learning_curve import learning_figure, learning_table
from onephase.evaluation.pages.document import Document, Link, Section
from onephase.evaluation.pages.findings import main_contestant, panel_finding
from onephase.evaluation.pages.page import LABELS, NEVER_OF_PATIENTS
from onephase.evaluation.pages.table import Table
from onephase.evaluation.study import Study

OVERVIEW_NAME = "index.html"
WITHOUT = (
    "Planned, and without answers to some of these cases, for what there was to learn from cannot teach it "
    "(docs/baselines.md says when): {names}. For a single task without answers, the prior speaks."
)
APART = (
    "Each study is another question: nothing of one is ever read under the other's name. Where there is a frozen "
    "external test, it is the primary one."
)


def overview_of(  # noqa: PLR0913 - each is a part of the page
    studies: Mapping[str, Study],
    tables: Mapping[str, tuple[Table, ...]],
    *,
    pages: Mapping[str, Path],
    out: Path,
    curve: Mapping[int, Study],
    without: Mapping[str, tuple[str, ...]],
    facts: Mapping[str, Any],
) -> Document:
    """Return the page of a whole benchmark.

    Args:
        studies: By protocol.
        tables: By protocol, what is shown of it; a table without rows is left out.
        pages: By protocol, where all of it stands.
        out: Folder of the page, from which the ways to the others lead.
        curve: Studies of a learning curve by training cases; they share one section. Empty where there is none.
        without: By protocol, who was planned and has no answers to some of its cases.
        facts: How it was made.
    """
    contestants = {name for study in studies.values() for name in study.whole.scores}
    simulated = sum(study.simulated > 0 for study in studies.values())
    words = f"{simulated} of {len(studies)} studies hold simulated cases. {NEVER_OF_PATIENTS}"
    links = {name: Link(f"All of the {name}", pages[name].relative_to(out).as_posix()) for name in studies}
    apart = (
        Section(
            name[:1].upper() + name[1:],
            sentences=(
                study.protocol,
                panel_finding(study.whole, main_contestant(study.whole)),
                *without_finding(without[name]),
            ),
            tables=tuple(table for table in tables[name] if table.rows),
            links=(links[name],),
        )
        for name, study in studies.items()
        if not name.startswith(LEARNED)
    )
    return Document(
        kicker="onephase benchmark",
        title=f"{len(contestants)} contestants in {len(studies)} {'study' if len(studies) == 1 else 'studies'}",
        simulated=words if simulated else "",
        leads=(APART, LABELS),
        sections=(*apart, *_learning_curve(curve, links)),
        facts=facts,
    )


def without_finding(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return a sentence on who has no answers; nothing where everybody has."""
    return (WITHOUT.format(names="; ".join(names)),) if names else ()


def _learning_curve(curve: Mapping[int, Study], links: Mapping[str, Link]) -> tuple[Section, ...]:
    if not curve:
        return ()
    sizes = tuple(link for name, link in links.items() if name.startswith(LEARNED))
    return (Section("Learning curve", figures=(learning_figure(curve),), tables=(learning_table(curve),), links=sizes),)
