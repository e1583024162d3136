"""A simulated cohort as ordinary files: NIfTI images and masks, the cohort table, and beside it the truth.

Nothing downstream can tell it from a real one, except by the ``provenance`` column, which every report
repeats. A case depends on seed, index and site alone; so any number of workers writes the same bytes, a
broken run goes on where it stopped, and a longer cohort begins with the cases of a shorter one.
"""

import csv
import io
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np

from onephase.errors import CohortError
from onephase.imaging.geometry import Grid
from onephase.progress import Progress, silent
from onephase.simulation.cases import CaseKey, CaseTruth, case_examination, case_truth
from onephase.simulation.plan import plan_of
from onephase.simulation.sites import site_of
from onephase.simulation.truth import write_truth
from onephase.simulation.version import SIMULATION_VERSION, source_sha256
from onephase.simulation.wording import LABEL_COLUMNS
from onephase.storage import read_json, write_json, write_text
from onephase.work.workers import Workers, in_order

COMPRESSION_LEVEL = 1  # noise does not compress; higher levels cost time and save little
COLUMNS = (
    *("case_id", "patient_id", "lesion_id", "site", "image", "mask"),
    *LABEL_COLUMNS,
    *("label_convention", "provenance", "split", "field_strength_t", "slice_mm"),
)


def simulate_cohort(  # noqa: PLR0913 - what a user may choose, each by its name
    folder: Path,
    *,
    preset: str = "demo",
    cases: int | None = None,
    sites: Sequence[str] = (),
    seed: int = 1,
    workers: Workers = 1,
    progress: Progress = silent,
) -> Path:
    """Write a simulated cohort, or what is missing of it.

    Args:
        folder: Where ``images/``, ``masks/``, ``cohort.csv``, ``truth.csv`` and ``simulation.json`` go.
        preset: How many cases come from which sites; a name of ``plan.PRESETS``.
        cases: Number of cases, in the preset's proportions; the preset's own number where None.
        sites: Sites of the internal cases, in the place of the preset's.
        seed: Decides every case; two cohorts of different seeds share nothing.
        workers: Who works. With more processes than one, the caller's main module is imported by each
            (``spawn``), so a script must guard its own start by ``if __name__ == "__main__"``.
        progress: Told after each case.

    Returns:
        The path of ``cohort.csv``.

    Raises:
        CohortError: If the folder holds another simulation, or a choice makes no sense.
        StorageError: If a file cannot be written. Cases that are complete stay and are kept next time.
    """
    if (isinstance(workers, int) and workers < 1) or seed < 0:
        message = f"a simulation needs at least 1 worker and a seed of 0 or more, got {workers} and {seed}"
        raise CohortError(message)
    plan = plan_of(preset, cases=cases, sites=sites)
    keys = plan.keys(seed)
    _claim(folder, seed=seed)
    waiting = [key for key in keys if not all(path.exists() for path in _paths(folder, key))]
    done = len(keys) - len(waiting)
    progress("simulate", done, len(keys))
    with closing(in_order(partial(write_case, folder), waiting, workers=workers, sees=[folder])) as written:
        for finished, _ in enumerate(written, start=1):
            progress("simulate", done + finished, len(keys))
    truths = [case_truth(key) for key in keys]
    write_truth(folder / "truth.csv", keys=keys, truths=truths)
    write_text(folder / "cohort.csv", _table(keys, truths, internal=plan.internal))
    return folder / "cohort.csv"


def write_case(folder: Path, key: CaseKey) -> None:
    """Simulate a case and write its image and mask; each file appears whole or not at all."""
    from onephase.writers.volume_file import write_array  # slow to import, and needed only where images are written

    examination = case_examination(key)
    image_path, mask_path = _paths(folder, key)
    slices, rows, columns = examination.image.shape
    depth, height, width = examination.spacing_mm
    middle = (-(columns - 1) / 2 * width, -(rows - 1) / 2 * height, -(slices - 1) / 2 * depth)  # of the volume: 0, 0, 0
    grid = Grid.axial((slices, rows, columns), examination.spacing_mm, origin_mm=middle)
    for path, array in ((mask_path, examination.mask.astype(np.uint8)), (image_path, examination.image)):
        write_array(path, array, grid, compression_level=COMPRESSION_LEVEL)


def _paths(folder: Path, key: CaseKey) -> tuple[Path, Path]:
    return folder / "images" / f"{key.case_id}.nii.gz", folder / "masks" / f"{key.case_id}.nii.gz"


def _claim(folder: Path, *, seed: int) -> None:
    """Write down which simulation the folder holds; refuse to mix two."""
    identity = {
        "provenance": "simulated",
        "simulation_version": SIMULATION_VERSION,
        "source_sha256": source_sha256(),
        "seed": seed,
    }
    path = folder / "simulation.json"
    if not path.exists():
        _refuse_other_cohort(folder)
        write_json(path, identity | {"numpy": np.__version__})
        return
    found = read_json(path)
    if any(found.get(name) != value for name, value in identity.items()):
        message = (
            f"{folder} already holds a simulation of another seed or simulator (seed {found.get('seed')}, "
            f"version {found.get('simulation_version')}): choose another folder, or remove that one"
        )
        raise CohortError(message)


def _refuse_other_cohort(folder: Path) -> None:
    """Refuse a folder with a cohort table or images that no simulation wrote, and which it might replace."""
    for name in ("cohort.csv", "images", "masks"):
        if (folder / name).exists():
            message = f"{folder} already holds {name}, and not from a simulation: choose another folder"
            raise CohortError(message)


def _table(keys: Sequence[CaseKey], truths: Sequence[CaseTruth], *, internal: int) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for row, (key, truth) in enumerate(zip(keys, truths, strict=True)):
        site = site_of(key.site)
        table.writerow(
            truth.labels
            | {
                "case_id": key.case_id,
                "patient_id": key.case_id,
                "lesion_id": "1",
                "site": key.site,
                "image": f"images/{key.case_id}.nii.gz",
                "mask": f"masks/{key.case_id}.nii.gz",
                "label_convention": "asco-cap-2020",
                "provenance": "simulated",
                "split": "" if row < internal else "external",
                "field_strength_t": f"{site.field_t:g}",
                "slice_mm": f"{site.slice_mm:g}",
            }
        )
    return text.getvalue()
