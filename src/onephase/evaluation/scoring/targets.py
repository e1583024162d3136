"""What is asked of a case, one question beside another: each receptor's status, the subtype, the receptor group."""

from dataclasses import dataclass

import numpy as np

from onephase.arrays import Float64, Int64
from onephase.biomarkers.panel import Events
from onephase.biomarkers.subtypes import SUBTYPES, UNDECIDED, subtype_of
from onephase.evaluation.scoring.answers import RECEPTOR_GROUPS, SCORED_RECEPTORS, Answers
from onephase.evaluation.scoring.subtype_scores import receptor_group_of

STATUS = ("negative", "positive")
GROUPS = "receptor groups"


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One question with a class for its answer.

    Attributes:
        classes: Names of the classes.
        truth: Index of each case's true class; -1 where its record does not decide it.
        probabilities: What a contestant gives to each class.
    """

    classes: tuple[str, ...]
    truth: Int64[np.ndarray, " case"]
    probabilities: Float64[np.ndarray, "case class"]


def targets_of(events: Events, answers: Answers) -> dict[str, Target]:
    """Return every question by its name: the receptors, the subtype policy and ``receptor groups``.

    *Undecided* is an answer of the policy that no case truly is; it is no class here.
    """
    positive = answers.receptors
    receptors = {
        receptor: Target(
            STATUS,
            events.status(receptor).astype(np.int64),
            np.column_stack([1 - positive[:, column], positive[:, column]]),
        )
        for column, receptor in enumerate(SCORED_RECEPTORS)
    }
    subtypes = Target(SUBTYPES[:UNDECIDED], subtype_of(events, answers.policy), answers.subtypes[:, :UNDECIDED])
    groups = Target(RECEPTOR_GROUPS, receptor_group_of(events), answers.groups)
    return {**receptors, answers.policy: subtypes, GROUPS: groups}
