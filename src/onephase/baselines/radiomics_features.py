"""Radiomics features of prepared cases, measured once and kept beside the patches.

``radiomics-KEY.npz`` in the store's folder (arrays, no pickle) holds one row a case. The key stands for the
store's settings, MIRP's version and every choice of :mod:`~onephase.baselines.ibsi`; a case whose patch has
changed is measured again. The file is written anew every few cases, so that a kill costs little.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias
from zipfile import BadZipFile

import numpy as np

from onephase.arrays import Float64
from onephase.baselines.ibsi import IbsiSettings, ibsi_features, mirp_version
from onephase.cohort.prepared import PreparedCohort
from onephase.cohort.records import Record
from onephase.errors import StorageError
from onephase.imaging.patches import PatchStore, read_patch
from onephase.progress import Progress, silent
from onephase.storage import file_aside
from onephase.work.workers import Workers, in_order

FORMAT = 1
MEASURING = "measuring radiomics features"
KEPT_EVERY = 20
"""Cases between two writings of the file."""


Kept: TypeAlias = dict[tuple[str, str], dict[str, float]]
"""Features by name, of each case by its name and what its patch was made from."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTable:
    """Features of some cases.

    Attributes:
        names: Of the features.
        values: One row a case; NaN where a feature is not defined.
    """

    names: tuple[str, ...]
    values: Float64[np.ndarray, "case feature"]


def radiomics_features(
    prepared: PreparedCohort, records: Sequence[Record], *, workers: Workers = 1, progress: Progress = silent
) -> FeatureTable:
    """Return the features of some cases of a prepared cohort, measuring those that were not measured before.

    Args:
        prepared: The cohort; the features are kept in its folder.
        records: Which of its cases, in which order; at least one.
        workers: Who works.
        progress: Told after each case that is measured.

    Raises:
        MissingExtraError: If MIRP is not installed.
        StorageError: If the features cannot be kept, or those that were kept are broken.
    """
    store = prepared.store
    settings = IbsiSettings.of_store(store)
    path = store.folder / f"radiomics-{_key(store, settings)}.npz"
    kept = _read(path)
    cases = [store.case(record.case_id) for record in records]
    todo = [case for case in cases if (case.case_id, case.key) not in kept]
    measure = partial(_measured, folder=store.folder, patch_voxels=store.patch_voxels, settings=settings)
    progress(MEASURING, 0, len(todo))
    with closing(in_order(measure, [case.row for case in todo], workers=workers, sees=[store.folder])) as measured:
        for done, (case, features) in enumerate(zip(todo, measured, strict=True), start=1):
            kept[case.case_id, case.key] = features
            if done % KEPT_EVERY == 0 or done == len(todo):
                _write(path, kept)
            progress(MEASURING, done, len(todo))
    rows = [kept[case.case_id, case.key] for case in cases]
    return FeatureTable(tuple(rows[0]), np.array([list(row.values()) for row in rows], dtype=np.float64))


def _measured(
    row: int, *, folder: Path, patch_voxels: tuple[int, int, int], settings: IbsiSettings
) -> dict[str, float]:
    """Measure the case in one row of a store's arrays; what a worker does."""
    return ibsi_features(*read_patch(folder, row, patch_voxels=patch_voxels), settings=settings)


def _key(store: PatchStore, settings: IbsiSettings) -> str:
    """Return what stands for everything that decides a value, beside the patch itself."""
    decides = [FORMAT, mirp_version(), settings.to_json(), store.fingerprint]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:12]


def _read(path: Path) -> Kept:
    if not path.exists():
        return {}
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            cases = zip(arrays["case_id"].tolist(), arrays["case_key"].tolist(), strict=True)
            names, values = arrays["names"].tolist(), arrays["values"].tolist()
        return {case: dict(zip(names, row, strict=True)) for case, row in zip(cases, values, strict=True)}
    except (BadZipFile, EOFError, KeyError, ValueError):
        message = f"{path} is no file of radiomics features: delete it, and the features are measured again"
        raise StorageError(message) from None


def _write(path: Path, kept: Kept) -> None:
    case_ids, case_keys = zip(*kept, strict=True)
    names = next(iter(kept.values()))
    arrays = {
        "case_id": np.array(case_ids),
        "case_key": np.array(case_keys),
        "names": np.array(list(names)),
        "values": np.array([list(row.values()) for row in kept.values()]),
    }
    with file_aside(path) as aside:
        np.savez(aside, allow_pickle=False, **arrays)
