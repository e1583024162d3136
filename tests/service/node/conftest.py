"""Studies as a scanner sends them, and a node as a process of its own, which can be killed."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import highdicom
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, RTStructureSetStorage, generate_uid
from tests.dcmtk import ABSENT, STORESCU
from tests.ports import free_port
from tests.service.node.working import Tray, lines_of

from onephase.inference.bundle import load_bundle
from onephase.service.node.intake import Intake
from onephase.service.node.reading import Rules
from onephase.service.node.store import Store
from onephase.service.node.work import Work
from onephase.service.worklist.database import open_database
from onephase.service.worklist.worklist import Entry, Worklist

SHAPE, THICKNESS_MM, ROW_MM, COLUMN_MM, RADIUS_MM = (12, 36, 40), 3.0, 1.2, 0.9, 6.0
CANARY = "CANARY^YELLOW"
WAIT_S, STOP_S = 180, 90  # a busy machine takes as long as it takes; who waits in vain is told what was said


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle around a network that was written by hand, from the tests of the room of inference."""
    from onephase.inference.bundle import write_bundle

    place = Path(__file__).parents[2] / "inference" / "conftest.py"
    spec = importlib.util.spec_from_file_location("tiny_bundle", place)
    assert spec is not None
    assert spec.loader is not None
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    folder = tmp_path_factory.mktemp("tiny") / "bundle"
    write_bundle(folder, tiny.contents_around(tiny.tiny_network().SerializeToString()))
    return folder


def uid_of(number: int, part: str) -> str:
    return str(generate_uid(entropy_srcs=[f"service study {number}", part]))


def ball() -> np.ndarray:
    """Return the distance in mm to the surface of a ball in the middle of the volume, negative inside."""
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    apart = (index - (np.array(SHAPE) - 1) / 2) * [THICKNESS_MM, ROW_MM, COLUMN_MM]
    return np.asarray(np.linalg.norm(apart, axis=-1) - RADIUS_MM)


def slices_of(number: int, *, description: str = "t1 fs post 1", series: str = "series") -> list[Dataset]:
    """Return the slices of a post-contrast series with a bright ball in it."""
    noise = np.random.default_rng(number).normal(0, 5, SHAPE)
    voxels = (100 + 80 * (ball() < 0) + noise).round().clip(0).astype("<u2")
    slices = []
    for place in range(SHAPE[0]):
        one = Dataset()
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = MRImageStorage
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = uid_of(number, f"{series} {place}")
        one.StudyInstanceUID, one.SeriesInstanceUID = uid_of(number, "study"), uid_of(number, series)
        one.FrameOfReferenceUID, one.PositionReferenceIndicator = uid_of(number, "frame of reference"), ""
        one.PatientName, one.PatientID, one.PatientBirthDate, one.PatientSex = CANARY, f"CAN-{number}", "19610203", "F"
        one.StudyDate, one.StudyTime, one.StudyID, one.AccessionNumber = "20200102", "080000", "77", f"ACC{number}"
        one.ReferringPhysicianName, one.StudyDescription, one.Modality = "DOCTOR^GREEN", "MR breast", "MR"
        one.SeriesNumber, one.SeriesDescription, one.ContrastBolusAgent = 3, description, "Gadolinium"
        one.Manufacturer, one.BodyPartExamined, one.PatientPosition = "ACME", "BREAST", "FFP"
        one.ImageType, one.ScanningSequence, one.SequenceVariant = ["ORIGINAL", "PRIMARY", "M"], "GR", "SP"
        one.RepetitionTime, one.EchoTime, one.FlipAngle, one.SliceThickness = 5.0, 2.0, 12.0, THICKNESS_MM
        one.InstanceNumber, one.Rows, one.Columns = place + 1, *SHAPE[1:]
        one.ImageOrientationPatient, one.PixelSpacing = [1, 0, 0, 0, 1, 0], [ROW_MM, COLUMN_MM]
        one.ImagePositionPatient = [-20.0, -22.0, 10.0 + THICKNESS_MM * place]
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 0
        one.PixelData = voxels[place].tobytes()
        slices.append(one)
    return slices


def outline_of(
    slices: list[Dataset], number: int, *, label: str = "Tumour", inside: np.ndarray | None = None
) -> Dataset:
    """Return the SEG of the ball, or of what is inside, by a library that is not ours."""
    description = highdicom.seg.SegmentDescription(
        segment_number=1,
        segment_label=label,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Neoplasm,
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
    )
    return highdicom.seg.Segmentation(
        source_images=slices,
        pixel_array=((ball() < 0) if inside is None else inside).astype(np.uint8),
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[description],
        series_instance_uid=uid_of(number, f"outline series {label}"),
        series_number=50,
        sop_instance_uid=uid_of(number, f"outline {label}"),
        instance_number=1,
        manufacturer="ACME",
        manufacturer_model_name="pencil",
        software_versions="1",
        device_serial_number="1",
    )


def structure_set_of(slices: list[Dataset], number: int, *, name: str = "Tumour") -> Dataset:
    """Return an RT structure set with a square of 10 x 10 voxels about the middle of each of six slices."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = RTStructureSetStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = uid_of(number, f"structures {name}")
    made.StudyInstanceUID, made.SeriesInstanceUID = slices[0].StudyInstanceUID, uid_of(number, "structure series")
    made.Modality, made.Manufacturer, made.PatientName = "RTSTRUCT", "ACME", CANARY
    named, study, frame = Dataset(), Dataset(), Dataset()
    named.ContourImageSequence = [Dataset() for _ in slices]
    for item, one in zip(named.ContourImageSequence, slices, strict=True):
        item.ReferencedSOPInstanceUID = one.SOPInstanceUID
    study.ReferencedSOPInstanceUID, study.RTReferencedSeriesSequence = slices[0].StudyInstanceUID, [named]
    frame.RTReferencedStudySequence = [study]
    made.ReferencedFrameOfReferenceSequence = [frame]
    roi, drawn = Dataset(), Dataset()
    roi.ROINumber, roi.ROIName, drawn.ReferencedROINumber, drawn.ContourSequence = 1, name, 1, []
    for place in range(3, 9):
        corner = np.array(slices[place].ImagePositionPatient, dtype=float)
        corners = [(14.5, 12.5), (24.5, 12.5), (24.5, 22.5), (14.5, 22.5)]
        contour = Dataset()
        contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
        points = [corner + np.array([column * COLUMN_MM, row * ROW_MM, 0]) for column, row in corners]
        contour.ContourData = [f"{mm:.3f}" for mm in np.concatenate(points)]
        drawn.ContourSequence.append(contour)
    made.StructureSetROISequence, made.ROIContourSequence = [roi], [drawn]
    return made


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a study to a folder of its own and return the folder."""

    def write(number: int, *, outline: bool = True, change: Callable[[Dataset], None] = lambda _: None) -> Path:
        folder = tmp_path_factory.mktemp(f"study-{number}")
        slices = slices_of(number)
        objects = [*slices, *([outline_of(slices, number)] if outline else [])]
        for place, one in enumerate(objects):
            change(one)
            one.save_as(folder / f"{place:02d}.dcm", enforce_file_format=True)
        return folder

    return write


@pytest.fixture(scope="session")
def scanner() -> SimpleNamespace:
    """The functions that make images and outlines."""
    return SimpleNamespace(slices=slices_of, outline=outline_of, structures=structure_set_of, canary=CANARY)


class NodeProcess:
    """`onephase node` as a user starts it."""

    def __init__(self, folder: Path, bundle: Path, forward: str, *options: str) -> None:
        self.store, self.journal = folder / "store", folder / "journal"
        self.port, self.metrics_port = free_port(), free_port()
        self.command = [
            *(sys.executable, "-m", "onephase.cli", "node", "--bundle", str(bundle), "--store", str(self.store)),
            *("--forward", forward, "--allow", "STORESCU@127.0.0.1", "--quiet-s", "0.5"),
            *("--port", str(self.port), "--metrics-port", str(self.metrics_port), "--lease-s", "2", *options),
        ]
        self.process: subprocess.Popen[bytes] | None = None

    def store_made(self) -> Path:
        """Make the folder of the store, so that its list can be opened before the node runs, and return it."""
        self.store.mkdir(exist_ok=True)
        return self.store

    def share_store_of(self, other: "NodeProcess") -> None:
        """Work in the store of another node."""
        self.store = other.store
        self.command[self.command.index("--store") + 1] = str(other.store)

    def start(self) -> None:
        said = len(self.events("node ready"))  # before it can say so again
        with self.journal.open("a") as journal:
            threads = {"OMP_NUM_THREADS": "1"}
            self.process = subprocess.Popen(self.command, stderr=journal, stdout=journal, env={**os.environ, **threads})
        self.wait_until(lambda: len(self.events("node ready")) > said)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None
        whole = self.journal.read_bytes().rpartition(b"\n")
        os.truncate(self.journal, len(whole[0] + whole[1]))  # a line that was cut off would be one with the next

    def stop(self, *, by: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(by)
        code = self.process.wait(timeout=STOP_S)
        self.process = None
        return code

    def lines(self) -> list[dict[str, Any]]:
        """Return the journal as far as it is written; a line that does not parse fails the test."""
        return lines_of(self.journal.read_text()) if self.journal.exists() else []

    def events(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == event]

    def entries(self) -> list[Entry]:
        engine = open_database(f"sqlite:///{self.store / 'worklist.sqlite'}")
        try:
            return Worklist(engine).entries()
        finally:
            engine.dispose()

    def wait_until(self, true: Callable[[], bool], *, seconds: float = WAIT_S) -> None:
        latest = time.monotonic() + seconds
        while not true():
            assert self.process is None or self.process.poll() is None, self.journal.read_text()[-3000:]
            assert time.monotonic() < latest, f"waited {seconds} s in vain:\n{self.journal.read_text()[-3000:]}"
            time.sleep(0.1)

    def wait_for_states(self, *states: str) -> None:
        self.wait_until(lambda: sorted(entry.state for entry in self.entries()) == sorted(states))


@pytest.fixture
def node(tmp_path: Path, bundle_folder: Path) -> Iterator[Callable[..., NodeProcess]]:
    """Make a node; whatever still runs at the end is ended."""
    made: list[NodeProcess] = []

    def make(forward: str, *options: str, name: str = "node") -> NodeProcess:
        (tmp_path / name).mkdir()
        made.append(NodeProcess(tmp_path / name, bundle_folder, forward, *options))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None:
            one.kill()


@pytest.fixture
def worklist(tmp_path: Path) -> Iterator[Worklist]:
    """A work list of one's own."""
    engine = open_database(f"sqlite:///{tmp_path / 'list.sqlite'}")
    yield Worklist(engine)
    engine.dispose()


@pytest.fixture
def intake(tmp_path: Path, worklist: Worklist) -> Intake:
    """An intake into a store of one's own."""
    return Intake(Store(tmp_path / "store"), worklist)


@pytest.fixture
def storescu() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Send files as dcmtk does."""
    if not STORESCU:
        pytest.skip(ABSENT)

    def send(port: int, *paths: Path, options: tuple[str, ...] = (), called: str = "ONEPHASE") -> Any:
        command = [STORESCU, *options, "+sd", "-R", "-aec", called, "127.0.0.1", str(port), *map(str, paths)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    return send


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of our own for 127.0.0.1, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificate")
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*make, *names, "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True, capture_output=True
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def tray() -> Tray:
    """Where results go."""
    return Tray()


@pytest.fixture
def work(intake: Intake, bundle_folder: Path, tray: Tray) -> Work:
    """What a node works with, its destination a tray."""
    return Work(intake.worklist, intake.store, load_bundle(bundle_folder), Rules(), tray, node="test")
