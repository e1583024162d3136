"""A prediction as FHIR R4: a RiskAssessment of probabilities and an imaging Observation of Ki-67, both preliminary.

No pathology code and no tumour-marker profile occurs (docs/dicom.md says why); concepts are of our own scheme.
"""

from pathlib import Path
from typing import Any, TypeAlias

from onephase.inference.prediction import Prediction
from onephase.inference.reading import Interval, Ki67Reading
from onephase.reports import dicom_codes as ours
from onephase.reports.dicom_panel import comments_on, probabilities
from onephase.reports.identifiers import digest_of, uuid_of
from onephase.storage import write_json

Resource: TypeAlias = dict[str, Any]

SYSTEM = f"urn:oid:{ours.SCHEME_UID}"
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
UNITS = "http://unitsofmeasure.org"


def write_fhir(prediction: Prediction, path: Path, *, study_uid: str = "") -> None:
    """Write a prediction as a FHIR R4 Bundle in JSON, whole or not at all.

    Args:
        prediction: The prediction.
        path: The file.
        study_uid: Study Instance UID of the images; empty when they were no DICOM.

    Raises:
        StorageError: If the file cannot be written.
    """
    write_json(path, fhir_bundle(prediction, study_uid=study_uid))


def fhir_bundle(prediction: Prediction, *, study_uid: str = "") -> Resource:
    """Return a prediction as a Bundle of a Device, a RiskAssessment and an Observation.

    The subject is named by the case alone: whoever files the Bundle knows the patient, and we do not pass on what
    we need not. The images are named by their study.
    """
    digest = digest_of(prediction, images=[study_uid])
    urls = {name: f"urn:uuid:{uuid_of(digest, name)}" for name in ("device", "risk", "ki67")}
    shared: Resource = {
        "status": "preliminary",
        "subject": {"type": "Patient", "display": f"case {prediction.case_id}"},
        "note": [{"text": sentence} for sentence in _notes(prediction)],
    }
    study = [_study(study_uid)] if study_uid else []
    resources = {
        "device": _device(prediction),
        "risk": _risk(prediction, shared, device=urls["device"], study=study),
        "ki67": _ki67(prediction.reading.ki67, shared, device=urls["device"], study=study),
    }
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{uuid_of(digest, 'bundle')}"},
        "entry": [{"fullUrl": urls[name], "resource": resource} for name, resource in resources.items()],
    }


def _device(prediction: Prediction) -> Resource:
    origin = prediction.origin
    properties = {"bundle": origin.bundle_name, "trained on": origin.trained_on, "settings": origin.settings_sha256}
    return {
        "resourceType": "Device",
        "deviceName": [{"name": "onephase", "type": "model-name"}],
        "serialNumber": origin.bundle_sha256,
        "version": [{"value": origin.versions["onephase"]}],
        "property": [{"type": {"text": name}, "valueCode": [{"text": value}]} for name, value in properties.items()],
    }


def _risk(prediction: Prediction, shared: Resource, *, device: str, study: list[Resource]) -> Resource:
    name = ours.PANEL if prediction.given is None else ours.PANEL_GIVEN
    return {
        "resourceType": "RiskAssessment",
        **shared,
        "code": _concept(name.value, name.meaning),
        "method": {"text": "joint posterior over ER, PR, HER2 and Ki-67 from one post-contrast MRI volume"},
        "performer": {"reference": device},
        **({"basis": study} if study else {}),
        "prediction": [
            {"outcome": _concept(code.value, code.meaning), "probabilityDecimal": probability}
            for code, probability in probabilities(prediction.reading)
        ],
    }


def _ki67(reading: Ki67Reading, shared: Resource, *, device: str, study: list[Resource]) -> Resource:
    return {
        "resourceType": "Observation",
        **shared,
        "category": [{"coding": [{"system": OBSERVATION_CATEGORY, "code": "imaging", "display": "Imaging"}]}],
        "code": _concept(ours.KI67_MEDIAN.value, ours.KI67_MEDIAN.meaning),
        "device": {"reference": device},
        **({"derivedFrom": study} if study else {}),
        "valueQuantity": _per_cent(reading.median_percent),
        "component": [_interval(part) for part in reading.intervals],
    }


def _interval(part: Interval) -> Resource:
    name = ours.KI67_INTERVAL[part.level]
    return {
        "code": _concept(name.value, name.meaning),
        "valueRange": {"low": _per_cent(part.low_percent), "high": _per_cent(part.high_percent)},
    }


def _notes(prediction: Prediction) -> list[str]:
    given = [f"Given: {fact}" for fact in prediction.given.facts] if prediction.given else []
    return [*comments_on(prediction), *given]


def _concept(value: str, meaning: str) -> Resource:
    return {"coding": [{"system": SYSTEM, "code": value, "display": meaning}], "text": meaning}


def _per_cent(value: float) -> Resource:
    return {"value": value, "unit": "%", "system": UNITS, "code": "%"}


def _study(uid: str) -> Resource:
    return {"type": "ImagingStudy", "identifier": {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}}
