"""Through a real archive and back: Orthanc as a child process on loopback, by C-STORE and by DICOMweb."""

import io
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
START_SECONDS = 20
NAME = "onephase-tests"
KINDS = ("seg", "pm", "sr", "capture")
MODALITY = {"seg": "SEG", "pm": "OT", "sr": "SR", "capture": "OT"}

pytestmark = [
    pytest.mark.skipif(
        shutil.which("Orthanc") is None or not PLUGIN.exists(),
        reason="Orthanc (Debian packages orthanc and orthanc-dicomweb) is not installed",
    ),
]


@dataclass(frozen=True)
class Archive:
    """A running Orthanc."""

    http_port: int
    dicom_port: int

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def ask(self, path: str, *, content: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{self.web}/{path}", content)  # noqa: S310 - http on loopback
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the same
            return answer.read()

    def json(self, path: str, *, content: bytes | None = None) -> Any:
        return json.loads(self.ask(path, content=content))

    def path_of(self, uid: str) -> str:
        """Return the path of a study or an instance in the archive's own interface."""
        (found,) = self.json("tools/lookup", content=uid.encode())
        return str(found["Path"]).lstrip("/")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("orthanc")
    archive = Archive(free_port(), free_port())
    configuration = {
        "Name": NAME,
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": archive.http_port,
        "DicomPort": archive.dicom_port,
        "DicomAet": "ORTHANC",
        "DicomAlwaysAllowStore": False,  # but for a known peer: this port listens beyond loopback
        "DicomModalities": {"storescu": ["STORESCU", "127.0.0.1", 104]},
        "DicomCheckModalityHost": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["Orthanc", folder / "orthanc.json"], stdout=log, stderr=log)
        try:
            wait_for(archive, process, log=folder / "log")
            yield archive
        finally:
            process.terminate()
            process.wait(timeout=20)


def wait_for(archive: Archive, process: subprocess.Popen[bytes], *, log: Path) -> None:
    latest = time.monotonic() + START_SECONDS
    while time.monotonic() < latest and process.poll() is None:
        try:
            assert archive.json("system")["Name"] == NAME
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"Orthanc did not start:\n{log.read_text()[-2000:]}")


def same_content(one: Dataset, other: Dataset) -> bool:
    return {element.tag: element for element in one} == {element.tag: element for element in other}


@pytest.mark.skipif(shutil.which("storescu") is None, reason="storescu (Debian package dcmtk) is not installed")
def test_c_store_keeps_every_object(archive, examine):
    examined = examine("sagittal")
    files = [*sorted(examined.folder.iterdir()), *examined.written.values()]
    command = ["storescu", "-R", "-xe", "-aec", "ORTHANC", "127.0.0.1", str(archive.dicom_port), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
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
