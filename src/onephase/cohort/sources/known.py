"""The sets that can be imported, by name."""

from onephase.cohort.sources import (
    ambl,
    breastdcedl,
    dicom_study,
    duke,
    folder,
    ispy1,
    ispy2,
    mama_mia,
    nact_pilot,
    tcga_brca,
)
from onephase.cohort.sources.source import Source
from onephase.errors import CohortError

SOURCES = {
    one.SOURCE.name: one.SOURCE
    for one in (duke, mama_mia, breastdcedl, ispy1, ispy2, nact_pilot, ambl, tcga_brca, folder, dicom_study)
}


def source_named(name: str) -> Source:
    """Return the source of a name.

    Raises:
        CohortError: If there is none; the message lists them.
    """
    if name not in SOURCES:
        message = f"there is no source {name!r}: the sources are {', '.join(SOURCES)}"
        raise CohortError(message)
    return SOURCES[name]
