"""What is true of a simulated cohort: the table beside its cohort table, which only the oracle may read."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int8

from onephase.biomarkers.panel import CELLS, RECEPTORS
from onephase.errors import StorageError
from onephase.simulation.cases import CaseKey, CaseTruth
from onephase.simulation.phenotype import CUE_NAMES
from onephase.storage import write_text

COLUMNS = ("case_id", "site", *RECEPTORS, "ki67_true_percent", "ki67_read_percent", *CUE_NAMES)
WHOLE_PERCENT = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The truth of a cohort, one row a case.

    Attributes:
        case_ids: Names of the cases.
        cell: Receptor cell, an index into ``panel.CELLS``.
        ki67: True Ki-67 fraction.
        ki67_read: Ki-67 fraction as read in pathology.
        phenotype: Visible properties, in the order of ``phenotype.CUE_NAMES``.
    """

    case_ids: tuple[str, ...]
    cell: Int8[np.ndarray, " case"]
    ki67: Float64[np.ndarray, " case"]
    ki67_read: Float64[np.ndarray, " case"]
    phenotype: Float64[np.ndarray, "case cue"]

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.cell)

    def of(self, case_ids: Sequence[str]) -> "Truth":
        """Return the truth of some cases, in their order.

        Raises:
            StorageError: If a case is not in this table.
        """
        row_of = {case_id: row for row, case_id in enumerate(self.case_ids)}
        absent = [case_id for case_id in case_ids if case_id not in row_of]
        if absent:
            message = f"case {absent[0]} is not in this truth.csv: give the one of the cohort's own folder"
            raise StorageError(message)
        rows = [row_of[case_id] for case_id in case_ids]
        return Truth(tuple(case_ids), self.cell[rows], self.ki67[rows], self.ki67_read[rows], self.phenotype[rows])


def write_truth(path: Path, *, keys: Sequence[CaseKey], truths: Sequence[CaseTruth]) -> None:
    """Write the truth of a cohort as CSV; numbers are written so that they come back unchanged."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for key, truth in zip(keys, truths, strict=True):
        numbers = [truth.ki67 * WHOLE_PERCENT, truth.ki67_read * WHOLE_PERCENT, *truth.phenotype.tolist()]
        table.writerow([key.case_id, key.site, *CELLS[truth.cell].astype(int), *map(repr, numbers)])
    write_text(path, text.getvalue())


def read_truth(path: Path) -> Truth:
    """Read what :func:`write_truth` wrote.

    Raises:
        StorageError: If the file is missing or is not such a table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream)
        if tuple(header) != COLUMNS:
            message = f"{path} is not the truth.csv of a simulated cohort of this version: simulate it again"
            raise StorageError(message)
        numbers = np.array([row[2:] for row in rows], dtype=np.float64).reshape(len(rows), len(COLUMNS) - 2)
    except FileNotFoundError:
        message = f"{path} is missing: the oracle needs the truth.csv that the simulator wrote beside cohort.csv"
        raise StorageError(message) from None
    except ValueError as fault:
        message = f"{path} is not the truth.csv of a simulated cohort ({fault}): simulate it again"
        raise StorageError(message) from None
    cell = (numbers[:, :3] @ np.array([4, 2, 1])).astype(np.int8)
    percents = numbers[:, 3:5] / WHOLE_PERCENT
    return Truth(tuple(row[0] for row in rows), cell, percents[:, 0], percents[:, 1], numbers[:, 5:])
