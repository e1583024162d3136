"""One long table of every figure of a study, for machines: a row a figure, its parts in columns of their own."""

from collections.abc import Iterator

from onephase.csv_text import csv_text
from onephase.evaluation.pages.table import labelled
from onephase.evaluation.scoring.abstention_scores import AbstentionScore
from onephase.evaluation.scoring.conformal_scores import ConformalScore
from onephase.evaluation.scoring.ki67_scores import Ki67Score
from onephase.evaluation.scoring.receptor_scores import ReceptorScore
from onephase.evaluation.scoring.scores import Scores
from onephase.evaluation.scoring.subtype_scores import SubtypeScore
from onephase.evaluation.study import Study
from onephase.statistics.estimate import Comparison, Estimate

HEADER = (
    "group",
    "contestant",
    "figure",
    "value",
    "low",
    "high",
    "n",
    "events",
    "level",
    "p_value",
    "adjusted_p",
    "reason",
)
Figure = tuple[str, Estimate | Comparison]


def figures_csv(study: Study, *, simulated: str) -> str:
    """Return every figure of a study in one long CSV: value, interval, n and reason apart.

    Args:
        study: What was measured.
        simulated: What its page says of simulated cases; empty where there are none.
    """
    rows: list[tuple[object, ...]] = [HEADER]
    for group in study.groups:
        for contestant, scores in group.scores.items():
            rows += [(group.name, contestant, name, *_numbers(figure)) for name, figure in _figures(scores)]
        for one in group.versus:
            rows += [
                (group.name, f"{one.first} - {one.second}", name, *_numbers(figure))
                for name, figure in one.figures.items()
            ]
    for answer in study.conformal:
        for name, figure in _conformal(answer):
            rows.append((study.whole.name, "conformal", f"{answer.target} {name}", *_numbers(figure)))
    return csv_text(labelled(rows, simulated=simulated))


def _figures(scores: Scores) -> Iterator[Figure]:
    for one in scores.receptors:
        yield from _receptor(one)
    yield from _ki67(scores.ki67)
    yield "panel log-likelihood", scores.panel.log_likelihood
    yield "panel gain over prior", scores.panel.gain
    for score in scores.subtypes:
        yield from _subtype(score)
    for question in scores.abstention:
        yield from _abstention(question)
    for row in scores.subgroups:
        for name, estimate in row.figures.items():
            yield f"{row.column}={row.value} {name}", estimate


def _receptor(one: ReceptorScore) -> Iterator[Figure]:
    yield f"{one.receptor} auc", one.auc
    yield f"{one.receptor} brier", one.brier
    yield f"{one.receptor} calibration error", one.calibration_error
    for point in one.decision:
        yield f"{one.receptor} net benefit from {point.threshold:g}", point.model
        yield f"{one.receptor} net benefit of all positive from {point.threshold:g}", point.treat_all


def _ki67(ki67: Ki67Score) -> Iterator[Figure]:
    yield "ki67 mae percent", ki67.mae_percent
    yield "ki67 constant mae percent", ki67.constant_mae_percent
    yield "ki67 gain percent", ki67.gain_percent
    yield "ki67 spearman", ki67.spearman
    yield "ki67 concordance", ki67.concordance
    for level, share in ki67.coverage:
        yield f"ki67 coverage {level:g}", share


def _subtype(score: SubtypeScore) -> Iterator[Figure]:
    yield f"{score.scheme} macro auc", score.discrimination.macro
    yield f"{score.scheme} log likelihood", score.log_likelihood
    yield f"{score.scheme} accuracy", score.accuracy
    for name, estimate in zip(score.classes, score.discrimination.per_class, strict=True):
        yield f"{score.scheme} auc {name}", estimate


def _abstention(one: AbstentionScore) -> Iterator[Figure]:
    yield f"{one.target} {one.loss} mean over shares", one.curve.area
    for share, risk in one.curve.points:
        yield f"{one.target} {one.loss} of the surest {share:g}", risk


def _conformal(one: ConformalScore) -> Iterator[Figure]:
    yield f"held the truth, promised {one.level:g}", one.coverage
    for part, share in {**one.by_class, **one.by_site}.items():
        yield f"held the truth, {part}", share
    yield "size", one.size
    yield "of one class", one.single


def _numbers(figure: Estimate | Comparison) -> tuple[object, ...]:
    if isinstance(figure, Comparison):
        estimate, tests = figure.difference, (figure.p_value, figure.adjusted_p)
    else:
        estimate, tests = figure, (None, None)
    plain = (estimate.value, estimate.low, estimate.high, estimate.n, estimate.events, estimate.level, *tests)
    return (*("" if number is None else number for number in plain), estimate.reason)
