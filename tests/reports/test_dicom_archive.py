"""Through a real archive and back: Orthanc as a child process on loopback, by C-STORE and by DICOMweb."""

import io
import subprocess

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from tests.dcmtk import STORESCU, needs_storescu

KINDS = ("seg", "pm", "sr", "capture")
MODALITY = {"seg": "SEG", "pm": "OT", "sr": "SR", "capture": "OT"}


def same_content(one: Dataset, other: Dataset) -> bool:
    return {element.tag: element for element in one} == {element.tag: element for element in other}


@needs_storescu
@pytest.mark.parametrize(("orientation", "enhanced"), [("sagittal", False), ("coronal", True)])
def test_c_store_keeps_every_object(archive, examine, orientation, enhanced):
    examined = examine(orientation, enhanced=enhanced)
    files = [*sorted(examined.folder.iterdir()), *examined.written.values()]
    command = [STORESCU, "-R", "-xe", "-aec", "ORTHANC", "127.0.0.1", str(archive.dicom_port), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    for kind in KINDS:
        sent = dcmread(examined.written[kind])
        kept = dcmread(io.BytesIO(archive.ask(f"{archive.path_of(sent.SOPInstanceUID)}/file")))
        assert same_content(kept, sent), kind
    study = archive.json(archive.path_of(examined.source.study_uid))
    assert len(study["Series"]) == 5  # the images and our four, of one study and one patient
    assert study["PatientMainDicomTags"]["PatientID"] == "CAN-4711"


def test_dicomweb_stores_finds_and_returns_every_object(archive, examine):
    web = pytest.importorskip("dicomweb_client", reason="the pacs extra is not installed")
    examined = examine("oblique")
    client = web.DICOMwebClient(f"{archive.web}/dicom-web")
    images = [dcmread(path) for path in examined.folder.iterdir()]
    objects = {kind: dcmread(path) for kind, path in examined.written.items()}
    answer = client.store_instances([*images, *objects.values()])
    assert not answer.get("FailedSOPSequence")  # an answer of 200 may hide failures
    assert len(answer.ReferencedSOPSequence) == len(images) + 4
    found = client.search_for_series(study_instance_uid=examined.source.study_uid)
    modality_of = {one["0020000E"]["Value"][0]: one["00080060"]["Value"][0] for one in found}
    for kind, sent in objects.items():
        assert modality_of[sent.SeriesInstanceUID] == MODALITY[kind]
        returned = client.retrieve_instance(sent.StudyInstanceUID, sent.SeriesInstanceUID, sent.SOPInstanceUID)
        assert same_content(returned, sent), kind


def test_the_archive_decodes_the_segments_as_we_meant_them(archive, examine):
    """Orthanc's own decoder, a reader that shares nothing with ours, unpacks the bits of each frame."""
    web = pytest.importorskip("dicomweb_client", reason="the pacs extra is not installed")
    examined = examine("oblique")
    sent = dcmread(examined.written["seg"])
    web.DICOMwebClient(f"{archive.web}/dicom-web").store_instances([sent])
    fullest = int(sent.pixel_array.sum(axis=(1, 2)).argmax())
    unpacked = np.load(io.BytesIO(archive.ask(f"{archive.path_of(sent.SOPInstanceUID)}/frames/{fullest}/numpy")))
    np.testing.assert_array_equal(unpacked.squeeze() > 0, sent.pixel_array[fullest] > 0)
