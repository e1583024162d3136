"""Codes of receptor status in public tables, and what to do where a set records HR beside ER and PR."""

from collections.abc import Mapping

from onephase.cohort.sources.source import LeaveOut
from onephase.errors import CohortError

POSITIVE, NEGATIVE, UNKNOWN = "positive", "negative", ""
STATUS = {"1": POSITIVE, "0": NEGATIVE, "NA": UNKNOWN, "nan": UNKNOWN}


def status(text: str, *, codes: Mapping[str, str] = STATUS, where: str) -> str:
    """Return what a code of the set means: ``positive``, ``negative`` or nothing.

    A code that is not listed stops the import: then the table is not the one that is described.

    Args:
        text: The cell; a trailing ``.0`` does not count.
        codes: Meaning of each code; an empty cell is always missing.
        where: Table, column and case, for the message.

    Raises:
        CohortError: If the code is not listed.
    """
    code = text.strip().removesuffix(".0")
    if not code:
        return UNKNOWN
    if code not in codes:
        expected = ", ".join(codes)
        message = f"{where}: expected {expected} or nothing, got {code!r}: give the table of the set as published"
        raise CohortError(message)
    return codes[code]


def panel(*, er: str = "", pr: str = "", hr: str = "", her2: str = "") -> dict[str, str]:
    """Return the labels of a case; ``hr`` only where ER and PR do not already say it.

    Raises:
        LeaveOut: If ``hr`` contradicts ER and PR, for then nobody knows which of them holds.
    """
    known = {er, pr} - {UNKNOWN}
    told = POSITIVE if POSITIVE in known else NEGATIVE if er == pr == NEGATIVE else UNKNOWN
    if told and hr and hr != told:
        reason = "HR contradicts ER and PR"
        raise LeaveOut(reason, f"ER {er or 'unknown'}, PR {pr or 'unknown'}, HR {hr}")
    return {"er": er, "pr": pr, "her2": her2, "hr": UNKNOWN if er and pr else hr}
