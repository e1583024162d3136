"""From cohort tables to scored patients: how many cases each step leaves, and why; drawn, and as tables."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from onephase.evaluation.pages.document import Figure
from onephase.evaluation.pages.table import Table
from onephase.evaluation.study import Study
from onephase.reports.style import INK, LINE, MUTED, PAPER
from onephase.reports.svg import Number, Point, drawing, element, line, text

BOX, SIDE = (240, 40), 360  # a step's width and height; the width of what it leaves out
LEFT, GAP, ROW = 10, 50, 18
MOST_REASONS = 6
LETTERS = 50  # of a reason; the table 'left-out' has all of it


@dataclass(frozen=True, slots=True)
class _Step:
    """A box of the diagram, and beside the way to the next what does not go on."""

    name: str
    cases: int
    lost: tuple[str, ...] = ()


def flow_figure(study: Study) -> tuple[Figure, ...]:
    """Return the flow as a diagram, all cohorts together; nothing where it is not stored what was left out."""
    if not study.cohort_flow:
        return ()
    return (Figure("flow", _drawn(_steps(study))),)


def _steps(study: Study) -> tuple[_Step, ...]:
    flows, tested = study.cohort_flow, study.whole.flow
    reasons: Counter[str] = sum((Counter(one.left_out) for one in flows), Counter())
    listed = [f"{_short(reason)}: {cases}" for reason, cases in reasons.most_common(MOST_REASONS)]
    more = len(reasons) - len(listed)
    prepared = sum(one.prepared for one in flows)
    return (
        _Step(
            "rows of the cohort tables",
            sum(one.rows for one in flows),
            (f"left out: {reasons.total()}", *listed, *([f"{more} more reasons"] if more else [])),
        ),
        _Step(
            "cases that nobody left out",
            prepared + sum(one.failed for one in flows),
            (f"not readable: {sum(one.failed for one in flows)}",),
        ),
        _Step("prepared", prepared, (f"learned from, or of another split: {prepared - tested.lesions}",)),
        _Step("tested lesions", tested.lesions, (f"further lesions of a patient: {tested.lesions - tested.cases}",)),
        _Step("scored patients", tested.cases),
    )


def flow_tables(study: Study) -> tuple[Table, ...]:
    """Return how many cases each step leaves, and the reasons of those that somebody left out."""
    tested = {group.name: group.flow for group in study.groups}
    steps = [
        (
            one.cohort,
            str(one.rows),
            str(sum(one.left_out.values())),
            str(one.failed),
            str(one.prepared),
            str(tested[one.cohort].lesions if one.cohort in tested else 0),
            str(tested[one.cohort].cases if one.cohort in tested else 0),
        )
        for one in study.cohort_flow
    ]
    reasons = [(one.cohort, reason, str(cases)) for one in study.cohort_flow for reason, cases in one.left_out.items()]
    tables = (
        Table(
            "flow",
            "From the rows of the cohort tables to the scored patients.",
            ("Cohort", "Rows", "Left out", "Not readable", "Prepared", "Tested lesions", "Scored patients"),
            tuple(steps),
            "Left out: by somebody, with a reason, before any training. Prepared cases that are not tested were "
            "learned from, or belong to another split.",
        ),
        Table(
            "left-out", "Cases that were left out, and why.", ("Cohort", "Reason", "Cases"), tuple(reasons), prose=True
        ),
    )
    return tuple(table for table in tables if table.rows)


def _short(reason: str) -> str:
    return reason if len(reason) <= LETTERS else f"{reason[: LETTERS - 3]}..."


def _drawn(steps: Sequence[_Step]) -> Markup:
    """Draw steps from top to bottom, what each leaves out to the right of the way to the next."""
    parts, top, (width, high) = list[Markup](), float(LEFT), BOX
    middle, beside = LEFT + width / 2, LEFT + width + GAP
    for number, step in enumerate(steps):
        parts += [_box((LEFT, top), width, high), _words(f"{step.cases:,} {step.name}", (middle, top + high / 2 + 5))]
        if number < len(steps) - 1:
            reaches = max(len(step.lost) * ROW + ROW, GAP)
            centre = top + high + reaches / 2
            tall = len(step.lost) * ROW + 8
            parts += [
                line((middle, top + high), (middle, top + high + reaches), stroke=MUTED),
                line((middle, centre), (beside, centre), stroke=MUTED),
                _box((beside, centre - tall / 2), SIDE, tall),
                *(
                    text(words, (beside + 8, centre - tall / 2 + ROW * (place + 1) - 2), size=12, fill=INK)
                    for place, words in enumerate(step.lost)
                ),
            ]
            top += high + reaches
    words = "; ".join(f"{step.cases} {step.name}" for step in steps)
    return drawing(*parts, width=beside + SIDE + LEFT, height=top + high + LEFT, label=f"Flow of cases: {words}")


def _box(at: Point, width: Number, height: Number) -> Markup:
    return element("rect", x=at[0], y=at[1], width=width, height=height, rx=4, fill=PAPER, stroke=LINE)


def _words(words: str, at: Point) -> Markup:
    return text(words, at, size=13, anchor="middle", fill=INK)
