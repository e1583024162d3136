"""Predict a whole cohort, case by case: what is done stays done, and one bad case stops no other."""

import hashlib
import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import onephase
from onephase.cohort.case_of import case_of
from onephase.cohort.records import Record, sources_of
from onephase.cohort.source_key import source_key
from onephase.errors import OnephaseError, StorageError
from onephase.imaging.plausible_outlines import MEASURED_MM, doubt_about
from onephase.inference.bundle import Bundle
from onephase.inference.engine_name import USUAL_ENGINE, EngineName
from onephase.inference.opened_bundle import opened_bundle
from onephase.inference.outcome import Outcome
from onephase.inference.predict import predict
from onephase.inference.prediction import PREDICTION_NAME, Prediction
from onephase.settings import SubtypePolicy
from onephase.storage import folder_aside, read_json, write_faults, write_json, write_text
from onephase.work.workers import Workers, in_order

REQUEST_NAME = "request.sha256"
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class CohortRequest:
    """What all cases share; small, for it travels to every worker.

    Attributes:
        bundle: Folder of the bundle that predicts.
        identity: Its seal.
        folder: Gets one folder a case with ``prediction.json`` and whatever ``publish`` adds; such a
            folder appears whole or not at all.
        policy: The rule that parts the subtypes; the bundle's own when None.
        publish: Writes further files of a prediction, such as the report, into the folder it is given;
            importable by name.
        engine: The library that runs the network.
        outlines: How many outlines of a lesion the answer is mixed from; 0 for as many as usual.
        error_mm: Standard deviation of the surface between them.
    """

    bundle: Path
    identity: str
    folder: Path
    policy: SubtypePolicy | None
    publish: Callable[[Prediction, Path], None]
    engine: EngineName = USUAL_ENGINE
    outlines: int = 0
    error_mm: float = MEASURED_MM


def predict_cohort(
    request: CohortRequest, records: Sequence[Record], *, workers: Workers = 1
) -> Generator[Outcome, None, None]:
    """Predict every case of a cohort from its image alone, several at a time.

    Where the folder holds the answer to the same request (bundle, version, policy, image, outline) the case is
    skipped.

    Args:
        request: What is asked of every case.
        records: The cases; what pathology found of them is not given to the prediction.
        workers: Who works.

    Yields:
        One outcome a case, in order, as soon as it is known. A case that fails is an outcome with a
        problem, not the end.

    Raises:
        BundleError: If the bundle is broken, or not the one that was asked for.
        StorageError: If the folder cannot be made.
        WorkerError: If a worker was killed; started again, the work goes on where it stopped.
    """
    with write_faults(request.folder):
        request.folder.mkdir(parents=True, exist_ok=True)  # now, so that a cluster is asked whether it sees the folder
    sees = (request.bundle, request.folder, *sources_of(records))
    return in_order(partial(predict_record, request), records, workers=workers, sees=sees)


def predict_record(request: CohortRequest, record: Record) -> Outcome:
    """Predict one case, unless its folder holds the answer; what a worker does."""
    bundle = opened_bundle(request.bundle, request.identity, request.engine)
    try:
        return _outcome(bundle, record, request=request)
    except OnephaseError as fault:
        return Outcome(record.case_id, "", None, problem=str(fault))


def folder_name(case_id: str) -> str:
    """Return a folder name for a case: never a path, never hidden, and another for every other case.

    Examples:
        >>> folder_name("case 7"), folder_name("../up"), folder_name("..")
        ('case%207', '%2E.%2Fup', '%2E.')

    Raises:
        StorageError: If the case id is too long for a folder.
    """
    name = quote(case_id, safe="")
    if name.startswith("."):
        name = "%2E" + name[1:]
    if not 0 < len(name) <= LONGEST_NAME:
        message = f"case {case_id[:40]!r}: an id of {len(case_id)} characters makes no folder, give a shorter one"
        raise StorageError(message)
    return name


def _outcome(bundle: Bundle, record: Record, *, request: CohortRequest) -> Outcome:
    name = folder_name(record.case_id)
    policy = request.policy or bundle.settings.subtype_policy
    place, digest = request.folder / name, _digest(record, request=request, policy=policy)
    if (place / REQUEST_NAME).is_file() and (place / REQUEST_NAME).read_text(encoding="utf-8") == digest:
        return Outcome(record.case_id, name, read_json(place / PREDICTION_NAME), skipped=True)
    case = case_of(record)
    doubt = doubt_about(case.roi, outlines=request.outlines, error_mm=request.error_mm)
    prediction = predict(bundle, case, policy=policy, doubt=doubt)
    answer = prediction.to_json()
    with folder_aside(place) as aside:
        write_json(aside / PREDICTION_NAME, answer)
        request.publish(prediction, aside)
        write_text(aside / REQUEST_NAME, digest)
    return Outcome(record.case_id, name, answer)


def _digest(record: Record, *, request: CohortRequest, policy: SubtypePolicy) -> str:
    """Return a digest of everything that an answer depends on, the bytes of image and mask included."""
    asked = (request.identity, request.engine, policy, request.outlines, request.error_mm)
    parts = (*asked, onephase.__version__, record.case_id, source_key(record))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
