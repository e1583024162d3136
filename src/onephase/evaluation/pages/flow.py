"""From cohort tables to scored patients: how many cases each step leaves, and why."""

from onephase.evaluation.pages.table import Table
from onephase.evaluation.study import Study


def flow_tables(study: Study) -> tuple[Table, ...]:
    """Return how many cases each step leaves, and the reasons of those that somebody left out."""
    tested = {group.name: group.flow for group in study.groups}
    steps = [
        (
            one.cohort,
            str(one.rows),
            str(sum(one.left_out.values())),
            str(one.failed),
            str(one.prepared),
            str(tested[one.cohort].lesions if one.cohort in tested else 0),
            str(tested[one.cohort].cases if one.cohort in tested else 0),
        )
        for one in study.cohort_flow
    ]
    reasons = [(one.cohort, reason, str(cases)) for one in study.cohort_flow for reason, cases in one.left_out.items()]
    tables = (
        Table(
            "flow",
            "From the rows of the cohort tables to the scored patients.",
            ("Cohort", "Rows", "Left out", "Not readable", "Prepared", "Tested lesions", "Scored patients"),
            tuple(steps),
            "Left out: by somebody, with a reason, before any training. Prepared cases that are not tested were "
            "learned from, or belong to another split.",
        ),
        Table(
            "left-out", "Cases that were left out, and why.", ("Cohort", "Reason", "Cases"), tuple(reasons), prose=True
        ),
    )
    return tuple(table for table in tables if table.rows)
