"""The network against each rival, with raw and adjusted p values, as a table."""

from onephase.evaluation.pages.table import TITLES, Table, counts, p_text
from onephase.evaluation.study import Study


def comparison_table(study: Study) -> Table:
    """Return every paired difference of the study, a row a figure and rival."""
    rows = [
        (
            group.name,
            f"{one.first} - {one.second}",
            TITLES[name],
            figure.difference.text(digits=1 if name == "ki67_mae_percent" else 3),
            p_text(figure.p_value),
            p_text(figure.adjusted_p),
            counts(figure.difference),
        )
        for group in study.groups
        for one in group.versus
        for name, figure in one.figures.items()
        if figure.difference.value is not None
    ]
    return Table(
        "comparisons",
        "Paired differences on the same cases: receptor AUC (DeLong); macro AUC of subtypes and receptor groups, "
        "log-likelihood of the subtype, Ki-67 error and panel log-likelihood (bootstrap over patients).",
        ("Cohort", "Contestants", "Figure", "Difference", "p", "p (Holm)", "n"),
        tuple(rows),
        "Above zero, the first is better. n: of an AUC, positive / all cases. "
        "p (Holm) is corrected for all comparisons of its cohort, rivals and figures "
        "together; where it is at most 0.05, the chance of even one false finding among them is at most 5 %.",
    )
