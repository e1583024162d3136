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


def seems_to_tell(column: str) -> str | None:
    """Return the label whose name stands as a word in another column's name, or None.

    Such a column may hold the label itself under a name that only people understand.

    Examples:
        >>> seems_to_tell("ER_status"), seems_to_tell("Ki-67 index"), seems_to_tell("HER2Score")
        ('er', 'ki67', 'her2')
        >>> seems_to_tell("er"), seems_to_tell("gender"), seems_to_tell("age")
        (None, None, None)
    """
    if known_as(column) is not None:
        return None
    parted = re.sub(r"(?<=[A-Za-z0-9])(?=[A-Z][a-z])", " ", column).lower()
    words = re.sub(r"[^a-z0-9]+", " ", parted)
    return next((label for label, names in _LABEL_WORDS.items() if names.search(words)), None)


_LABEL_WORDS = {
    "er": re.compile(r"\b(?:er|o?estrogen)\b"),
    "pr": re.compile(r"\b(?:pr|pgr|progesterone)\b"),
    "her2": re.compile(r"\b(?:her ?2(?: ?neu)?|c? ?erb ?b ?2|neu)\b"),
    "hr": re.compile(r"\b(?:hr|hormone receptors?)\b"),
    "ki67": re.compile(r"\b(?:ki ?67|ki|mib ?1)\b"),
}


def letters_of(column: str) -> str:
    """Return a name's letters and digits, all small: how names are compared that are written in many ways."""
    return "".join(character for character in column.casefold() if character.isalnum())


_BY_LETTERS = {letters_of(column): column for column in KNOWN}
