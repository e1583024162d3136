"""Surrogate subtypes from the panel, under a named policy: each subtype is a union of events.

Policies (domain reference, section 3.5): ``ki67_14``, the 2011 style (BMC Cancer 2020, table 1), parts
luminal A from B at a Ki-67 of 14 %; ``ki67_20`` at 20 %; ``maisonneuve`` (Maisonneuve 2014, n = 9,415)
at 14 and 20 %, with PR of at least 20 % deciding between them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from onephase.arrays import Bool, Float64, Int64
from onephase.biomarkers.panel import CELLS, PR_UNKNOWN, Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.settings import SubtypePolicy

SUBTYPES: Final = (
    "luminal A-like",
    "luminal B-like",
    "luminal B-like (HER2+)",
    "HER2-positive (non-luminal)",
    "triple negative",
    "undecided",
)
LUMINAL_A, LUMINAL_B, LUMINAL_B_HER2, HER2_POSITIVE, TRIPLE_NEGATIVE, UNDECIDED = range(6)
INDETERMINATE: Final = -1

IKWG_CAUTION: Final = (
    "In ER-positive, HER2-negative T1-2 N0-1 disease a Ki-67 of at most 5 % or at least 30 % can inform prognosis; "
    "values between have no reliable use (IKWG, Nielsen et al., J Natl Cancer Inst 113:808, 2021). A luminal A/B "
    "cut at 14 or 20 % lies wholly inside that zone."
)

_HR = CELLS[:, 0] | CELLS[:, 1]
_PR = CELLS[:, 1]
_HER2 = CELLS[:, 2]
_LUMINAL = _HR & ~_HER2

# PR share (1 at least 20 %, 0 below, -1 not known) for which a piece holds.
_ANY_SHARE = frozenset({1, 0, PR_UNKNOWN})


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """An event that lies wholly in one subtype; the pieces of a policy part all that can be.

    Attributes:
        subtype: Index in :data:`SUBTYPES`.
        cells: Receptor cells of the piece.
        ki67: Interval [start, stop) of the Ki-67 fraction.
        pr_high: Values of ``pr_high`` for which the piece is of this subtype.
    """

    subtype: int
    cells: Bool[np.ndarray, " cell"]
    ki67: tuple[float, float] = (0.0, 1.0)
    pr_high: frozenset[int] = _ANY_SHARE


_HER2_OR_NO_HORMONE: Final = (
    Piece(LUMINAL_B_HER2, _HR & _HER2),
    Piece(HER2_POSITIVE, ~_HR & _HER2),
    Piece(TRIPLE_NEGATIVE, ~_HR & ~_HER2),
)

POLICIES: Final[dict[SubtypePolicy, tuple[Piece, ...]]] = {
    "ki67_14": (
        *_HER2_OR_NO_HORMONE,
        Piece(LUMINAL_A, _LUMINAL, (0.0, 0.14)),
        Piece(LUMINAL_B, _LUMINAL, (0.14, 1.0)),
    ),
    "ki67_20": (
        *_HER2_OR_NO_HORMONE,
        Piece(LUMINAL_A, _LUMINAL, (0.0, 0.20)),
        Piece(LUMINAL_B, _LUMINAL, (0.20, 1.0)),
    ),
    "maisonneuve": (
        *_HER2_OR_NO_HORMONE,
        Piece(LUMINAL_A, _LUMINAL, (0.0, 0.14)),
        Piece(LUMINAL_B, _LUMINAL, (0.20, 1.0)),
        Piece(LUMINAL_B, _LUMINAL & ~_PR, (0.14, 0.20)),  # PR negative is below 1 %
        Piece(LUMINAL_A, _LUMINAL & _PR, (0.14, 0.20), frozenset({1})),
        Piece(LUMINAL_B, _LUMINAL & _PR, (0.14, 0.20), frozenset({0})),
        Piece(UNDECIDED, _LUMINAL & _PR, (0.14, 0.20), frozenset({PR_UNKNOWN})),
    ),
}


def subtype_probabilities(posterior: PanelPosterior, policy: SubtypePolicy) -> Float64[np.ndarray, "case 6"]:
    """Return the probability of each of :data:`SUBTYPES`, *undecided* among them; a row sums to 1.

    *Undecided* is what ``maisonneuve`` leaves where the PR percentage is not known: HR positive, HER2
    negative, PR positive and Ki-67 from 14 to below 20 %. No share of it is invented for A or B.
    """
    probabilities = np.zeros((len(posterior), len(SUBTYPES)))
    for piece in POLICIES[policy]:
        event = Events(piece.cells[np.newaxis].copy(), np.array([piece.ki67]), np.array([PR_UNKNOWN], dtype=np.int8))
        holds = np.isin(posterior.pr_high, list(piece.pr_high))
        probabilities[:, piece.subtype] += np.where(holds, np.exp(posterior.log_probability(event)), 0.0)
    return probabilities


def subtype_of(events: Events, policy: SubtypePolicy) -> Int64[np.ndarray, " case"]:
    """Return the subtype that each event settles, as an index, or -1 where it is indeterminate.

    An event settles a subtype when everything that it leaves possible lies in that one.
    """
    possible = np.zeros((len(events), len(SUBTYPES)), dtype=bool)
    start, stop = events.ki67.T
    for piece in POLICIES[policy]:
        meets = (events.cells & piece.cells).any(axis=1) & (start < piece.ki67[1]) & (stop > piece.ki67[0])
        possible[:, piece.subtype] |= meets & np.isin(events.pr_high, list(piece.pr_high))
    settled = (possible.sum(axis=1) == 1) & ~possible[:, UNDECIDED]
    return np.where(settled, possible.argmax(axis=1), INDETERMINATE).astype(np.int64)
