"""The columns of a cohort table; every other one is carried through as a covariate, unless it says who a patient is."""

import re

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
    return _BY_LETTERS.get(letters_of(column))


def says_who(column: str) -> bool:
    """Tell whether a column is called as one that says who a patient is; it is never carried along.

    Examples:
        >>> says_who("PatientName"), says_who("Date of birth"), says_who("scanner name"), says_who("age")
        (True, True, False, False)
    """
    plain = re.sub(r"['\u2019]s\b", "", column)  # DICOM calls it Patient's Name
    words = re.sub(r"[^a-z]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain).lower()).strip()
    return bool(_NAMES.fullmatch(words) or _PERSONAL.search(words))


_WHOSE = r"(?:patients?|pat|first|last|middle|full|given|family|maiden|of|the|and)"
_NAMES = re.compile(rf"(?:{_WHOSE} ?)*(?:sur|fore)?names?(?: (?:{_WHOSE}|(?:sur|fore)?names?))*")
_PERSONAL = re.compile(
    r"\b(?:dob|birth ?da(?:te|y)|date of birth|address|street|phone|telephone|mobile|e ?mail|mrn|medical record|ssn"
    r"|social security|nhs|insurance|passport|zip|post ?code|postal)\b"
)


def letters_of(column: str) -> str:
    """Return a name's letters and digits, all small: how names are compared that are written in many ways."""
    return "".join(character for character in column.casefold() if character.isalnum())


_BY_LETTERS = {letters_of(column): column for column in KNOWN}
