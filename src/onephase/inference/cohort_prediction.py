"""Predict a whole cohort, one case after the other: what is done stays done, and one bad case stops no other."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import onephase
from onephase.cohort.case_of import case_of
from onephase.cohort.records import Record
from onephase.cohort.source_key import source_key
from onephase.errors import OnephaseError, StorageError
from onephase.inference.bundle import Bundle
from onephase.inference.outcome import Outcome
from onephase.inference.predict import predict
from onephase.inference.prediction import Prediction
from onephase.settings import SubtypePolicy
from onephase.storage import folder_aside, read_json, write_json, write_text

PREDICTION_NAME = "prediction.json"
REQUEST_NAME = "request.sha256"
LONGEST_NAME = 200


def predict_cohort(
    bundle: Bundle,
    records: Iterable[Record],
    *,
    folder: Path,
    policy: SubtypePolicy,
    publish: Callable[[Prediction, Path], None],
) -> Iterator[Outcome]:
    """Predict every case of a cohort from its image alone, one at a time.

    Args:
        bundle: What predicts.
        records: The cases; what pathology found of them is not given to the prediction.
        folder: Gets one folder a case with ``prediction.json`` and whatever ``publish`` adds; such a
            folder appears whole or not at all. Where it holds the answer to the same request (bundle,
            version, policy, image, outline) the case is skipped.
        policy: The rule that parts the subtypes.
        publish: Writes further files of a prediction, such as the report, into the folder it is given.

    Yields:
        One outcome a case, in order, as soon as it is known. A case that fails is an outcome with a
        problem, not the end.
    """
    for record in records:
        try:
            yield _outcome(bundle, record, folder=folder, policy=policy, publish=publish)
        except OnephaseError as fault:
            yield Outcome(record.case_id, "", None, problem=str(fault))


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


def _outcome(
    bundle: Bundle,
    record: Record,
    *,
    folder: Path,
    policy: SubtypePolicy,
    publish: Callable[[Prediction, Path], None],
) -> Outcome:
    name = folder_name(record.case_id)
    place, request = folder / name, _request(bundle, record, policy=policy)
    if (place / REQUEST_NAME).is_file() and (place / REQUEST_NAME).read_text(encoding="utf-8") == request:
        return Outcome(record.case_id, name, read_json(place / PREDICTION_NAME), skipped=True)
    prediction = predict(bundle, case_of(record), policy=policy)
    answer = prediction.to_json()
    with folder_aside(place) as aside:
        write_json(aside / PREDICTION_NAME, answer)
        publish(prediction, aside)
        write_text(aside / REQUEST_NAME, request)
    return Outcome(record.case_id, name, answer)


def _request(bundle: Bundle, record: Record, *, policy: SubtypePolicy) -> str:
    """Return a digest of everything that an answer depends on, the bytes of image and mask included."""
    parts = (bundle.identity, onephase.__version__, policy, record.case_id, source_key(record))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
