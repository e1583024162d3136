"""What may become of a study, as a table: the state says what is done, never who is at it."""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """What has been done for a study.

    Being worked at is no state but a lease (see :class:`~onephase.service.worklist.worklist.Claim`): when a node
    dies its leases end, and nothing has to be put right.
    """

    RECEIVED = "received"
    """Instances are coming in."""
    COMPLETE = "complete"
    """All are there; to be predicted."""
    PREDICTED = "predicted"
    """The result objects are on disk; to be sent."""
    SENT = "sent"
    """The archive has confirmed every object."""
    WAITING = "waiting"
    """A person has to draw a box or choose a phase."""
    FAILED = "failed"
    """It cannot be predicted; a sentence says why."""


NEXT: Mapping[State, frozenset[State]] = {
    State.RECEIVED: frozenset({State.COMPLETE}),
    State.COMPLETE: frozenset({State.PREDICTED, State.WAITING, State.FAILED}),
    State.PREDICTED: frozenset({State.SENT, State.COMPLETE}),
    State.SENT: frozenset({State.COMPLETE}),
    State.WAITING: frozenset({State.COMPLETE}),
    State.FAILED: frozenset({State.COMPLETE}),
}
"""The steps of work, and of people, who may draw a box or draw it anew (the last three).

What is predicted becomes complete again where somebody has removed its result objects. Besides, a new image or outline
leads from every state back to received.
"""

CLAIMED_IN = (State.COMPLETE, State.PREDICTED)
"""The states in which a node has something to do."""

ANSWERED_IN = (State.WAITING, State.FAILED, State.SENT)
"""The states in which a person may draw a box, or have a study predicted again."""


def refuse_step(before: State, after: State) -> None:
    """Refuse a step that is not in the table.

    Raises:
        ValueError: If a study cannot go from ``before`` to ``after``; it would be a fault of ours.

    Examples:
        >>> refuse_step(State.SENT, State.PREDICTED)
        Traceback (most recent call last):
        ...
        ValueError: a study that is sent cannot become predicted
    """
    if after not in NEXT[before]:
        message = f"a study that is {before} cannot become {after}"
        raise ValueError(message)
