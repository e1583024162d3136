"""Every case changed in every way and answered again: one small file a case, so that nothing is done twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import onephase
from onephase.biomarkers.potentials import Potentials
from onephase.cohort.records import Record, sources_of
from onephase.cohort.source_key import source_key
from onephase.errors import ImageError
from onephase.evaluation.case_files import stored, stream_of
from onephase.evaluation.robustness.change import Change, Original
from onephase.imaging.case import Case
from onephase.imaging.preprocessing import prepare_patch
from onephase.inference.cohort_prediction import folder_name
from onephase.inference.opened_bundle import opened_bundle
from onephase.progress import Progress, silent
from onephase.simulation.version import source_sha256
from onephase.storage import write_faults
from onephase.work.workers import Workers, all_in_order

UNCHANGED = "as given"
CASES = "cases"


@dataclass(frozen=True, slots=True)
class Probing:
    """What all cases share; small, for it travels to every worker.

    Attributes:
        bundle: Folder of the bundle.
        identity: Its seal.
        out: Folder of the answers.
        changes: What is tried.
        seed: Decides every draw, case by case and change by change.
    """

    bundle: Path
    identity: str
    out: Path
    changes: tuple[Change, ...]
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Probed:
    """What became of one case.

    Attributes:
        record: The case.
        answers: Calibrated potentials of one case by the name of the change; :data:`UNCHANGED` among them.
        reasons: Why a change could not be made, by its name.
        problem: Why the case as given has no answer, in one sentence; empty when it has.
    """

    record: Record
    answers: dict[str, Potentials]
    reasons: dict[str, str]
    problem: str = ""


def probe_cohort(
    probing: Probing, records: Sequence[Record], *, workers: Workers = 1, progress: Progress = silent
) -> list[Probed]:
    """Answer every case as given and under every change; what an earlier run has answered is read.

    Args:
        probing: What is tried.
        records: The cases.
        workers: Who works.
        progress: Told after each case.

    Raises:
        WorkerError: If a worker was killed; started again, the work goes on where it stopped.
        StorageError: If a file cannot be written.
    """
    with write_faults(probing.out):
        probing.out.mkdir(parents=True, exist_ok=True)  # now, so that a cluster is asked whether it sees the folder
    sees = (probing.bundle, probing.out, *sources_of(records))
    return all_in_order(
        partial(probe_case, probing), records, task="cases", workers=workers, sees=sees, progress=progress
    )


def probe_case(probing: Probing, record: Record) -> Probed:
    """Answer one case as given and under every change, unless its file holds these very answers."""
    path = probing.out / CASES / f"{folder_name(record.case_id)}.json"
    try:
        told = stored(path, _depends_on(probing, record), partial(_answered, probing, record))
    except ImageError as fault:
        return Probed(record, {}, {}, problem=str(fault))
    return Probed(record, {name: Potentials.from_json(one) for name, one in told["answers"].items()}, told["reasons"])


def _answered(probing: Probing, record: Record) -> dict[str, Any]:
    bundle = opened_bundle(probing.bundle, probing.identity)
    settings = bundle.settings
    original = Original.read(record, in_plane=settings.imaging.sampling == "stack")
    patches = {UNCHANGED: prepare_patch(original.case, imaging=settings.imaging, regions=settings.regions)}
    reasons = {}
    for change in probing.changes:
        try:
            changed = _changed(original, change, seed=probing.seed)
            patches[change.name] = prepare_patch(changed, imaging=settings.imaging, regions=settings.regions)
        except ImageError as fault:
            reasons[change.name] = str(fault)
    seen = bundle.run(
        np.stack([patch.image for patch in patches.values()]),
        np.stack([patch.distance_mm for patch in patches.values()]),
        np.stack([patch.descriptors for patch in patches.values()]),
    )
    potentials = bundle.calibration.apply(seen.potentials)
    answers = {name: potentials.take(np.array([row])).to_json() for row, name in enumerate(patches)}
    return {"answers": answers, "reasons": reasons}


def _changed(original: Original, change: Change, *, seed: int) -> Case:
    return change.apply(original, stream_of(seed, original.record.case_id, change.name))


def _depends_on(probing: Probing, record: Record) -> tuple[object, ...]:
    """Return everything that the answers depend on, digests of image, mask and of what scans a simulated case anew."""
    names = [change.name for change in probing.changes]
    scanned = (record.provenance, source_sha256() if record.provenance == "simulated" else "")
    return probing.identity, onephase.__version__, names, probing.seed, record.case_id, *scanned, source_key(record)
