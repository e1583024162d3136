"""The tables of a study, laid out as a paper prints them, and one long table of every figure for machines."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from onephase.evaluation.answers import SCORED_RECEPTORS
from onephase.evaluation.scores import Scores
from onephase.evaluation.study import Group, Study
from onephase.statistics.estimate import Comparison, Estimate

TITLES = {"er": "ER", "pr": "PR", "her2": "HER2", "hr": "HR", "ki67_mae_percent": "Ki-67 MAE", "panel_gain": "Panel"}
TINY_P = 0.001
PERCENT = 100


@dataclass(frozen=True, slots=True)
class Table:
    """A printed table.

    Attributes:
        name: Its file name without suffix.
        caption: What it shows, in one sentence or two.
        columns: Column titles.
        rows: Cells as text.
        note: What a reader must know to read it rightly.
    """

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def to_csv(self) -> str:
        """Return the table as CSV."""
        return _csv([self.columns, *self.rows])


def tables_of(study: Study) -> tuple[Table, ...]:
    """Return the tables of a study; one that would have nothing in it is left out."""
    made = (
        _cases(study),
        _receptors(study),
        _ki67(study),
        _panel(study),
        _comparisons(study),
        _subtypes(study),
        *_confusions(study),
        _calibration(study),
        _subgroups(study),
    )
    return tuple(table for table in made if table.rows)


def figures_csv(study: Study) -> str:
    """Return every figure of a study in one long CSV: a row a figure, value, interval, n and reason apart."""
    header = ("group", "contestant", "figure", "value", "low", "high", "n", "events", "level", "p_value", "reason")
    rows: list[tuple[object, ...]] = [header]
    for group in study.groups:
        for contestant, scores in group.scores.items():
            rows += [
                (group.name, contestant, figure, *_numbers(estimate, p_value))
                for figure, estimate, p_value in _every_figure(scores)
            ]
        for one in group.versus:
            rows += [
                (group.name, f"{one.first} - {one.second}", name, *_numbers(figure.difference, figure.p_value))
                for name, figure in one.figures.items()
            ]
    return _csv(rows)


def p_text(comparison: Comparison) -> str:
    """Return a p value as a table prints it."""
    if comparison.p_value is None:
        return "-"
    return "< 0.001" if comparison.p_value < TINY_P else f"{comparison.p_value:.3f}"


def _cases(study: Study) -> Table:
    rows = [
        (
            group.name,
            str(group.flow.lesions),
            str(group.flow.cases),
            *(f"{group.flow.positive[receptor]} / {group.flow.negative[receptor]}" for receptor in SCORED_RECEPTORS),
            str(group.flow.ki67),
        )
        for group in study.groups
    ]
    return Table(
        "cases",
        "Cases, and how many of them decide each marker (positive / negative).",
        ("Cohort", "Lesions", "Scored", "ER", "PR", "HER2", "HR", "Ki-67 %"),
        tuple(rows),
        "Scored: the largest lesion of each patient. HR is ER or PR.",
    )


def _receptors(study: Study) -> Table:
    shown = [receptor for receptor in SCORED_RECEPTORS if study.whole.flow.positive[receptor]]
    rows = [
        (
            group.name,
            contestant,
            *(_with_counts(scores.receptor(receptor).auc) for receptor in shown),
        )
        for group, contestant, scores in _scored(study)
    ]
    return Table(
        "receptors",
        f"Area under the ROC curve by receptor, with {study.level * PERCENT:g} % interval (DeLong, logit scale); "
        "positive / all cases.",
        ("Cohort", "Contestant", *(TITLES[receptor] for receptor in shown)),
        tuple(rows) if shown else (),
        "Only cases whose record decides the status. Over several cohorts together, an AUC also counts "
        "telling the cohorts apart: read it beside the row that knows nothing but the cohort.",
    )


def _ki67(study: Study) -> Table:
    rows = [
        (
            group.name,
            contestant,
            str(scores.ki67.mae_percent.n),
            scores.ki67.mae_percent.text(digits=1),
            scores.ki67.constant_mae_percent.text(digits=1),
            scores.ki67.gain_percent.difference.text(digits=1),
            scores.ki67.spearman.text(digits=2),
            scores.ki67.concordance.text(digits=2),
            *(share.text(digits=2) for _, share in scores.ki67.coverage),
        )
        for group, contestant, scores in _scored(study)
        if scores.ki67.mae_percent.n
    ]
    return Table(
        "ki67",
        "Ki-67 in percentage points: mean absolute error beside that of the training median on the same cases, "
        "order, agreement, and how many cases lie in the 50, 80 and 95 % intervals.",
        (
            "Cohort",
            "Contestant",
            "n",
            "MAE",
            "MAE of constant median",
            "Gain",
            "Spearman",
            "CCC",
            "in 50 %",
            "in 80 %",
            "in 95 %",
        ),
        tuple(rows),
        "Gain: constant minus contestant, paired; above zero the contestant is nearer.",
    )


def _panel(study: Study) -> Table:
    rows = [
        (
            group.name,
            contestant,
            str(scores.panel.log_likelihood.n),
            scores.panel.log_likelihood.text(),
            scores.panel.gain.difference.text(),
            p_text(scores.panel.gain),
        )
        for group, contestant, scores in _scored(study)
    ]
    return Table(
        "panel",
        "Panel log-likelihood, nats a case, and the gain over the prior, which has seen the training labels "
        "and no image (paired bootstrap over patients).",
        ("Cohort", "Contestant", "n", "Log-likelihood", "Gain over prior", "p"),
        tuple(rows),
        "0 is certainty. All that a record says of ER, PR, HER2 and Ki-67 counts at once, in part or as a range too.",
    )


def _comparisons(study: Study) -> Table:
    rows = [
        (
            group.name,
            f"{one.first} - {one.second}",
            TITLES[name],
            figure.difference.text(digits=1 if name == "ki67_mae_percent" else 3),
            p_text(figure),
            str(figure.difference.n),
        )
        for group in study.groups
        for one in group.versus
        for name, figure in one.figures.items()
        if figure.difference.value is not None
    ]
    return Table(
        "comparisons",
        "Paired differences on the same cases: AUC (DeLong), Ki-67 error and panel log-likelihood (bootstrap).",
        ("Cohort", "Contestants", "Figure", "Difference", "p", "n"),
        tuple(rows),
        "Above zero, the first is better. p values are not corrected for their number.",
    )


def _subtypes(study: Study) -> Table:
    rows = [
        (
            group.name,
            contestant,
            score.scheme,
            score.discrimination.macro.text(),
            score.accuracy.text(digits=2),
            str(score.accuracy.n),
            str(score.indeterminate),
        )
        for group, contestant, scores in _scored(study)
        for score in scores.subtypes
        if score.accuracy.n
    ]
    return Table(
        "subtypes",
        "Subtypes: one-versus-rest AUC averaged over the classes that occur, and share of cases whose most "
        "probable class is the true one.",
        ("Cohort", "Contestant", "Scheme", "Macro AUC", "Accuracy", "n", "Indeterminate"),
        tuple(rows),
        "Indeterminate cases, whose true class cannot be told from their record, are left out.",
    )


def _confusions(study: Study) -> Iterator[Table]:
    contestant, scores = next(iter(study.whole.scores.items()))
    for score in scores.subtypes:
        rows = [
            (name, *(str(count) for count in counts))
            for name, counts in zip(score.classes, score.confusion, strict=True)
            if sum(counts)
        ]
        yield Table(
            f"confusion-{score.scheme.replace(' ', '-')}",
            f"{score.scheme}: true class (rows) and most probable class (columns), {contestant}, {study.whole.name}.",
            ("", *score.classes),
            tuple(rows),
        )


def _calibration(study: Study) -> Table:
    rows = [
        (
            group.name,
            contestant,
            TITLES[one.receptor],
            one.brier.text(),
            one.calibration_error.text(),
            str(one.brier.n),
        )
        for group, contestant, scores in _scored(study)
        for one in scores.receptors
        if one.brier.n
    ]
    return Table(
        "calibration",
        "Brier score and expected calibration error (bins of equal size).",
        ("Cohort", "Contestant", "Receptor", "Brier", "ECE", "n"),
        tuple(rows),
        "ECE is never below zero: noise alone lifts it, the more the fewer the cases.",
    )


def _subgroups(study: Study) -> Table:
    contestant, scores = next(iter(study.whole.scores.items()))
    names = [name for name in TITLES if any(row.figures[name].value is not None for row in scores.subgroups)]
    rows = [
        (
            row.column,
            row.value,
            str(row.n),
            *(_with_counts(row.figures[name], digits=1 if "percent" in name else 2) for name in names),
        )
        for row in scores.subgroups
    ]
    return Table(
        "subgroups",
        f"Subgroups of {study.whole.name}, {contestant}: AUC by receptor (positive / all cases), "
        "Ki-67 error in points, panel gain over the prior in nats.",
        ("Column", "Value", "n", *(TITLES[name] for name in names)),
        tuple(rows),
        "Many rows: some will look striking by chance.",
    )


def _scored(study: Study) -> Iterator[tuple[Group, str, Scores]]:
    for group in study.groups:
        for contestant, scores in group.scores.items():
            yield group, contestant, scores


def _with_counts(estimate: Estimate, *, digits: int = 3) -> str:
    if estimate.value is None:
        return "-"
    counts = str(estimate.n) if estimate.events is None else f"{estimate.events} / {estimate.n}"
    return f"{estimate.text(digits=digits)}; {counts}"


def _every_figure(scores: Scores) -> Iterator[tuple[str, Estimate, float | None]]:
    for one in scores.receptors:
        yield f"{one.receptor} auc", one.auc, None
        yield f"{one.receptor} brier", one.brier, None
        yield f"{one.receptor} calibration error", one.calibration_error, None
    ki67 = scores.ki67
    yield "ki67 mae percent", ki67.mae_percent, None
    yield "ki67 constant mae percent", ki67.constant_mae_percent, None
    yield "ki67 gain percent", ki67.gain_percent.difference, ki67.gain_percent.p_value
    yield "ki67 spearman", ki67.spearman, None
    yield "ki67 concordance", ki67.concordance, None
    for level, share in ki67.coverage:
        yield f"ki67 coverage {level:g}", share, None
    yield "panel log-likelihood", scores.panel.log_likelihood, None
    yield "panel gain over prior", scores.panel.gain.difference, scores.panel.gain.p_value
    for score in scores.subtypes:
        yield f"{score.scheme} macro auc", score.discrimination.macro, None
        yield f"{score.scheme} accuracy", score.accuracy, None
        for name, estimate in zip(score.classes, score.discrimination.per_class, strict=True):
            yield f"{score.scheme} auc {name}", estimate, None
    for row in scores.subgroups:
        for name, estimate in row.figures.items():
            yield f"{row.column}={row.value} {name}", estimate, None


def _numbers(estimate: Estimate, p_value: float | None) -> tuple[object, ...]:
    plain = (estimate.value, estimate.low, estimate.high, estimate.n, estimate.events, estimate.level)
    return (*("" if number is None else number for number in (*plain, p_value)), estimate.reason)


def _csv(rows: list[tuple[str, ...]] | list[tuple[object, ...]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
