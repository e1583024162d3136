"""The figures of a study, each drawn from its numbers and named for its file."""

import numpy as np

from onephase.cohort.lesions import events_of
from onephase.evaluation.pages.curves import Panel, curve_panels
from onephase.evaluation.pages.document import Figure
from onephase.evaluation.pages.figures import forest, reliability_diagrams, scatter
from onephase.evaluation.pages.findings import NAMES, in_colour
from onephase.evaluation.pages.restraint_tables import title_of
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.scoring.ki67_scores import has_percentage, ki67_reference
from onephase.evaluation.scoring.scores import Scores
from onephase.evaluation.study import Study

PERCENT = 100
BELOW_NOTHING = 0.2  # of the best that calling all positive earns: how far below zero a decision curve is shown


def receptor_forest(study: Study, contestant: str) -> Figure:
    """Draw the AUC of every contestant, receptor by receptor, that of the main one in colour."""
    shown = [receptor for receptor in NAMES if study.whole.flow.positive[receptor]] or list(NAMES)
    panels = [
        (
            NAMES[receptor],
            [
                (f"{group.name}: {name}", scores.receptor(receptor).auc)
                for group in study.groups
                for name, scores in group.scores.items()
            ],
        )
        for receptor in shown
    ]
    return Figure("receptors", forest(panels, reference=0.5, axis="AUC", highlighted=f": {contestant}"))


def panel_forest(study: Study, contestant: str) -> Figure:
    """Draw what every contestant gains over the prior."""
    rows = [
        (f"{group.name}: {name}", scores.panel.gain.difference)
        for group in study.groups
        for name, scores in group.scores.items()
    ]
    panels = [("Panel log-likelihood over the prior", rows)]
    return Figure("panel", forest(panels, reference=0.0, axis="nats a case", highlighted=f": {contestant}"))


def reliability_figure(study: Study, contestant: str) -> tuple[Figure, ...]:
    """Draw the reliability diagrams of the main contestant; nothing where no receptor is decided."""
    receptors = study.whole.scores[contestant].receptors
    panels = [(NAMES[one.receptor], one.bins) for one in receptors if one.bins]
    return (Figure("reliability", reliability_diagrams(panels)),) if panels else ()


def ki67_scatter(predictions: Predictions, contestant: str) -> tuple[Figure, ...]:
    """Draw predicted against observed Ki-67; nothing where no case has a percentage."""
    cases = predictions.take(predictions.index_lesions())
    events = events_of(cases.records)
    rows = np.flatnonzero(has_percentage(events))
    if len(rows) == 0:
        return ()
    predicted = PERCENT * cases.posteriors[contestant].take(rows).ki67_median()
    return (Figure("ki67", scatter(predicted, PERCENT * ki67_reference(events)[rows], axis="Ki-67 (%)")),)


def decision_figure(study: Study, contestant: str) -> tuple[Figure, ...]:
    """Draw net benefit over the threshold, beside that of calling every case positive; where some case is positive."""
    panels = []
    for one in study.whole.scores[contestant].receptors:
        if one.decision and study.whole.flow.positive[one.receptor]:
            curves = {
                name: tuple((point.threshold, point.model) for point in scores.receptor(one.receptor).decision)
                for name, scores in _drawn(study, contestant).items()
            }
            everyone = tuple((point.threshold, point.treat_all) for point in one.decision)
            # of few positive cases, calling all positive earns less than nothing at every threshold
            floor = -BELOW_NOTHING * max(0.0, *(point.treat_all.value or 0.0 for point in one.decision))
            panels.append(Panel(NAMES[one.receptor], curves, {"all called positive": everyone}, floor=floor))
    if not panels:
        return ()
    return (Figure("decision-curve", curve_panels(panels, across="threshold", up="net benefit")),)


def abstention_figure(study: Study, contestant: str) -> tuple[Figure, ...]:
    """Draw the error over the share that is answered, question by question."""
    panels = []
    for number, one in enumerate(study.whole.scores[contestant].abstention):
        if one.curve.points:
            curves = {
                name: scores.abstention[number].curve.points for name, scores in _drawn(study, contestant).items()
            }
            panels.append(Panel(title_of(one.target), curves, {}))
    if not panels:
        return ()
    return (Figure("abstention", curve_panels(panels, across="share answered", up="error")),)


def _drawn(study: Study, contestant: str) -> dict[str, Scores]:
    """Return the scores of all cases of the contestants that have a colour, the main one's first."""
    scores = study.whole.scores
    return {name: scores[name] for name in in_colour(scores, contestant)}
