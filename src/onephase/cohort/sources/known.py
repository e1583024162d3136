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
    nnunet,
    tcga_brca,
)
from onephase.cohort.sources.source import Source
from onephase.errors import CohortError

ALL: tuple[Source, ...] = (
    *(duke.SOURCE, mama_mia.SOURCE, breastdcedl.SOURCE, ispy1.SOURCE, ispy2.SOURCE, nact_pilot.SOURCE),
    *(ambl.SOURCE, tcga_brca.SOURCE, folder.SOURCE, dicom_study.SOURCE, nnunet.SOURCE),
)
SOURCES = {source.name: source for source in ALL}


def source_named(name: str) -> Source:
    """Return the source of a name.

    Raises:
        CohortError: If there is none; the message lists them.
    """
    if name not in SOURCES:
        message = f"there is no source {name!r}: the sources are {', '.join(SOURCES)}"
        raise CohortError(message)
    return SOURCES[name]
