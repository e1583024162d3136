"""FHIR R4: valid by HL7's published schema, preliminary, and never pathology."""

import json
from pathlib import Path

import jsonschema
import pytest

from onephase.inference.prediction import RESEARCH_USE
from onephase.reports.dicom_codes import SCHEME_UID
from onephase.reports.fhir import fhir_bundle, write_fhir

SCHEMA = json.loads((Path(__file__).parent / "fhir-4.0-excerpt.schema.json").read_text(encoding="utf-8"))
STUDY = "1.2.826.0.1.3680043.9.1.5"


def resources(bundle: dict) -> dict[str, dict]:
    return {entry["resource"]["resourceType"]: entry["resource"] for entry in bundle["entry"]}


@pytest.mark.parametrize("study_uid", ["", STUDY])
def test_the_published_schema_accepts_it(made, told, doubted, study_uid):
    validator = jsonschema.Draft6Validator(SCHEMA)
    for prediction in (made(), told, doubted):
        bundle = fhir_bundle(prediction, study_uid=study_uid)
        validator.validate(bundle)
        for resource in resources(bundle).values():
            validator.validate(resource)


def test_the_schema_would_refuse_an_unknown_key(made):
    bundle = fhir_bundle(made())
    bundle["entry"][1]["resource"]["probability"] = 0.5
    assert list(jsonschema.Draft6Validator(SCHEMA).iter_errors(bundle))


def test_numbers_are_those_of_the_prediction(made):
    prediction = made()
    found = resources(fhir_bundle(prediction))
    risks = {
        part["outcome"]["coding"][0]["code"]: part["probabilityDecimal"]
        for part in found["RiskAssessment"]["prediction"]
    }
    assert risks["P-ER-POS"] == prediction.reading.positive["er"]
    assert sum(risks[f"P-SUBTYPE-{number}"] for number in range(1, 7)) == pytest.approx(1)
    observation = found["Observation"]
    assert observation["valueQuantity"]["value"] == prediction.reading.ki67.median_percent
    assert [part["valueRange"]["low"]["value"] for part in observation["component"]] == [
        part.low_percent for part in prediction.reading.ki67.intervals
    ]


def test_it_is_preliminary_imaging_of_our_own_scheme_and_says_what_must_be_said(made):
    prediction = made()
    bundle = fhir_bundle(prediction, study_uid=STUDY)
    found = resources(bundle)
    for kind in ("RiskAssessment", "Observation"):
        assert found[kind]["status"] == "preliminary"
        notes = [note["text"] for note in found[kind]["note"]]
        assert {RESEARCH_USE, prediction.training_caution, *prediction.warnings} <= set(notes)
    assert found["Observation"]["category"][0]["coding"][0]["code"] == "imaging"
    assert found["Observation"]["derivedFrom"][0]["identifier"]["value"] == f"urn:oid:{STUDY}"
    systems = {part["outcome"]["coding"][0]["system"] for part in found["RiskAssessment"]["prediction"]}
    assert systems == {f"urn:oid:{SCHEME_UID}"}
    assert all(part["outcome"]["text"].startswith("Predicted ") for part in found["RiskAssessment"]["prediction"])


def test_the_spread_over_outlines_is_an_observation_of_its_own(told, doubted):
    spread = doubted.outline.spread
    observation = fhir_bundle(doubted)["entry"][-1]["resource"]
    assert observation["code"]["coding"][0]["code"] == "P-PANEL-OUTLINES"
    assert (observation["status"], observation["category"][0]["coding"][0]["code"]) == ("preliminary", "imaging")
    parts = {part["code"]["coding"][0]["code"]: part for part in observation["component"]}
    assert parts["O-COUNT"]["valueQuantity"]["value"] == spread.outlines
    assert parts["O-ERROR"]["valueQuantity"] == {
        "value": 1.0,
        "unit": "mm",
        "system": "http://unitsofmeasure.org",
        "code": "mm",
    }
    for code, (low, high), unit in (
        ("P-ER-POS", spread.positive["er"], "1"),
        ("P-KI67-MEDIAN", spread.ki67_median_percent, "%"),
        ("118565006", spread.volume_ml, "ml"),
    ):
        ends = parts[code]["valueRange"]
        assert (ends["low"]["value"], ends["high"]["value"], ends["low"]["code"]) == (low, high, unit)
    assert parts["118565006"]["code"]["coding"][0]["system"] == "http://snomed.info/sct"
    assert len(fhir_bundle(told)["entry"]) == len(fhir_bundle(doubted)["entry"]) - 1


def test_what_was_given_is_named(told):
    found = resources(fhir_bundle(told))
    assert found["RiskAssessment"]["code"]["coding"][0]["code"] == "P-PANEL-GIVEN"
    assert [note["text"] for note in found["Observation"]["note"] if note["text"].startswith("Given: ")]


def test_references_stay_inside_and_the_same_result_is_the_same_file(made, told, tmp_path):
    write_fhir(made(), tmp_path / "one.json")
    write_fhir(made(), tmp_path / "two.json")
    write_fhir(told, tmp_path / "three.json")
    one, two, three = ((tmp_path / f"{name}.json").read_text() for name in ("one", "two", "three"))
    assert one == two
    assert json.loads(one)["identifier"] != json.loads(three)["identifier"]
    bundle = json.loads(one)
    urls = {entry["fullUrl"] for entry in bundle["entry"]}
    assert resources(bundle)["RiskAssessment"]["performer"]["reference"] in urls
    assert resources(bundle)["Observation"]["device"]["reference"] in urls


def test_no_prediction_carries_a_pathology_code(made, told, doubted):
    for prediction in (made(), told, doubted):
        text = json.dumps(fhir_bundle(prediction, study_uid=STUDY)).lower()
        assert "loinc" not in text
        assert "mcode" not in text
        assert SCHEME_UID in text  # the walk reaches what is coded
