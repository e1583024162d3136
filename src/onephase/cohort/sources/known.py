"""The sets that can be imported, by name."""

from onephase.cohort.sources import breastdcedl, folder, mama_mia
from onephase.cohort.sources.source import Source
from onephase.errors import CohortError

SOURCES = {one.SOURCE.name: one.SOURCE for one in (mama_mia, breastdcedl, folder)}


def source_named(name: str) -> Source:
    """Return the source of a name.

    Raises:
        CohortError: If there is none; the message lists them.
    """
    if name not in SOURCES:
        message = f"there is no source {name!r}: the sources are {', '.join(SOURCES)}"
        raise CohortError(message)
    return SOURCES[name]
