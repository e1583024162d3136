"""Whether the probabilities come true, and what acting on them would be worth, as tables."""

from collections.abc import Callable, Iterator

from onephase.evaluation.pages.table import TITLES, Table, counts
from onephase.evaluation.scoring.receptor_scores import ReceptorScore
from onephase.evaluation.study import Study
from onephase.statistics.decision_curve import DecisionPoint
from onephase.statistics.estimate import Estimate

SHOWN_THRESHOLDS = (0.2, 0.4, 0.6, 0.8)
ALL_POSITIVE = "all called positive"


def calibration_table(study: Study) -> Table:
    """Return Brier score and calibration error of every contestant, cohort by cohort."""
    rows = [
        (
            group.name,
            contestant,
            TITLES[one.receptor],
            one.brier.text(),
            one.calibration_error.text(),
            counts(one.brier),
        )
        for group in study.groups
        for contestant, scores in group.scores.items()
        for one in scores.receptors
        if one.brier.n
    ]
    return Table(
        "calibration",
        "Brier score and expected calibration error (bins of equal size).",
        ("Cohort", "Contestant", "Receptor", "Brier", "ECE", "positive / n"),
        tuple(rows),
        "ECE is never below zero: noise alone lifts it, the more the fewer the cases.",
    )


def decision_table(study: Study) -> Table:
    """Return the net benefit at some thresholds, beside that of calling every case positive."""
    return Table(
        "decision-curve",
        f"Net benefit of calling a receptor positive from a threshold on, {study.whole.name}.",
        ("Receptor", "Called by", *(f"from {threshold:g}" for threshold in SHOWN_THRESHOLDS), "positive / n"),
        tuple(_decision_rows(study)),
        "In true positives a case, less the false positives at what they are worth at the threshold; to call none "
        "positive earns 0. The threshold is a choice of whoever acts: no figure here says which is right.",
    )


def _decision_rows(study: Study) -> Iterator[tuple[str, ...]]:
    columns = {contestant: scores.receptors for contestant, scores in study.whole.scores.items()}
    for scores in zip(*columns.values(), strict=True):  # one receptor of every contestant
        if scores[0].decision:
            for contestant, score in zip(columns, scores, strict=True):
                yield _decision_row(score, contestant, lambda point: point.model)
            yield _decision_row(scores[0], ALL_POSITIVE, lambda point: point.treat_all)


def _decision_row(score: ReceptorScore, called_by: str, figure: Callable[[DecisionPoint], Estimate]) -> tuple[str, ...]:
    shown = [figure(point).text() for point in score.decision if point.threshold in SHOWN_THRESHOLDS]
    return TITLES[score.receptor], called_by, *shown, counts(score.brier)
