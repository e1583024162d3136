"""The tested explanations of a bundle as one page."""

from collections.abc import Iterator
from pathlib import Path

from onephase.evaluation.explanations.checking import ByTask, CheckedExplanation, CheckedExplanations
from onephase.evaluation.explanations.looking import REGIONS
from onephase.evaluation.explanations.region_truth import REGION_CUES, TASKS
from onephase.evaluation.explanations.sanity import ALIKE, EVEN
from onephase.evaluation.pages.curves import Panel, curve_panels
from onephase.evaluation.pages.document import Document, Figure, Section
from onephase.evaluation.pages.page import simulated_words
from onephase.evaluation.pages.table import Table, p_text
from onephase.reports.style import BIOMARKER_NAMES, REGION_NAMES
from onephase.statistics.estimate import Estimate
from onephase.storage import json_text, write_texts

PAGE_NAME, JSON_NAME = "explanations.html", "explanations.json"
PERCENT = 100
LEADS = (
    "An explanation is a claim about what an answer rests on, and may be wrong. Here each is held against two things: "
    "what it becomes once the network has unlearned everything, and, where cases are simulated, the truth.",
    "What a region tells and what a network has learned to see there are two things: an explanation may be faithful to "
    "a network that looks in the wrong place.",
)
WHAT = {
    "region weights": "the network's own weight of each region, summing to 1",
    "attention": "mean attention of the region over that of all regions together: 1 is no preference",
    "occlusion by surroundings": "how far the log odds (of Ki-67: its logit) move when the region is filled "
    "with voxels from beyond the shell",
    "exchange with another lesion": "how far they move when the region is filled with another lesion's tissue",
}


def write_explanations(folder: Path, found: CheckedExplanations) -> Path:
    """Write page, JSON, tables and figure into ``folder``, all of them or none; return the path of the page.

    Raises:
        StorageError: If a file cannot be written.
    """
    document = document_of(found)
    files = {PAGE_NAME: document.to_html(), JSON_NAME: json_text(found.to_json()), **document.parts()}
    write_texts({folder / name: text for name, text in files.items()})
    return folder / PAGE_NAME


def document_of(found: CheckedExplanations) -> Document:
    """Return the page."""
    sections = [
        Section("Can they mean anything?", sentences=tuple(verdicts(found)), tables=(_sanity_table(found),)),
        Section("Do they find the truth?", sentences=tuple(_agreements(found)), tables=tuple(_truth_tables(found))),
        Section("What they say", tables=(_figures_table(found),)),
        Section(
            "What travels with a region",
            tables=(
                _by_task_table(
                    "transfer",
                    found.transfer,
                    "Share of the difference between two lesions' log odds (of Ki-67: its logit) that travels with the "
                    "tissue of one region: slope through the origin.",
                    "1: all of it. What no region carries alone lies in the outline, or in several regions at once.",
                ),
            ),
        ),
        Section("Attention in millimetres", figures=tuple(_profile_figure(found)), sentences=tuple(_depths(found))),
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
            yield f"{_capital(name)}: means nothing for this network, for {'; '.join(one.sanity.faults)}."
        else:
            against = " and shuffled labels" if one.sanity.shuffled_labels else ""
            yield f"{_capital(name)}: depends on what was learned, by random weights{against}."


def _sanity_table(found: CheckedExplanations) -> Table:
    rows = [
        (
            name,
            one.sanity.contrast.text(digits=2),
            _alike(one.sanity.random_weights),
            _alike(one.sanity.shuffled_labels),
            "means nothing" if one.sanity.faults else "holds",
        )
        for name, one in found.kinds.items()
    ]
    return Table(
        "sanity",
        "How far regions stand out, and how alike the explanation of a network is that has unlearned everything: "
        "correlation over regions, averaged over cases and biomarkers.",
        ("Explanation", "Stands out by", "Alike with random weights", "Alike with shuffled labels", "Verdict"),
        tuple(rows),
        f"An explanation means nothing where no region stands out by {EVEN:.0%} of their mean, or where the interval "
        f"of either correlation reaches {ALIKE:g}: then it shows the image or the network's form, and nothing learned.",
    )


def _alike(other: Estimate | None) -> str:
    if other is None:
        return "not tried"
    return "these are even" if other.value is None else other.text(digits=2)


def _agreements(found: CheckedExplanations) -> Iterator[str]:
    if found.truth is None:
        return
    first = {task: found.truth.first(task) for task in TASKS}
    for name, one in found.kinds.items():
        if one.agreement is not None:
            right = sum(one.agreement.first[task] == first[task] for task in TASKS)
            chance = p_text(one.agreement.chance)
            yield (
                f"{_capital(name)}: {_share(one)} of the settled pairs of regions are ranked as in truth (as "
                f"well by chance: {chance}), the right region first for {right} of {len(TASKS)} biomarkers."
            )


def _share(one: CheckedExplanation) -> str:
    assert one.agreement is not None  # noqa: S101 - said above
    return one.agreement.cohort.text(digits=2)


def _truth_tables(found: CheckedExplanations) -> Iterator[Table]:
    if found.truth is None:
        return
    cues = "; ".join(f"{name}: {', '.join(_cue(cue) for cue in own)}" for name, own in REGION_CUES.items())
    yield _by_task_table(
        "truth",
        found.truth.information,
        "Where the truth lies: what the oracle loses when a region's cues are hidden from it, nats a case.",
        f"{_capital(cues)}. Size lies in the outline. Of phenotypes drawn anew; what reaches the image is less.",
        digits=4,
    )
    truth = {task: found.truth.first(task) for task in TASKS}
    rows = [("truth", "1", "1", "-", *(truth[task] for task in TASKS))]
    rows += [
        (
            name,
            one.agreement.cohort.text(digits=2),
            one.agreement.case.text(digits=2),
            p_text(one.agreement.chance),
            *(one.agreement.first[task] for task in TASKS),
        )
        for name, one in found.kinds.items()
        if one.agreement is not None
    ]
    yield Table(
        "agreement",
        "How often an explanation ranks two regions as the truth does, and which region it puts first.",
        ("Explanation", "All cases together", "Single cases", "Chance", *(BIOMARKER_NAMES[task] for task in TASKS)),
        tuple(rows),
        f"0.5 is chance. Over the {len(found.truth.pairs)} of {3 * len(TASKS)} pairs of regions whose true difference "
        "is settled; intervals over patients, for this one network. Chance: share of all rankings that do as well.",
    )


def _figures_table(found: CheckedExplanations) -> Table:
    rows = [
        (name, BIOMARKER_NAMES[task], *(one.figures[task][region].text(digits=2) for region in REGIONS))
        for name, one in found.kinds.items()
        for task in TASKS
    ]
    words = "; ".join(f"{name}: {WHAT[name]}" for name in found.kinds)
    return Table(
        "explanations",
        "What each explanation says, mean over cases.",
        ("Explanation", "Biomarker", *(_capital(REGION_NAMES[region]) for region in REGIONS)),
        tuple(rows),
        f"{_capital(words)}.",
    )


def _by_task_table(name: str, figures: ByTask, caption: str, note: str, *, digits: int = 2) -> Table:
    rows = [
        (BIOMARKER_NAMES[task], *(figures[task][region].text(digits=digits) for region in REGIONS)) for task in TASKS
    ]
    return Table(
        name, caption, ("Biomarker", *(_capital(REGION_NAMES[region]) for region in REGIONS)), tuple(rows), note
    )


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
        yield f"Attention is highest {where}: {most.text(digits=2)} of each lesion's strongest voxel."
        if found.kinds["attention"].sanity.faults:
            yield "As said above, this map means nothing for this network, and no more does that depth."


def _cue(name: str) -> str:
    return name.removesuffix("_mm").removesuffix("_per_min")


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
