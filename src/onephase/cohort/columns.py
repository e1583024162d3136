"""The columns of a cohort table; every other column is carried through as a covariate."""

from onephase.cohort.records import Provenance, Split

LABELS = ("er", "pr", "her2", "hr", "ki67")
BOX = ("col_start", "col_end", "row_start", "row_end", "slice_start", "slice_end")
SEED = ("col", "row", "slice")
REQUIRED = ("case_id", "image")
KNOWN = (
    *("case_id", "patient_id", "lesion_id", "site"),
    *("image", "phase", "mask", "mask_label"),
    *BOX,
    *SEED,
    *LABELS,
    *("label_convention", "provenance", "split"),
)

SPLITS: tuple[Split, ...] = ("train", "validation", "test", "external")
PROVENANCES: tuple[Provenance, ...] = ("real", "simulated")


def known_as(column: str) -> str | None:
    """Return the known column that a spelling means (``HER-2`` means ``her2``), or None.

    Such a column would silently become a covariate; it is better reported.
    """
    return _BY_LETTERS.get(_letters(column))


def _letters(column: str) -> str:
    return "".join(character for character in column.casefold() if character.isalnum())


_BY_LETTERS = {_letters(column): column for column in KNOWN}
