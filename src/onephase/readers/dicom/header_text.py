"""Values of DICOM headers as plain Python, and words of them that may be shown."""

import math
import re
from datetime import datetime, timedelta

from pydicom import Dataset
from pydicom.multival import MultiValue

SHOWN_LENGTH = 40
LOOKED_AT = 100 * SHOWN_LENGTH  # a part of a name gives way to one letter, so what is shown ends long before
LONGEST_IDENTITY = 1024  # of any name or number that is one
IDENTITY = ("PatientName", "PatientID", "OtherPatientIDs", "PatientBirthDate", "AccessionNumber")
NO_AGENT = {"", "NONE", "NO", "N", "NIL", "0", "-", "NO CONTRAST", "WITHOUT"}


def text_of(dataset: Dataset, keyword: str) -> str:
    """Return a value as one line of text, empty when it is absent."""
    value = dataset.get(keyword)
    if value is None:
        return ""
    parts = value if isinstance(value, MultiValue) else [value]
    return " ".join(" ".join(str(part) for part in parts).split())


def number_of(dataset: Dataset, keyword: str) -> float | None:
    """Return a value as a number (the first of several), None when absent or no number."""
    words = text_of(dataset, keyword).split()
    try:
        return float(words[0]) if words else None
    except ValueError:
        return None


def whole_number_of(dataset: Dataset, keyword: str) -> int | None:
    """Return a value as a whole number, None when absent or none."""
    number = number_of(dataset, keyword)
    return int(number) if number is not None and math.isfinite(number) and number == int(number) else None


def numbers_of(dataset: Dataset, keyword: str) -> list[float]:
    """Return all numbers of a value, none of them when one is no number."""
    try:
        return [float(word) for word in text_of(dataset, keyword).split()]
    except ValueError:
        return []


def shown(dataset: Dataset, keyword: str, *, patient: Dataset | None = None) -> str:
    """Return a value shortened for a message, without control characters and without patient identifiers.

    Technicians write names into free text at times, so every part of the patient's name and number that
    occurs in the value is replaced by an ellipsis. So is the whole value where a name is too long to be one:
    to look for each of ten thousand parts takes minutes.

    Args:
        dataset: What holds the value.
        keyword: Its keyword.
        patient: What holds the patient's name, where ``dataset`` is an item of a sequence in it.
    """
    patient = dataset if patient is None else patient
    text = "".join(letter for letter in text_of(dataset, keyword) if letter.isprintable())[:LOOKED_AT]
    for identity in (text_of(patient, identity) for identity in IDENTITY):
        if len(identity) > LONGEST_IDENTITY:
            return "…" if text else ""
        for part in re.split(r"[\^=\s]+", identity):
            if len(part) > 1:
                text = re.sub(rf"(?i)(?<![^\W_]){re.escape(part)}(?![^\W_])", "…", text)
    return text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 1] + "…"


def agent_of(dataset: Dataset) -> str:
    """Return the contrast agent, empty when absent or written as none.

    Some scanners write NONE into post-contrast series too (UCSF-BR-06 of the NACT pilot does), so an
    empty answer is no proof of a pre-contrast phase.
    """
    written = text_of(dataset, "ContrastBolusAgent")
    return "" if written.upper() in NO_AGENT else shown(dataset, "ContrastBolusAgent")


def seconds_of(dataset: Dataset, *stems: str, date: str = "") -> float | None:
    """Return a moment in seconds, from the first of the stems ("Acquisition", "Content", ...) that has one.

    A stem stands for ``<stem>DateTime``, or ``<stem>Date`` and ``<stem>Time``; the date falls back to
    the study's (``date`` where the header does not hold it), so that all moments of a study lie on one clock.
    """
    for stem in stems:
        whole = text_of(dataset, f"{stem}DateTime")
        clock = whole[8:] or text_of(dataset, f"{stem}Time")
        day = whole[:8] or text_of(dataset, f"{stem}Date") or date or text_of(dataset, "StudyDate")
        moment = _moment(day or "19000101", clock)
        if moment is not None:
            return moment
    return None


def _moment(date: str, clock: str) -> float | None:
    match = re.match(r"(\d{2})(\d{2})(\d{2}(?:\.\d+)?)?", clock)
    if match is None:
        return None
    try:
        day = datetime.strptime(date, "%Y%m%d")
    except ValueError:
        return None
    into = timedelta(hours=int(match[1]), minutes=int(match[2]), seconds=float(match[3] or 0))
    return (day - datetime(1900, 1, 1) + into).total_seconds()
