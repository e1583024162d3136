"""The tables of tested explanations."""

from collections.abc import Iterator

from onephase.evaluation.explanations.checked import ByTask, CheckedExplanations
from onephase.evaluation.explanations.looking import REGIONS
from onephase.evaluation.explanations.region_truth import REGION_CUES, TASKS
from onephase.evaluation.explanations.sanity import ALIKE
from onephase.evaluation.pages.table import Table, p_text
from onephase.inference.prediction import EVEN
from onephase.reports.style import BIOMARKER_NAMES, REGION_NAMES
from onephase.statistics.estimate import Estimate

WHAT = {
    "region weights": "the network's own weight of each region, summing to 1",
    "attention": "mean attention of the region over that of all regions together: 1 is no preference",
    "occlusion by surroundings": "how far the log odds (of Ki-67: its logit) move when the region is filled "
    "with voxels from beyond the shell",
    "exchange with another lesion": "how far they move when the region is filled with another lesion's tissue",
}


def sanity_table(found: CheckedExplanations) -> Table:
    """Return how far regions stand out, and how alike explanations without learning are."""
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
        f"correlation over regions, averaged over {found.cases} cases and all biomarkers.",
        ("Explanation", "Stands out by", "Alike with random weights", "Alike with shuffled labels", "Verdict"),
        tuple(rows),
        f"An explanation means nothing where no region stands out by {EVEN:.0%} of their mean, or where the interval "
        f"of either correlation reaches {ALIKE:g}: then it shows the image or the network's form, and nothing learned.",
    )


def _alike(other: Estimate | None) -> str:
    if other is None:
        return "not tried"
    return "these are even" if other.value is None else other.text(digits=2)


def truth_tables(found: CheckedExplanations) -> Iterator[Table]:
    """Yield where the truth lies and how well each explanation ranks it; nothing of a real cohort."""
    if found.truth is None:
        return
    cues = "; ".join(f"{name}: {', '.join(_cue(cue) for cue in own)}" for name, own in REGION_CUES.items())
    yield by_task_table(
        "truth",
        found.truth.information,
        "Where the truth lies: what the oracle loses when a region's cues are hidden from it, nats a case.",
        f"{capital(cues)}. Size lies in the outline. Of phenotypes drawn anew; what reaches the image is less.",
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
        f"How often an explanation of {found.cases} cases ranks two regions as the truth does, and which region it "
        "puts first.",
        ("Explanation", "All cases together", "Single cases", "Chance", *(BIOMARKER_NAMES[task] for task in TASKS)),
        tuple(rows),
        f"0.5 is chance. Over the {len(found.truth.pairs)} of {3 * len(TASKS)} pairs of regions whose true difference "
        "is settled; intervals over patients, for this one network. Chance: share of all rankings that do as well.",
    )


def figures_table(found: CheckedExplanations) -> Table:
    """Return what each explanation says."""
    rows = [
        (name, BIOMARKER_NAMES[task], *(one.figures[task][region].text(digits=2) for region in REGIONS))
        for name, one in found.kinds.items()
        for task in TASKS
    ]
    words = "; ".join(f"{name}: {WHAT[name]}" for name in found.kinds)
    return Table(
        "explanations",
        f"What each explanation says, mean over {found.cases} cases.",
        ("Explanation", "Biomarker", *(capital(REGION_NAMES[region]) for region in REGIONS)),
        tuple(rows),
        f"{capital(words)}.",
    )


def profile_table(found: CheckedExplanations) -> Table:
    """Return the attention by depth, of as many lesions as are so deep."""
    rows = [(f"{depth:g}", one.text(digits=2), str(one.n)) for depth, one in found.profile]
    return Table(
        "attention-profile",
        "Attention by distance to the lesion's surface, as a share of that of each lesion's strongest voxel.",
        ("mm, negative inside", "Attention", "n"),
        tuple(rows),
        "Middle of each layer. n: lesions that have voxels there.",
    )


def by_task_table(name: str, figures: ByTask, caption: str, note: str, *, digits: int = 2) -> Table:
    """Return figures of each biomarker and region as a table."""
    rows = [
        (BIOMARKER_NAMES[task], *(figures[task][region].text(digits=digits) for region in REGIONS)) for task in TASKS
    ]
    return Table(
        name, caption, ("Biomarker", *(capital(REGION_NAMES[region]) for region in REGIONS)), tuple(rows), note
    )


def _cue(name: str) -> str:
    return name.removesuffix("_mm").removesuffix("_per_min")


def capital(words: str) -> str:
    """Return words that begin with a capital."""
    return words[:1].upper() + words[1:]
