"""The tested explanations of a bundle as one page."""

from collections.abc import Iterator
from pathlib import Path

from onephase.evaluation.explanations.checked import CheckedExplanation, CheckedExplanations
from onephase.evaluation.explanations.explanation_tables import (
    by_task_table,
    capital,
    figures_table,
    profile_table,
    sanity_table,
    truth_tables,
)
from onephase.evaluation.explanations.region_truth import TASKS
from onephase.evaluation.pages.curves import Panel, curve_panels
from onephase.evaluation.pages.document import Document, Figure, Section
from onephase.evaluation.pages.page import simulated_words
from onephase.evaluation.pages.table import p_text
from onephase.storage import json_text

PAGE_NAME, JSON_NAME = "explanations.html", "explanations.json"
LEADS = (
    "An explanation is a claim about what an answer rests on, and may be wrong. Here each is held against two things: "
    "what it becomes once the network has unlearned everything, and, where cases are simulated, the truth.",
    "What a region tells and what a network has learned to see there are two things: an explanation may be faithful to "
    "a network that looks in the wrong place.",
)


def write_explanations(folder: Path, found: CheckedExplanations) -> Path:
    """Write page, JSON, tables and figure into ``folder``, all of them or none; return the path of the page.

    Raises:
        StorageError: If a file cannot be written.
    """
    return document_of(found).write(folder / PAGE_NAME, beside={JSON_NAME: json_text(found.to_json())})


def document_of(found: CheckedExplanations) -> Document:
    """Return the page."""
    sections = [
        Section("Can they mean anything?", sentences=tuple(verdicts(found)), tables=(sanity_table(found),)),
        Section("Do they find the truth?", sentences=tuple(_agreements(found)), tables=tuple(truth_tables(found))),
        Section("What they say", tables=(figures_table(found),)),
        Section(
            "What travels with a region",
            tables=(
                by_task_table(
                    "transfer",
                    found.transfer,
                    "Share of the difference between two lesions' log odds (of Ki-67: its logit) that travels with the "
                    f"tissue of one region: slope through the origin, {found.cases} pairs.",
                    "1: all of it. What no region carries alone lies in the outline, or in several regions at once.",
                ),
            ),
        ),
        Section(
            "Attention in millimetres",
            figures=tuple(_profile_figure(found)),
            sentences=tuple(_depths(found)),
            tables=(profile_table(found),) if found.profile else (),
        ),
    ]
    return Document(
        kicker="onephase explain",
        title=f"{len(found.kinds)} explanations tested on {found.cases} cases",
        simulated=simulated_words(found.simulated, found.cases),
        leads=LEADS,
        sections=tuple(one for one in sections if one.says_something),
        facts={
            "bundle": found.bundle,
            "Intervals": "95 %; percentiles of bootstrap resamples over patients, for random weights over permutations",
            "Cases without an answer": "; ".join(found.problems) or "none",
            **found.facts,
        },
    )


def verdicts(found: CheckedExplanations) -> Iterator[str]:
    """Say of each explanation whether it can mean anything, by the criterion that stands beside the table."""
    for name, one in found.kinds.items():
        if one.sanity.faults:
            yield f"{capital(name)}: means nothing for this network, for {'; '.join(one.sanity.faults)}."
        else:
            against = " and shuffled labels" if one.sanity.shuffled_labels else ""
            yield f"{capital(name)}: depends on what was learned, by random weights{against}."


def _agreements(found: CheckedExplanations) -> Iterator[str]:
    if found.truth is None:
        return
    first = {task: found.truth.first(task) for task in TASKS}
    for name, one in found.kinds.items():
        if one.agreement is not None:
            right = sum(one.agreement.first[task] == first[task] for task in TASKS)
            chance = p_text(one.agreement.chance)
            yield (
                f"{capital(name)}: {_share(one)} of the settled pairs of regions are ranked as in truth (as "
                f"well by chance: {chance}), the right region first for {right} of {len(TASKS)} biomarkers."
            )


def _share(one: CheckedExplanation) -> str:
    assert one.agreement is not None  # noqa: S101 - said above
    return one.agreement.cohort.text(digits=2)


def _profile_figure(found: CheckedExplanations) -> Iterator[Figure]:
    if found.profile:
        panel = Panel("Attention by depth", {"mean over cases": found.profile}, {})
        across = "mm from the surface, negative inside"
        yield Figure("attention-profile", curve_panels([panel], across=across, up="attention"))


def _depths(found: CheckedExplanations) -> Iterator[str]:
    if found.profile:
        depth, most = max(found.profile, key=lambda point: point[1].value or 0.0)
        side = "inside" if depth < 0 else "outside"
        where = f"{abs(depth):g} mm {side} the surface"
        yield f"Attention is highest {where}: {most.text(digits=2)} of each lesion's strongest voxel (n = {most.n})."
        if found.kinds["attention"].sanity.faults:
            yield "As said above, this map means nothing for this network, and no more does that depth."
