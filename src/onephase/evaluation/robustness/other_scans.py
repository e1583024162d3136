"""The same lesion scanned otherwise: at another time after contrast, or at another site.

A simulated case is examined anew, tumour and noise as they were; of a real one another phase of its series is read.
"""

from dataclasses import replace

import numpy as np

from onephase.cohort.case_of import case_of
from onephase.cohort.records import Record
from onephase.errors import ImageError
from onephase.evaluation.robustness.change import Original
from onephase.imaging.case import Case, Mask, Volume
from onephase.imaging.geometry import Grid
from onephase.simulation.acquisition import draw_acquisition
from onephase.simulation.anatomy import Examination, examine
from onephase.simulation.cases import CaseKey, Stream, case_examination, case_truth
from onephase.simulation.lesion import Phenotype
from onephase.simulation.sites import SITES, site_of
from onephase.simulation.version import source_sha256
from onephase.storage import read_json

SIMULATION_NAME = "simulation.json"


def retimed(original: Original, rng: np.random.Generator, *, by_s: float) -> Case:  # noqa: ARG001 - drawn as before
    """Acquire a simulated case so many seconds later, or earlier.

    Raises:
        ImageError: If the case is not simulated, or by another simulator than this one.
    """
    key = _key_of(original.record)
    acquisition = draw_acquisition(key.stream(Stream.ACQUISITION), site=site_of(key.site))
    examination = examine(
        phenotype=Phenotype(*case_truth(key).phenotype.tolist()),
        acquisition=replace(acquisition, time_s=acquisition.time_s + by_s),
        anatomy_rng=key.stream(Stream.ANATOMY),
        noise_rng=key.stream(Stream.NOISE),
    )
    return _examined(original.case, examination)


def moved(original: Original, rng: np.random.Generator, *, site: str) -> Case:  # noqa: ARG001 - drawn as before
    """Examine a simulated case at another site: its biology and phenotype stay, everything of the scanner changes.

    Raises:
        ImageError: If the case is of that site already, not simulated, or by another simulator than this one.
    """
    key = _key_of(original.record)
    if key.site == site:
        message = f"the case was scanned at {site} already"
        raise ImageError(message)
    return _examined(original.case, case_examination(replace(key, site=site)))


def rephased(original: Original, rng: np.random.Generator, *, by: int) -> Case:  # noqa: ARG001 - nothing is drawn
    """Read a later phase of the series, or an earlier one, with the outline as it was.

    Raises:
        ImageError: If the series has no such phase.
    """
    wanted = original.case.phase_number + by
    phases = int(original.case.source.get("phase", "1 of 1").rpartition(" ")[2])
    if not 1 <= wanted <= phases:
        message = f"the series has {phases} phase{'s' * (phases != 1)}, and no phase {wanted}"
        raise ImageError(message)
    other = case_of(replace(original.record, phase=str(wanted)))
    return replace(other, roi=original.mask)


def _key_of(record: Record) -> CaseKey:
    """Return what decides a simulated case wholly; refuse a case that this simulator would not make again."""
    site, _, numbers = record.case_id.partition("-")
    seed, _, index = numbers.partition("-")
    if record.provenance != "simulated" or site not in SITES or not (seed.isdigit() and index.isdigit()):
        message = "the case is not simulated, and no other scan of it is there"
        raise ImageError(message)
    described = (folder / SIMULATION_NAME for folder in record.image.resolve().parents[:2])
    if source_sha256() not in [read_json(path).get("source_sha256") for path in described if path.exists()]:
        message = "the case was simulated by another version of the simulator, which cannot be asked again"
        raise ImageError(message)
    return CaseKey(int(seed), int(index), site)


def _examined(case: Case, examination: Examination) -> Case:
    slices, rows, columns = examination.image.shape
    grid = Grid.axial((slices, rows, columns), examination.spacing_mm)
    return replace(
        case, volume=Volume(examination.image.astype(np.float32), grid), roi=Mask(examination.mask.copy(), grid)
    )
