"""Files of a reader's own: read from a folder that is gone afterwards, named by nobody."""

import io
import tempfile
import zipfile
from pathlib import Path

import pytest

from onephase.errors import ImageError, NotOurInputError
from onephase.service.web.uploads import read_upload


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of temporary folders, empty at first."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_volume_with_its_mask_is_predicted_at_once(served, cohort_folder):
    files = {
        name: (cohort_folder / stem).read_bytes() for name, stem in (("image", "a.nii.gz"), ("mask", "a-mask.nii.gz"))
    }
    answer = served.call("POST", "uploads", files=files)
    assert answer.status_code == 201, answer.text
    lesion = answer.json()
    assert lesion["state"] == "answered"
    listed = served.opened("1")["prediction"]
    assert lesion["prediction"]["result"] == listed["result"]


def test_a_volume_alone_waits_for_a_box(served, cohort_folder):
    lesion = served.call("POST", "uploads", files={"image": (cohort_folder / "a.nii.gz").read_bytes()}).json()
    assert lesion["state"] == "needs an outline"
    assert lesion["prediction"] is None
    refused = served.call("GET", f"lesions/{lesion['key']}/regions.nii")
    assert refused.status_code == 404
    assert "draw a box" in refused.json()["detail"]
    assert served.call("GET", f"lesions/{lesion['key']}/image.nii").status_code == 200
    told = served.call("POST", f"lesions/{lesion['key']}/given", json={"er": "negative"})
    assert told.json()["given"]["er"] == "negative"
    box = {"column": [8, 28], "row": [6, 24], "slice": [3, 12]}
    boxed = served.call("POST", f"lesions/{lesion['key']}/outline", json={"box": box}).json()
    assert boxed["prediction"]["given"]["facts"] == ["ER negative"]


def test_nothing_of_an_upload_is_left_on_the_disk(cohort_folder, temporary):
    with (cohort_folder / "a.nii.gz").open("rb") as image, (cohort_folder / "a-mask.nii.gz").open("rb") as mask:
        material = read_upload(image, mask, case_id="upload 1")
    assert material.outlined
    with pytest.raises(ImageError):
        read_upload(io.BytesIO(b"no image at all"), None, case_id="upload 2")
    assert list(temporary.iterdir()) == []


def test_what_cannot_be_read_is_one_sentence_without_a_path(temporary):
    with pytest.raises(ImageError) as fault:
        read_upload(io.BytesIO(b"no image at all"), None, case_id="upload 1")
    assert str(fault.value).startswith("the uploaded image is no image but text")
    assert str(temporary) not in str(fault.value)


def test_a_zip_that_leads_out_is_refused(temporary):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../../up.dcm", b"x")
    stream.seek(0)
    with pytest.raises(NotOurInputError, match="the uploaded image holds names that lead out"):
        read_upload(stream, None, case_id="upload 1")


def test_the_names_of_files_reach_no_answer_and_no_log(served, cohort_folder, caplog):
    files = {"image": ("CANARY^PATIENT.nii.gz", (cohort_folder / "a.nii.gz").read_bytes())}
    assert "CANARY" not in served.call("POST", "uploads", files=files).text
    broken = served.call("POST", "uploads", files={"image": ("CANARY^PATIENT.nii.gz", b"broken")})
    assert broken.status_code == 422
    assert "CANARY" not in broken.text + caplog.text


def test_the_ucsf_series_asks_for_its_phase_and_is_then_read(shared_data, temporary):
    """Three phases in one ZIP: without an outline nothing but the reader may choose among them."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in sorted((shared_data / "ucsf-br-06" / "dce").iterdir()):
            archive.write(path, path.name)
    stream.seek(0)
    with pytest.raises(ImageError, match=r"holds 3 phases.*name it with phase 1 to 3$"):
        read_upload(stream, None, case_id="upload 1")
    stream.seek(0)
    material = read_upload(stream, None, case_id="upload 1", phase="2")
    assert material.case.volume.array.shape == (60, 256, 256)
    assert not material.outlined
    assert list(temporary.iterdir()) == []
