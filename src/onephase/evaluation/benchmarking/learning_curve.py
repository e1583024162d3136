"""How much better it gets with more training cases: the same tested cases, answered by ever larger training sets.

Pure: from studies that are at hand, by the number of cases each was trained on, to a table and a figure.
"""

from collections.abc import Mapping

from onephase.evaluation.pages.curves import Panel, Points, curve_panels
from onephase.evaluation.pages.document import Figure
from onephase.evaluation.pages.findings import in_colour, main_contestant
from onephase.evaluation.pages.table import TITLES, Table, counts
from onephase.evaluation.scoring.answers import SCORED_RECEPTORS
from onephase.evaluation.scoring.scores import Scores
from onephase.evaluation.study import Study
from onephase.statistics.estimate import Estimate

FEWEST_SIZES = 2

Curves = dict[str, dict[str, Points]]
"""By figure, then by contestant: number of training cases and what was measured."""


def learning_curves(studies: Mapping[int, Study]) -> Curves:
    """Return every figure of every contestant against the number of training cases.

    Args:
        studies: By number of training cases: the study of one and the same tested cases, of which the
            group that holds every case is looked at.

    Returns:
        The figures that :class:`onephase.evaluation.scoring.comparisons.Versus` names, as far as the tested cases
        define them, of the contestants that take part at every size, the main one first.

    Raises:
        ValueError: If there are fewer than two sizes, or the studies did not test as many cases.
    """
    tested = {study.whole.flow.cases for study in studies.values()}
    if len(studies) < FEWEST_SIZES or len(tested) > 1:
        message = (
            f"a learning curve needs at least two sizes on the same tested cases, got {len(studies)} sizes with "
            f"{sorted(tested)} tested cases"
        )
        raise ValueError(message)
    sizes = sorted(studies)
    scores = [studies[size].whole.scores for size in sizes]
    main = main_contestant(studies[sizes[-1]].whole)
    # sorting is stable: behind the main one the others keep their order
    names = sorted((name for name in scores[0] if all(name in one for one in scores)), key=lambda name: name != main)
    measured = {name: [headline_figures(one[name]) for one in scores] for name in names}
    return {
        figure: {
            name: tuple((float(size), one[figure]) for size, one in zip(sizes, own, strict=True))
            for name, own in measured.items()
        }
        for figure in TITLES
        if any(one[figure].value is not None for own in measured.values() for one in own)
    }


def learning_table(studies: Mapping[int, Study]) -> Table:
    """Return the learning curves as a table, a column for each size; see :func:`learning_curves`."""
    curves = learning_curves(studies)
    rows = [
        (TITLES[figure], name, *(one.text(digits=_digits(figure)) for _, one in points), counts(points[-1][1]))
        for figure, own in curves.items()
        for name, points in own.items()
    ]
    return Table(
        "learning-curve",
        "Figures by the number of cases that were learned from, on the same tested cases: AUC, macro AUC of subtypes "
        "and receptor groups, log-likelihood of the subtype, Ki-67 error in points, panel log-likelihood over the "
        "prior.",
        ("Figure", "Contestant", *(f"{size} cases" for size in sorted(studies)), "n"),
        tuple(rows),
        "n: of an AUC, positive / all cases. "
        "Each size is one draw of training cases, the smaller within the larger: how far another draw would lie comes "
        "on top of the intervals, which are over tested patients.",
    )


def learning_figure(studies: Mapping[int, Study]) -> Figure:
    """Draw the learning curves, a panel a figure; see :func:`learning_curves`."""
    panels = [
        Panel(TITLES[figure], {name: own[name] for name in in_colour(own, next(iter(own)))}, {})
        for figure, own in learning_curves(studies).items()
    ]
    return Figure("learning-curve", curve_panels(panels, across="training cases", up="figure"))


def headline_figures(scores: Scores) -> dict[str, Estimate]:
    """Return the figures by which contestants are told apart at a glance, named as in :data:`TITLES`."""
    surrogate, groups = scores.subtypes
    return {
        **{receptor: scores.receptor(receptor).auc for receptor in SCORED_RECEPTORS},
        "subtype_macro_auc": surrogate.discrimination.macro,
        "group_macro_auc": groups.discrimination.macro,
        "subtype_log_likelihood": surrogate.log_likelihood,
        "ki67_mae_percent": scores.ki67.mae_percent,
        "panel_gain": scores.panel.gain.difference,
    }


def _digits(figure: str) -> int:
    return 1 if figure == "ki67_mae_percent" else 3
