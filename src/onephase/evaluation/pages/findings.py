"""What the figures of a study say in words, with interval and n, and what they do not show."""

from collections.abc import Iterable

from onephase.evaluation.predictions import NETWORK, ORACLE, PRIOR
from onephase.evaluation.scoring.comparisons import Versus
from onephase.evaluation.scoring.scores import Scores
from onephase.evaluation.study import Group
from onephase.reports.style import SERIES_COLOURS
from onephase.statistics.estimate import Comparison

CHANCE = 0.5
IN_COLOUR = (ORACLE, "descriptors, ridge", "radiomics, ridge", "geometry", PRIOR)
"""Whom a figure draws beside the main contestant before anybody else: the ceiling, the rivals, and knowing nothing."""

NAMES = {"er": "ER", "pr": "PR", "her2": "HER2", "hr": "HR"}


def receptor_findings(group: Group, contestant: str) -> tuple[str, ...]:
    """Return a sentence on the AUC of each receptor that the group decides, beside the oracle's where there is one."""
    oracle = group.scores.get(ORACLE) if contestant != ORACLE else None
    sentences = []
    for one in group.scores[contestant].receptors:
        if one.auc.value is None:
            continue
        sentence = one.auc.sentence(f"{group.name}, {NAMES[one.receptor]}: the AUC of {contestant}")
        if not one.auc.excludes(CHANCE):
            sentence += " Chance (0.5) is not excluded."
        elif one.auc.value < CHANCE:
            sentence += " That is worse than chance."
        ceiling = oracle.receptor(one.receptor).auc if oracle else None
        if ceiling is not None and ceiling.value is not None:
            sentence += f" The true phenotype would give {ceiling.value:.3f}."
        sentences.append(sentence)
    return tuple(sentences)


def ki67_findings(group: Group, contestant: str) -> tuple[str, ...]:
    """Return a sentence on the Ki-67 error beside the constant's, or one that says that there is no percentage."""
    ki67 = group.scores[contestant].ki67
    if ki67.mae_percent.value is None:
        return (f"{group.name}: no case has a Ki-67 percentage.",)
    name = f"{group.name}: the mean absolute Ki-67 error of {contestant}, in points,"
    error = ki67.mae_percent.sentence(name, digits=1)
    constant = ki67.constant_mae_percent
    if constant.value is None:
        return (error, constant.sentence("That of the constant training median"))
    name = f"{group.name}: the constant training median earns {constant.text(digits=1)}; what {contestant} gains on it"
    return (error, _verdict(ki67.gain_percent, name, digits=1))


def panel_finding(group: Group, contestant: str) -> str:
    """Return a sentence on the panel log-likelihood gained over the prior."""
    name = f"{group.name}: the panel log-likelihood that {contestant} gains over the prior, in nats a case,"
    return _verdict(group.scores[contestant].panel.gain, name)


def versus_finding(group: Group, one: Versus) -> str:
    """Return a sentence on the panel log-likelihood of the first contestant less the second's, and in its family."""
    name = f"{group.name}: the panel log-likelihood that {one.first} gains over {one.second}, in nats a case,"
    figure = one.figures["panel_gain"]
    sentence = _verdict(figure, name)
    corrected, size = figure.adjusted_p, 1 - figure.difference.level
    if figure.difference.excludes(0.0) and corrected is not None and corrected > size:
        sentence += f" Corrected for all comparisons of the cohort (p {corrected:.3f}), a difference is not shown."
    return sentence


def calibration_finding(group: Group, contestant: str) -> str:
    """Return a sentence on calibration over all receptors of a group."""
    scores: Scores = group.scores[contestant]
    parts = [
        f"{NAMES[one.receptor]} {one.calibration_error.text()} (n {one.calibration_error.n})"
        for one in scores.receptors
        if one.calibration_error.value is not None
    ]
    listed = "; ".join(parts) or "not defined, no case decides a receptor"
    return f"{group.name}: expected calibration error of {contestant}, with its interval: {listed}."


def main_contestant(group: Group) -> str:
    """Return the contestant that the page is about: the network, or the first where it does not take part."""
    return NETWORK if NETWORK in group.scores else next(iter(group.scores))


def in_colour(names: Iterable[str], main: str) -> tuple[str, ...]:
    """Return the contestants that a figure of curves has colours for: the main one, those it is held against, others.

    Ablations come last: they lie on the main one's curve, and a dozen of them would leave no colour for a rival.
    """
    given = list(names)
    first = [name for name in (main, *IN_COLOUR) if name in given]
    return tuple(dict.fromkeys([*first, *given]))[: len(SERIES_COLOURS)]


def _verdict(comparison: Comparison, name: str, *, digits: int = 3) -> str:
    difference = comparison.difference
    sentence = difference.sentence(name, digits=digits)
    if difference.value is None or difference.low is None:
        return sentence
    if not difference.excludes(0.0):
        return f"{sentence} Zero is not excluded: a difference is not shown."
    return sentence if difference.value > 0 else f"{sentence} It is a loss."
