"""The interface as the page uses it, over real HTTP."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from jsonschema import Draft202012Validator
from tests.service.web.conftest import SHAPE, SPACING, serving

from onephase.biomarkers.evidence import read_given
from onephase.cohort.case_of import case_of
from onephase.cohort.table import read_cohort
from onephase.inference.predict import predict


def test_the_work_list_says_what_can_be_opened_and_what_came_out(served):
    before = served.call("GET", "cases").json()
    assert [entry["case_id"] for entry in before] == ["a", "b", "c", "d"]
    assert [entry["split"] for entry in before] == ["", "train", "", ""]
    assert all(entry["answer"] is None for entry in before)
    assert "90%" not in json.dumps(before)  # a reader may stay blind to what pathology wrote
    lesion = served.opened("1")
    answer = served.call("GET", "cases").json()[0]["answer"]
    subtypes = lesion["prediction"]["result"]["subtypes"]
    assert answer["probability"] == max(subtypes.values()) == subtypes[answer["subtype"]]


def test_the_page_answers_as_the_command_does(served, bundle, cohort_folder):
    lesion = served.opened("1")
    given = {"er": "negative", "ki67": "30-40"}
    told = served.call("POST", f"lesions/{lesion['key']}/given", json=given).json()
    record = read_cohort(cohort_folder / "cohort.csv").records[0]
    expected = predict(bundle, case_of(record), given=read_given(["er=negative", "ki67=30-40"])).to_json()
    assert told["prediction"] == json.loads(json.dumps(expected))
    schema = json.loads((Path(__file__).parents[3] / "docs/prediction.schema.json").read_text())
    Draft202012Validator(schema).validate(served.call("GET", f"lesions/{lesion['key']}/prediction.json").json())
    report = served.call("GET", f"lesions/{lesion['key']}/report.html")
    assert "Research use only" in report.text
    assert "attachment" in report.headers["content-disposition"]


def test_what_was_given_moves_the_rest_and_is_taken_back(served):
    lesion = served.opened("1")
    alone = lesion["prediction"]["result"]["positive"]
    told = served.call("POST", f"lesions/{lesion['key']}/given", json={"er": "positive"}).json()["prediction"]
    assert told["result"]["positive"]["er"] == pytest.approx(1)
    assert told["result"]["positive"]["pr"] > alone["pr"]  # ER and PR are coupled
    assert told["image_alone"]["positive"] == alone
    back = served.call("POST", f"lesions/{lesion['key']}/given", json={}).json()["prediction"]
    assert back["result"]["positive"] == alone
    assert back["given"] is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"er": "perhaps"}, "er 'perhaps' is not understood"),
        ({"er": "negative", "pr": "negative", "hr": "positive"}, "contradicts er 'negative' and pr 'negative'"),
        ({"ki67": "180"}, "ki67"),
        ({"er": "x" * 61}, "at most 60 characters"),
        ({"brca": "positive"}, "Extra inputs are not permitted"),
        ({"policy": "mine"}, "policy"),
    ],
)
def test_evidence_that_is_not_understood_is_one_sentence_and_changes_nothing(served, given, words):
    lesion = served.opened("1")
    served.call("POST", f"lesions/{lesion['key']}/given", json={"her2": "3+"})
    refused = served.call("POST", f"lesions/{lesion['key']}/given", json=given)
    assert refused.status_code == 422
    assert words in refused.json()["detail"]
    assert "\n" not in refused.json()["detail"]
    assert served.call("GET", f"lesions/{lesion['key']}").json()["given"]["her2"] == "3+"


def declared(served, method: str, path: str) -> set[str]:
    """Return the statuses that the interface says of itself."""
    return set(served.call("GET", "openapi.json").json()["paths"][f"/api/{path}"][method]["responses"])


@pytest.mark.parametrize(
    ("path", "sent", "words"),
    [
        (
            "lesions",
            {"data": b"{case"},
            "is no JSON (Expecting property name enclosed in double quotes, at character 1)",
        ),
        ("lesions", {"data": b""}, "the body of the request is no JSON object: send what /api/openapi.json describes"),
        ("lesions", {"json": [1]}, "the body of the request is no JSON object"),
        ("lesions", {"data": b'{"case": "1"}', "headers": {}}, "no JSON object: send what /api/openapi.json describes"),
        (
            "lesions",
            {"data": b'{"case": "\xe4"}'},
            "the body of the request cannot be read: send JSON in UTF-8, or files",
        ),
        (
            "uploads",
            {"data": b"x", "headers": {"Content-Type": "multipart/form-data"}},
            "the body of the request cannot",
        ),
        (
            "uploads",
            {"data": {"image": "x"}, "headers": {}},
            "image is no file: send one, as `curl -F image=@FILE` does",
        ),
    ],
)
def test_a_body_that_is_not_understood_is_one_sentence(served, path, sent, words):
    refused = served.call("POST", path, **{"headers": {"Content-Type": "application/json"}, **sent})
    assert refused.status_code == 422
    assert words in refused.json()["detail"]
    assert "422" in declared(served, "post", path)


def test_refusals_are_declared_where_they_come(served):
    every = {"401", "403", "421"}  # tests/service/web/test_guard.py has each of them come
    assert declared(served, "get", "cases") == {"200", *every}
    assert declared(served, "post", "lesions") == {"201", "404", "413", "422", *every}
    assert declared(served, "post", "uploads") == {"201", "413", "422", *every}
    assert declared(served, "post", "lesions/{key}/given") == {"200", "404", "413", "422", *every}
    assert declared(served, "get", "lesions/{key}/image.nii") == {"200", "404", "422", *every}


def test_a_box_is_outlined_and_what_was_given_stays_given(served):
    lesion = served.opened("1")
    served.call("POST", f"lesions/{lesion['key']}/given", json={"er": "negative"})
    box = {name: [max(start - 2, 0), stop + 2] for name, (start, stop) in lesion["box"].items()}
    boxed = served.call("POST", f"lesions/{lesion['key']}/outline", json={"box": box}).json()
    assert boxed["prediction"]["outline"]["semi_automatic"] is True
    assert boxed["prediction"]["given"]["facts"] == ["ER negative"]
    spread = boxed["prediction"]["outline"]["spread"]
    assert spread["outlines"] == 9
    assert spread["positive"]["pr"]["lowest"] < boxed["prediction"]["result"]["positive"]["pr"]
    assert spread["positive"]["pr"]["highest"] > boxed["prediction"]["result"]["positive"]["pr"]
    assert lesion["prediction"]["outline"]["spread"] is None  # a mask is trusted
    assert any("semi-automatic" in warning for warning in boxed["prediction"]["warnings"])
    middle = {name: (start + stop) / 2 for name, (start, stop) in lesion["box"].items()}
    pointed = served.call("POST", f"lesions/{lesion['key']}/outline", json={"point": middle}).json()
    assert "seed point" in pointed["prediction"]["outline"]["method"]


@pytest.mark.parametrize(
    ("outline", "words"),
    [
        ({"box": {"column": [0, 99], "row": [2, 9], "slice": [1, 4]}}, "outside the volume"),
        ({"box": {"column": [9, 3], "row": [2, 9], "slice": [1, 4]}}, "inverted"),
        ({"point": {"column": 999, "row": 2, "slice": 1}}, "outside the volume"),
        ({}, "give either a box or a point"),
        ({"box": {"column": [0, 9], "row": [2, 9]}}, "box.slice"),
    ],
)
def test_a_box_that_cannot_be_is_one_sentence(served, outline, words):
    lesion = served.opened("1")
    refused = served.call("POST", f"lesions/{lesion['key']}/outline", json=outline)
    assert refused.status_code == 422
    assert words in refused.json()["detail"]
    assert served.call("GET", f"lesions/{lesion['key']}").json()["prediction"] == lesion["prediction"]


def test_pictures_lie_where_the_volume_lies(served, cohort_folder, tmp_path):
    """Read back by SimpleITK, which has its own reader."""
    lesion = served.opened("1")
    images = {}
    for name in ("image.nii", "regions.nii", "attention.nii"):
        (tmp_path / name).write_bytes(served.call("GET", f"lesions/{lesion['key']}/{name}").content)
        images[name] = SimpleITK.ReadImage(str(tmp_path / name))
    original = SimpleITK.ReadImage(str(cohort_folder / "a.nii.gz"))
    image = images["image.nii"]
    assert image.GetSize() == original.GetSize() == SHAPE[::-1]
    assert image.GetSpacing() == pytest.approx(SPACING[::-1])
    assert image.GetOrigin() == pytest.approx(original.GetOrigin())
    grey = SimpleITK.GetArrayFromImage(original)
    step = np.ptp(grey) / 32767
    assert np.abs(SimpleITK.GetArrayFromImage(image) - grey).max() <= step
    truth = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(cohort_folder / "a-mask.nii.gz"))) > 0
    labels = SimpleITK.Resample(images["regions.nii"], original, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor)
    found = SimpleITK.GetArrayFromImage(labels)
    assert not found[truth & (found != 1)].size or set(np.unique(found[truth])) <= {1, 2}  # core and rim only
    assert set(np.unique(found)) == {0, 1, 2, 3}


def test_distances_are_those_of_the_outline(served, cohort_folder):
    lesion = served.opened("1")
    crop = lesion["crop"]
    sent = served.call("GET", f"lesions/{lesion['key']}/distance").content
    distance = np.frombuffer(sent, dtype=np.int8).reshape(crop["shape"]) * crop["step_mm"]
    truth = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(cohort_folder / "a-mask.nii.gz"))) > 0
    near = tuple(slice(start, start + size) for start, size in zip(crop["start"], crop["shape"], strict=True))
    agreeing = (distance < 0) == truth[near]
    assert agreeing[np.abs(distance) > max(SPACING) / 2].all()  # apart from the surface itself
    assert not np.delete(truth.ravel(), np.ravel_multi_index(np.mgrid[near].reshape(3, -1), SHAPE)).any()


def test_similar_cases_are_near_and_not_the_case_itself(served):
    found = served.call("GET", f"lesions/{served.opened('2')['key']}/similar").json()
    assert {one["case_id"] for one in found} == {"c", "d"}
    assert [one["distance"] for one in found] == sorted(one["distance"] for one in found)
    assert found[0]["recorded"]["her2"] == "2+/ISH-"
    assert found[0]["picture"].startswith("data:image/png;base64,")


def test_a_closed_case_is_forgotten(served):
    lesion = served.opened("1")
    assert served.call("DELETE", f"lesions/{lesion['key']}").status_code == 204
    gone = served.call("GET", f"lesions/{lesion['key']}")
    assert gone.status_code == 404
    assert "open it again" in gone.json()["detail"]
    assert served.call("POST", "lesions", json={"case": "77"}).status_code == 404


def test_the_desk_holds_few_cases_and_none_for_ever(make_reader):
    reader = make_reader(most_open=2)
    keys = [reader.open(key).key for key in ("1", "2", "3")]
    assert len(reader.desk) == 2
    with pytest.raises(Exception, match="not open any more"):
        reader.lesion(keys[0])
    idle = make_reader(idle_s=0.0)
    left = idle.open("1").key
    with pytest.raises(Exception, match="not open any more"):
        idle.lesion(left)


def test_a_fault_of_ours_is_one_sentence_and_its_log_names_no_case(make_reader, monkeypatch, caplog):
    reader = make_reader()

    def fail(self, key):
        raise KeyError("CANARY^PATIENT")

    monkeypatch.setattr(type(reader.cases), "open", fail)
    with serving(reader) as served, caplog.at_level(logging.DEBUG):
        answer = served.call("POST", "lesions", json={"case": "1"})
    assert answer.status_code == 500
    assert answer.json()["detail"] == "this is a fault of ours; what was open before is unchanged"
    assert "KeyError" in caplog.text
    assert "CANARY" not in caplog.text
    assert "CANARY" not in answer.text
