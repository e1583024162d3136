"""What every printed table of a study is made of: titles, cells and their CSV form."""

from dataclasses import dataclass

from onephase.csv_text import csv_text
from onephase.statistics.estimate import Estimate

TITLES = {
    "er": "ER",
    "pr": "PR",
    "her2": "HER2",
    "hr": "HR",
    "subtype_macro_auc": "Subtypes",
    "group_macro_auc": "Receptor groups",
    "subtype_log_likelihood": "Subtypes, nats",
    "ki67_mae_percent": "Ki-67 MAE",
    "panel_gain": "Panel",
}
TINY_P = 0.001
PERCENT = 100


@dataclass(frozen=True, slots=True)
class Table:
    """A printed table.

    Attributes:
        name: Its file name without suffix.
        caption: What it shows, in one sentence or two.
        columns: Column titles.
        rows: Cells as text.
        note: What a reader must know to read it rightly.
        prose: Whether cells hold words that wrap.
    """

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    prose: bool = False

    def to_csv(self) -> str:
        """Return the table as CSV."""
        return csv_text([self.columns, *self.rows])


def p_text(p_value: float | None) -> str:
    """Return a p value as a table prints it.

    Examples:
        >>> p_text(0.0213), p_text(0.0002), p_text(None)
        ('0.021', '< 0.001', '-')
    """
    if p_value is None:
        return "-"
    return "< 0.001" if p_value < TINY_P else f"{p_value:.3f}"


def with_counts(estimate: Estimate, *, digits: int = 3) -> str:
    """Return a figure with interval, positive and all cases in one cell."""
    if estimate.value is None:
        return "-"
    counts = str(estimate.n) if estimate.events is None else f"{estimate.events} / {estimate.n}"
    return f"{estimate.text(digits=digits)}; {counts}"
