"""The panel: ER, PR, HER2 and Ki-67, the eight receptor cells, and events over them.

An event says what is known of a tumour: which of the eight receptor cells are possible and between
which bounds its Ki-67 lies. What is not known is everything: all cells, the whole range.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onephase.arrays import Bool, Float64, Int8
from onephase.errors import EvidenceError

RECEPTORS = ("er", "pr", "her2")
BIOMARKERS = (*RECEPTORS, "ki67")

CELLS: Bool[np.ndarray, "cell receptor"] = np.array(
    [[cell >> 2 & 1, cell >> 1 & 1, cell & 1] for cell in range(8)], dtype=bool
)
"""Receptor status of each cell, ER PR HER2: cell 0 is triple negative, cell 6 is ER+ PR+ HER2-."""
CELLS.setflags(write=False)

CELL_NAMES = tuple("ER{} PR{} HER2{}".format(*("+" if on else "-" for on in cell)) for cell in CELLS)

PR_UNKNOWN = -1


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """What is known of each case of a cohort, one event a row.

    Attributes:
        cells: Receptor cells that are possible; a row of all true knows nothing of the receptors.
        ki67: Interval [start, stop) of the Ki-67 fraction, in 0..1; a stop of 1 is closed.
            (0, 1) knows nothing of Ki-67.
        pr_high: Whether PR stains at least 20 % of nuclei: 1 yes, 0 no, -1 not known. It takes no
            part in the probability of the event; only the `maisonneuve` subtype reads it.
    """

    cells: Bool[np.ndarray, "case 8"]
    ki67: Float64[np.ndarray, "case 2"]
    pr_high: Int8[np.ndarray, " case"]

    def __post_init__(self) -> None:
        """Refuse an event that nothing fulfils."""
        if not self.cells.any(axis=1).all():
            message = "an event allows no receptor cell at all: what was given contradicts itself"
            raise EvidenceError(message)
        start, stop = self.ki67[:, 0], self.ki67[:, 1]
        if not ((start >= 0) & (start < stop) & (stop <= 1)).all():
            message = "an event's Ki-67 interval must satisfy 0 <= start < stop <= 1"
            raise EvidenceError(message)
        if not np.isin(self.pr_high, (PR_UNKNOWN, 0, 1)).all():
            message = "pr_high must be 1 (PR at least 20 %), 0 (below) or -1 (not known)"
            raise EvidenceError(message)
        if (self.cells[self.pr_high == 1] & ~CELLS[:, 1]).any():
            message = "an event with PR of at least 20 % must leave PR-negative cells out"
            raise EvidenceError(message)
        for array in (self.cells, self.ki67, self.pr_high):
            array.setflags(write=False)

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.cells)

    @classmethod
    def unknown(cls, cases: int) -> "Events":
        """Return events that know nothing."""
        return cls(
            np.ones((cases, 8), dtype=bool),
            np.tile(np.array([0.0, 1.0]), (cases, 1)),
            np.full(cases, PR_UNKNOWN, dtype=np.int8),
        )

    @classmethod
    def stack(cls, events: "Sequence[Events]") -> "Events":
        """Join events case after case."""
        return cls(
            np.concatenate([event.cells for event in events]),
            np.concatenate([event.ki67 for event in events]),
            np.concatenate([event.pr_high for event in events]),
        )

    def take(self, rows: np.ndarray | slice) -> "Events":
        """Return the events of some cases, by index, mask or slice."""
        return type(self)(self.cells[rows].copy(), self.ki67[rows].copy(), self.pr_high[rows].copy())

    def both(self, other: "Events") -> "Events":
        """Return the events in which both hold, case by case.

        Raises:
            EvidenceError: If two events of a case exclude each other; the message names the row.
        """
        start = np.maximum(self.ki67[:, 0], other.ki67[:, 0])
        stop = np.minimum(self.ki67[:, 1], other.ki67[:, 1])
        cells = self.cells & other.cells
        known = (self.pr_high != PR_UNKNOWN) & (other.pr_high != PR_UNKNOWN)
        _refuse_where(~cells.any(axis=1), "the receptors")
        _refuse_where(start >= stop, "Ki-67")
        _refuse_where(known & (self.pr_high != other.pr_high), "the PR percentage")
        pr_high = np.where(self.pr_high == PR_UNKNOWN, other.pr_high, self.pr_high)
        return type(self)(cells, np.stack([start, stop], axis=1), pr_high)

    def status(self, receptor: str) -> Int8[np.ndarray, " case"]:
        """Return 1 where every possible cell is positive, 0 where every one is negative, else -1.

        ``receptor`` is ``er``, ``pr``, ``her2`` or ``hr`` (ER or PR).
        """
        positive = CELLS[:, 0] | CELLS[:, 1] if receptor == "hr" else CELLS[:, RECEPTORS.index(receptor)]
        some_positive = (self.cells & positive).any(axis=1)
        some_negative = (self.cells & ~positive).any(axis=1)
        return np.where(some_positive & some_negative, -1, some_positive).astype(np.int8)

    def informative(self) -> Bool[np.ndarray, " case"]:
        """Return which cases say anything of their panel."""
        whole = (self.ki67[:, 0] == 0) & (self.ki67[:, 1] == 1)
        return np.asarray(~(self.cells.all(axis=1) & whole))

    def to_json(self) -> dict[str, Any]:
        """Return the events as JSON values, one list entry a case."""
        return {"cells": self.cells.tolist(), "ki67": self.ki67.tolist(), "pr_high": self.pr_high.tolist()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Events":
        """Return the events that :meth:`to_json` described."""
        cases = len(value["pr_high"])
        return cls(
            np.array(value["cells"], dtype=bool).reshape(cases, 8),
            np.array(value["ki67"], dtype=np.float64).reshape(cases, 2),
            np.array(value["pr_high"], dtype=np.int8),
        )


def _refuse_where(excluded: Bool[np.ndarray, " case"], what: str) -> None:
    """Raise where two events of a case exclude each other in ``what`` they say."""
    if excluded.any():
        message = f"two events of row {int(excluded.argmax())} contradict each other in what they say of {what}"
        raise EvidenceError(message)
