"""A ZIP of DICOM with its SEG, sent and dropped: the same prediction as from the folder."""

import json
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("highdicom", reason="the dicom extra is not installed")

from tests.service.node.conftest import outline_of, slices_of
from tests.service.web.browsing import address_of_lesion, drop

from onephase.inference.predict import predict
from onephase.readers.case import read_case


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """A folder with a series as files, the same as a ZIP, and its outline as a DICOM SEG."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "series").mkdir()
    slices = slices_of(1)
    for place, one in enumerate(slices):
        one.save_as(folder / "series" / f"{place:02d}.dcm", enforce_file_format=True)
    outline_of(slices, 1).save_as(folder / "seg.dcm", enforce_file_format=True)
    with zipfile.ZipFile(folder / "series.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (folder / "series").iterdir():
            archive.write(path, f"DICOM/{path.name}")
    return folder


@pytest.fixture(scope="module")
def expected(study, bundle) -> dict:
    """What the folder itself gives."""
    case = read_case(study / "series", case_id="upload 1", mask=study / "seg.dcm")
    return json.loads(json.dumps(predict(bundle, case).to_json()))


def test_a_zip_of_dicom_gives_the_prediction_of_its_folder(served, study, expected):
    files = {"image": (study / "series.zip").read_bytes(), "mask": (study / "seg.dcm").read_bytes()}
    answer = served.call("POST", "uploads", files=files)
    assert answer.status_code == 201, answer.text
    assert answer.json()["prediction"] == expected


def test_a_zip_of_dicom_is_dropped_with_its_outline(page, served, study, expected):
    page.keyboard.press("2")  # the axial plane alone, which software renders quickest
    drop(page, study / "seg.dcm", study / "series.zip")
    assert page.locator(".slot.full span").all_inner_texts() == ["series.zip", "seg.dcm"]
    page.click("#send")
    page.wait_for_selector(".measured")
    assert served.call("GET", address_of_lesion(page)).json()["prediction"]["result"] == expected["result"]
    assert page.locator(".measured dd").first.inner_text() == (
        f"{expected['outline']['measurements']['volume_ml']:.2f}\u00a0ml"
    )
