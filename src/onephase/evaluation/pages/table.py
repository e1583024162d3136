"""What every printed table of a study is made of: titles, cells and their CSV form."""

from collections.abc import Iterable, Iterator, Sequence
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

    def to_csv(self, *, simulated: str = "") -> str:
        """Return the table as CSV.

        Args:
            simulated: What its page says of simulated cases; where it does, every row says so too.
        """
        return csv_text(labelled([self.columns, *self.rows], simulated=simulated))


def labelled(rows: Iterable[Sequence[object]], *, simulated: str) -> Iterator[Sequence[object]]:
    """Yield the rows of a table, its head first, with a last column where cases are simulated: files are parted."""
    words = simulated.split(". ", maxsplit=1)[0].removesuffix(".")
    for number, row in enumerate(rows):
        yield row if not words else (*row, words if number else "simulated")


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
    return "-" if estimate.value is None else f"{estimate.text(digits=digits)}; {counts(estimate)}"


def counts(estimate: Estimate) -> str:
    """Return how many cases stand behind a figure, and of an AUC how many of them are positive.

    Examples:
        >>> counts(Estimate.absent("one class only", n=4, events=4)), counts(Estimate.absent("no spread", n=1))
        ('4 / 4', '1')
    """
    return str(estimate.n) if estimate.events is None else f"{estimate.events} / {estimate.n}"
