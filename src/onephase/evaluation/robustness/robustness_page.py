"""The robustness of a bundle as one page: one figure, its numbers, and the sentences that follow from them."""

from pathlib import Path

from onephase.biomarkers.panel import RECEPTORS
from onephase.evaluation.pages.document import Document, Figure, Section
from onephase.evaluation.pages.figures import ForestGroup, forests
from onephase.evaluation.pages.page import simulated_words
from onephase.evaluation.pages.table import Table, with_counts
from onephase.evaluation.robustness.findings import COSTS, MOVED, ChangeFinding, Robustness
from onephase.reports.style import BIOMARKER_NAMES
from onephase.statistics.estimate import Estimate
from onephase.storage import json_text

PAGE_NAME, JSON_NAME = "robustness.html", "robustness.json"
ALPHA = 0.05
COST_NAMES = {
    **{name: f"{BIOMARKER_NAMES[name]} AUC" for name in RECEPTORS},
    "ki67_mae_percent": "Ki-67 error",
    "panel_gain": "Panel",
}
"""By figure, all of which grow as answers get better: of the error it is the sign that is turned."""
LEADS = (
    "Each case was changed in one way at a time, prepared anew and answered anew; everything else is as the cohort "
    "gives it. How far an answer moves needs no label. What that costs is told by the cases that pathology decides, "
    "each against itself.",
    "An answer that moves little may still be wrong, and one that moves may be wrong before and after alike: read both "
    "halves. Patients that the bundle has learned from are left out.",
)
METHOD = (
    "95 %; AUC differences by DeLong's paired test with Student's t, all else percentiles of bootstrap resamples over "
    "patients, expanded for few patients; p after Holm over every figure of every change"
)


def write_robustness(folder: Path, found: Robustness) -> Path:
    """Write page, JSON, table and figure into ``folder``, all of them or none; return the path of the page.

    Raises:
        StorageError: If a file cannot be written.
    """
    return document_of(found).write(folder / PAGE_NAME, beside={JSON_NAME: json_text(found.to_json())})


def document_of(found: Robustness) -> Document:
    """Return the page."""
    made = [one for one in found.findings if one.cases]
    sections = [
        Section("As given", sentences=tuple(as_given(found))),
        Section(
            "What each change does",
            figures=(_figure(made),) if made else (),
            sentences=tuple(what_changes_do(found)),
            tables=(moves_table(found), costs_table(found)),
        ),
        Section("Where a change could not be made", sentences=tuple(_reasons(found))),
    ]
    return Document(
        kicker="onephase robustness",
        title=f"{_cases(found.cases)}, {len(made)} changes of each",
        simulated=simulated_words(found.simulated, found.cases),
        leads=LEADS,
        sections=tuple(one for one in sections if one.says_something),
        facts={"bundle": found.bundle, "Intervals": METHOD, **found.facts},
    )


def moves_table(found: Robustness) -> Table:
    """Return how far each answer moves."""
    rows = [
        (one.family, one.name, str(one.cases), *(one.moved[name].text(digits=1) for name in MOVED))
        for one in found.findings
        if one.cases
    ]
    return Table(
        "moves",
        "How far answers move: mean absolute change of the probability of each receptor and of the Ki-67 median, in "
        "points of 100.",
        ("Kind", "Change", "n", *(BIOMARKER_NAMES[name] for name in MOVED)),
        tuple(rows),
        "n: cases in which the change could be made.",
    )


def costs_table(found: Robustness) -> Table:
    """Return what it costs, in the cases that have a label."""
    rows = [(one.family, one.name, *(_cost(one, name) for name in COSTS)) for one in found.findings if one.cases]
    return Table(
        "costs",
        "What it costs: changed less as given, on the same cases. AUC, Ki-67 error in points with its sign turned, "
        "panel log-likelihood in nats; behind each how many cases decide it, of an AUC positive / all.",
        ("Kind", "Change", *(COST_NAMES[name] for name in COSTS)),
        tuple(rows),
        "Below zero, the change has made it worse. * Adjusted p below 0.05. An AUC has no interval where no rank has "
        "changed or a class has one case, Ki-67 and panel have none with fewer than six patients.",
    )


def _cost(one: ChangeFinding, name: str) -> str:
    comparison = one.costs[name]
    starred = comparison.adjusted_p is not None and comparison.adjusted_p < ALPHA
    return with_counts(comparison.difference, digits=1 if "percent" in name else 3) + " *" * starred


def _figure(made: list[ChangeFinding]) -> Figure:
    moved = [(BIOMARKER_NAMES[name], [(one.name, one.moved[name]) for one in made]) for name in MOVED]
    costs = [(BIOMARKER_NAMES[name], [(one.name, one.costs[name].difference) for one in made]) for name in RECEPTORS]
    return Figure(
        "robustness", forests((ForestGroup(moved, 0.0, "moves, points"), ForestGroup(costs, 0.0, "AUC change")))
    )


def as_given(found: Robustness) -> list[str]:
    """Say how good the answers are before anything is changed, and which cases have none."""
    said = [one.sentence(f"The AUC of {BIOMARKER_NAMES[name]}") for name, one in found.auc.items()]
    return [*said, *found.problems]


def what_changes_do(found: Robustness) -> list[str]:
    """Say which change moves each answer most, and what it makes worse beyond chance."""
    made = [one for one in found.findings if one.cases]
    if not made:
        return []
    said = []
    for name in MOVED:
        most = max(made, key=lambda one: one.moved[name].value or 0.0)
        said.append(_moves_most(BIOMARKER_NAMES[name], most.name, most.moved[name]))
    costs = [(one.name, COST_NAMES[name], one.costs[name]) for one in made for name in COSTS]
    if all(cost.difference.value is None for _, _, cost in costs):
        return [*said, "These cases have no label by which what a change costs could be told."]
    worse = [
        f"{change} ({figure})"
        for change, figure, cost in costs
        if cost.adjusted_p is not None and cost.adjusted_p < ALPHA and (cost.difference.value or 0.0) < 0
    ]
    if not worse:
        return [*said, "No change makes anything worse beyond chance, p adjusted for all that was compared."]
    return [*said, f"Worse beyond chance, p adjusted for all that was compared: {', '.join(worse)}."]


def _moves_most(marker: str, change: str, moved: Estimate) -> str:
    unit = "points of the Ki-67 median" if marker == BIOMARKER_NAMES["ki67"] else "points of probability"
    return f"{marker} is moved most by {change}: {moved.text(digits=1)} {unit} on average ({_cases(moved.n)})."


def _reasons(found: Robustness) -> list[str]:
    """Say why changes could not be made, those that share a reason in one sentence."""
    shared: dict[tuple[str, int], list[str]] = {}
    for one in found.findings:
        for reason in one.reasons.items():
            shared.setdefault(reason, []).append(one.name)
    return [f"{', '.join(names)}: {reason} ({_cases(count)})." for (reason, count), names in shared.items()]


def _cases(count: int) -> str:
    return f"{count} case" if count == 1 else f"{count} cases"
