"""A prediction as FHIR R4: a RiskAssessment of probabilities and imaging Observations, all of them preliminary.

No pathology code and no tumour-marker profile occurs (docs/dicom.md says why); concepts are of our own scheme.
"""

from pathlib import Path
from typing import Any, TypeAlias

from onephase.inference.outline_spread import OutlineSpread
from onephase.inference.prediction import Prediction
from onephase.inference.reading import Interval, Ki67Reading
from onephase.reports import dicom_codes as ours
from onephase.reports.dicom_panel import comments_on, over_outlines, probabilities, recipe_of
from onephase.reports.identifiers import digest_of, uuid_of
from onephase.storage import write_json

Resource: TypeAlias = dict[str, Any]
Coded: TypeAlias = tuple[str, str, str, str | None]
"""A code of DICOM: value, scheme, meaning, version."""

SYSTEMS = {ours.SCHEME: f"urn:oid:{ours.SCHEME_UID}", "SCT": "http://snomed.info/sct"}
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
    """Return a prediction as a Bundle of a Device, a RiskAssessment, an Observation of Ki-67 and one of the outlines.

    The subject is named by the case alone: whoever files the Bundle knows the patient, and we do not pass on what
    we need not. The images are named by their study.
    """
    digest, spread = digest_of(prediction, images=[study_uid]), prediction.outline.spread
    device = f"urn:uuid:{uuid_of(digest, 'device')}"
    shared: Resource = {
        "status": "preliminary",
        "subject": {"type": "Patient", "display": f"case {prediction.case_id}"},
        "note": [{"text": sentence} for sentence in _notes(prediction)],
    }
    study = [_study(study_uid)] if study_uid else []
    seen: Resource = {
        **shared,
        "category": [{"coding": [{"system": OBSERVATION_CATEGORY, "code": "imaging", "display": "Imaging"}]}],
        "device": {"reference": device},
        **({"derivedFrom": study} if study else {}),
    }
    resources = {
        "device": _device(prediction),
        "risk": _risk(prediction, shared, device=device, study=study),
        "ki67": _ki67(prediction.reading.ki67, seen),
        **({} if spread is None else {"outlines": _outlines(spread, seen)}),
    }
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{uuid_of(digest, 'bundle')}"},
        "entry": [
            {"fullUrl": f"urn:uuid:{uuid_of(digest, name)}", "resource": resource}
            for name, resource in resources.items()
        ],
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
        "code": _concept(name),
        "method": {"text": "joint posterior over ER, PR, HER2 and Ki-67 from one post-contrast MRI volume"},
        "performer": {"reference": device},
        **({"basis": study} if study else {}),
        "prediction": [
            {"outcome": _concept(code), "probabilityDecimal": probability}
            for code, probability in probabilities(prediction.reading)
        ],
    }


def _ki67(reading: Ki67Reading, seen: Resource) -> Resource:
    return {
        "resourceType": "Observation",
        **seen,
        "code": _concept(ours.KI67_MEDIAN),
        "valueQuantity": _quantity(reading.median_percent, "%"),
        "component": [_interval(part) for part in reading.intervals],
    }


def _interval(part: Interval) -> Resource:
    ends = (part.low_percent, part.high_percent)
    return {"code": _concept(ours.KI67_INTERVAL[part.level]), "valueRange": _range(ends, "%")}


def _outlines(spread: OutlineSpread, seen: Resource) -> Resource:
    """Return the lowest and the highest answer over several outlines of the lesion."""
    return {
        "resourceType": "Observation",
        **seen,
        "code": _concept(ours.PANEL_OUTLINES),
        "component": [
            *(
                {"code": _concept(name), "valueQuantity": _quantity(value, unit.value)}
                for name, value, unit in recipe_of(spread)
            ),
            *(
                {"code": _concept(name), "valueRange": _range(ends, unit.value)}
                for name, ends, unit in over_outlines(spread)
            ),
        ],
    }


def _notes(prediction: Prediction) -> list[str]:
    given = [f"Given: {fact}" for fact in prediction.given.facts] if prediction.given else []
    return [*comments_on(prediction), *given]


def _concept(code: Coded) -> Resource:
    value, scheme, meaning, _ = code
    return {"coding": [{"system": SYSTEMS[scheme], "code": value, "display": meaning}], "text": meaning}


def _range(ends: tuple[float, float], unit: str) -> Resource:
    return dict(zip(("low", "high"), (_quantity(end, unit) for end in ends), strict=True))


def _quantity(value: float, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": UNITS, "code": unit}


def _study(uid: str) -> Resource:
    return {"type": "ImagingStudy", "identifier": {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}}
