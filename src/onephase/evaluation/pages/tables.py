"""The tables of a study, laid out as a paper prints them."""

from collections.abc import Iterator

from onephase.evaluation.pages.calibration_tables import calibration_table, decision_table
from onephase.evaluation.pages.comparison_tables import comparison_table
from onephase.evaluation.pages.restraint_tables import abstention_table, conformal_table
from onephase.evaluation.pages.table import PERCENT, TITLES, Table, p_text, with_counts
from onephase.evaluation.scoring.answers import SCORED_RECEPTORS
from onephase.evaluation.scoring.scores import Scores
from onephase.evaluation.study import Group, Study


def tables_of(study: Study) -> tuple[Table, ...]:
    """Return the tables of a study; one that would have nothing in it is left out."""
    made = (
        _cases(study),
        _receptors(study),
        _ki67(study),
        _panel(study),
        comparison_table(study),
        _subtypes(study),
        *_confusions(study),
        calibration_table(study),
        decision_table(study),
        abstention_table(study),
        conformal_table(study),
        _subgroups(study),
    )
    return tuple(table for table in made if table.rows)


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
        "Scored: the largest lesion with a label of each patient, the largest where none has one. HR is ER or PR.",
    )


def _receptors(study: Study) -> Table:
    shown = [receptor for receptor in SCORED_RECEPTORS if study.whole.flow.positive[receptor]]
    rows = [
        (
            group.name,
            contestant,
            *(with_counts(scores.receptor(receptor).auc) for receptor in shown),
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
        "telling the cohorts apart: read it beside the row that knows nothing but the cohort. Where the answers of "
        "folds are pooled, who knows nothing comes out below 0.5, for what a fold learned leans against the labels "
        "that it left out: read an AUC beside that of the prior.",
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
            p_text(scores.panel.gain.p_value),
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


def _subtypes(study: Study) -> Table:
    rows = [
        (
            group.name,
            contestant,
            score.scheme,
            score.discrimination.macro.text(),
            score.log_likelihood.text(),
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
        "Subtypes: one-versus-rest AUC averaged over the classes that occur, mean log probability of the true "
        "class in nats, and share of cases whose most probable class is the true one.",
        ("Cohort", "Contestant", "Scheme", "Macro AUC", "Log-likelihood", "Accuracy", "n", "Indeterminate"),
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


def _subgroups(study: Study) -> Table:
    contestant, scores = next(iter(study.whole.scores.items()))
    shown = {name for row in scores.subgroups for name, figure in row.figures.items() if figure.value is not None}
    names = [name for name in TITLES if name in shown]
    rows = [
        (
            row.column,
            row.value,
            str(row.n),
            *(with_counts(row.figures[name], digits=1 if "percent" in name else 2) for name in names),
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
