"""What is gained by silence and by answers that promise their coverage, as tables."""

from collections.abc import Iterator

from onephase.biomarkers.subtypes import POLICIES
from onephase.evaluation.pages.table import TITLES, Table
from onephase.evaluation.scoring.abstention_scores import KI67
from onephase.evaluation.scoring.conformal_scores import ConformalScore
from onephase.evaluation.study import Study

PERCENT = 100
SHOWN_SHARES = (1.0, 0.8, 0.5)


def abstention_table(study: Study) -> Table:
    """Return the error that is left as the unsure cases go unanswered."""
    return Table(
        "abstention",
        f"Error of the surest cases, {study.whole.name}: share of wrong classes; for Ki-67 the mean absolute error in "
        "points.",
        ("Question", "Contestant", *(f"surest {share * PERCENT:g} %" for share in SHOWN_SHARES), "Mean", "n"),
        tuple(_abstention_rows(study)),
        "Surest: the highest probability of the most probable class; for Ki-67 the narrowest 80 % interval. Mean: over "
        "all shares. A confidence that knows nothing leaves the error as it is.",
    )


def conformal_table(study: Study) -> Table:
    """Return the coverage that the conformal answers obtained, in all, by true class and by site."""
    promised = f"{study.conformal[0].level * PERCENT:g} %" if study.conformal else ""
    return Table(
        "conformal",
        f"Conformal answers that promise to hold the truth in {promised} of cases: how many did, {study.whole.name}.",
        ("Question", "Among", "Held the truth", "n", "Size", "Of one class", "Calibrated on"),
        tuple(row for one in study.conformal for row in _conformal_rows(one)),
        "Size: mean number of classes in a set; for Ki-67 the mean width in points. Calibrated on validation cases, "
        "which also chose the epoch; of several folds the fewest. The promise is for all cases together, not for a "
        "class or a site.",
    )


def title_of(target: str) -> str:
    """Return how a question is called in a table: a marker by its name, a subtype policy as what it parts."""
    titles = {**TITLES, KI67: "Ki-67"}
    titles.update((policy, f"subtypes ({policy})") for policy in POLICIES)
    return titles.get(target, target)


def _abstention_rows(study: Study) -> Iterator[tuple[str, ...]]:
    columns = {contestant: scores.abstention for contestant, scores in study.whole.scores.items()}
    for scores in zip(*columns.values(), strict=True):  # one question to every contestant
        digits = 1 if scores[0].target == KI67 else 3
        for contestant, score in zip(columns, scores, strict=True):
            risk = dict(score.curve.points)
            if risk:
                shown = [risk[share].text(digits=digits) for share in SHOWN_SHARES]
                mean = score.curve.area
                yield title_of(score.target), contestant, *shown, mean.text(digits=digits), str(mean.n)


def _conformal_rows(one: ConformalScore) -> Iterator[tuple[str, ...]]:
    title = title_of(one.target)
    size = one.size.text(digits=1 if one.target == KI67 else 2)
    single, calibrated_on = one.single.text(digits=2), str(one.calibrated_on)
    yield title, "all cases", one.coverage.text(digits=2), str(one.coverage.n), size, single, calibrated_on
    for part, share in {**one.by_class, **one.by_site}.items():
        yield title, part, share.text(digits=2), str(share.n), "", "", ""
