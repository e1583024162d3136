"""What is wrong with a cohort table: where, what, and how to mend it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend or to know.

    Attributes:
        cohort: Name of the table.
        case: Case id, or ``line 7`` where a row has none, or empty for the whole table.
        column: Column or columns; empty for the whole row.
        problem: What is wrong, and what was expected.
        fix: What to do.
        severity: An ``error`` keeps the table from being used; a ``warning`` does not.
    """

    cohort: str
    case: str
    column: str
    problem: str
    fix: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """Return one sentence."""
        where = ", ".join(
            part
            for part in (self.cohort, self.case and f"case {self.case}", self.column and f"column {self.column}")
            if part
        )
        return f"{where}: {self.problem}: {self.fix}"

    def to_json(self) -> dict[str, Any]:
        """Return the problem as JSON values."""
        return asdict(self)


class CellError(Exception):
    """A cell that cannot be read; caught by the reader of its row, which knows the case."""

    def __init__(self, column: str, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.column = column
        self.problem = problem
        self.fix = fix
