"""`onephase predict --dicom` and `--fhir` on a real series, as a user types them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread

LESION = ("--seed-point", 95, 108, 30)


def onephase(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "onephase.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def answered(tiny_demo: Path, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("answered")
    done = onephase(
        "predict", tiny_demo / "bundle", shared_data / "ucsf-br-06" / "dce", *LESION, "--out", folder / "answer",
        "--dicom", folder / "objects", "--fhir", folder / "fhir.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout + done.stderr)
    return folder


def test_four_objects_of_the_real_study_are_written(answered, shared_data):
    objects = {path.name.partition("-")[0]: dcmread(path) for path in (answered / "objects").iterdir()}
    assert sorted(objects) == ["capture", "pm", "seg", "sr"]
    images = {image.SOPInstanceUID: image for image in map(dcmread, (shared_data / "ucsf-br-06" / "dce").iterdir())}
    one = next(iter(images.values()))
    for made in objects.values():
        assert made.StudyInstanceUID == one.StudyInstanceUID
        assert made.PatientID == one.PatientID
    named = [
        item.ReferencedSOPInstanceUID for item in objects["seg"].ReferencedSeriesSequence[0].ReferencedInstanceSequence
    ]
    phase = sorted(int(images[uid].InstanceNumber) for uid in named)
    assert phase == list(range(61, 121))  # the second phase of three, the first after contrast
    assert objects["seg"].pixel_array.any()


def test_the_core_lies_where_the_seed_point_was(answered, shared_data):
    seg = dcmread(next((answered / "objects").glob("seg-*")))
    images = {image.SOPInstanceUID: image for image in map(dcmread, (shared_data / "ucsf-br-06" / "dce").iterdir())}
    hit = [
        int(covered[108, 95])
        for frame, covered in zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array, strict=True)
        if images[frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID].InstanceNumber == 91
    ]  # slice 30 of the second phase, in the order of the reader, which is that of the scanner here
    assert sum(hit) == 1


def test_identity_stays_inside_the_objects(answered):
    said = (answered / "said.txt").read_text() + "".join(str(path) for path in answered.rglob("*"))
    texts = [path.read_text(errors="ignore") for path in answered.rglob("*") if path.suffix in {".json", ".html"}]
    for text in (said, *texts):
        assert "UCSF-BR-06" not in text
        assert "NACT" not in text


def test_the_fhir_file_names_the_study(answered, shared_data):
    study = dcmread(next((shared_data / "ucsf-br-06" / "dce").iterdir())).StudyInstanceUID
    assert f"urn:oid:{study}" in (answered / "fhir.json").read_text()
    assert json.loads((answered / "fhir.json").read_text())["resourceType"] == "Bundle"


@pytest.mark.skipif(not shutil.which("dciodvfy"), reason="dciodvfy (Debian package dicom3tools) is not installed")
def test_dciodvfy_finds_no_error_on_real_data(answered):
    for path in (answered / "objects").iterdir():
        done = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, check=False)
        assert not [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")], path


def test_other_input_is_refused_before_anything_is_written(tiny_demo, tmp_path):
    image = next((tiny_demo / "cohort" / "images").iterdir())
    mask = tiny_demo / "cohort" / "masks" / image.name
    command = ("predict", tiny_demo / "bundle", image, "--mask", mask, "--out", tmp_path / "answer")
    done = onephase(*command, "--dicom", tmp_path / "objects")
    assert done.returncode == 1
    assert f"onephase: {image} is no DICOM, so there is no study to put result objects into" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert onephase(*command, "--fhir", tmp_path / "fhir.json").returncode == 0  # FHIR needs no study
    assert "ImagingStudy" not in (tmp_path / "fhir.json").read_text()


def test_without_the_extra_it_is_one_sentence(tiny_demo, shared_data, tmp_path):
    program = "import sys; sys.modules['highdicom'] = None; import onephase.cli.main as shell; shell.run()"
    words = ("predict", tiny_demo / "bundle", shared_data / "ucsf-br-06" / "dce", *LESION, "--out", tmp_path / "answer")
    command = [sys.executable, "-c", program, *map(str, words), "--dicom", str(tmp_path / "objects")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "onephase: --dicom needs the extra 'dicom'" in done.stderr
    assert list(tmp_path.iterdir()) == []
