"""A prediction made by hand, so that a page needs neither network nor image."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from tests.reports.enhanced_file import write_enhanced

from onephase.biomarkers.evidence import read_evidence
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.biomarkers.wording import describe
from onephase.imaging.case import Volume
from onephase.imaging.geometry import Grid
from onephase.inference.cautions import policy_cautions, training_caution
from onephase.inference.maps import Maps
from onephase.inference.outline_spread import spread_of
from onephase.inference.prediction import Given, Outline, Prediction, Region
from onephase.inference.provenance import Cohort, Origin
from onephase.inference.reading import read_off
from onephase.inference.view import View, view
from onephase.reports.dicom_objects import DicomObjects, dicom_objects, write_dicom
from onephase.reports.dicom_source import DicomSource, read_source
from onephase.settings import RegionSettings

TASKS = ("er", "pr", "her2", "ki67")
ORIENTATIONS = {
    "axial": (1, 0, 0, 0, 1, 0),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "coronal": (1, 0, 0, 0, 0, -1),
    "oblique": (0.8, 0.6, 0, -0.36, 0.48, 0.8),
}
SHAPE, THICKNESS_MM, ROW_MM, COLUMN_MM = (12, 36, 40), 3.0, 1.2, 0.9
FIRST_CORNER_MM, RADIUS_MM = np.array([-30.0, 20.0, 10.0]), 7.0
CANARY = "CANÄRY^YELLOW"
CREATED = datetime(2026, 11, 25, 12, 30, 15)


def posterior(unary: tuple[float, float, float], *, ki67_mu: float) -> PanelPosterior:
    """Return the posterior of one case."""
    return PanelPosterior.from_potentials(
        Potentials(np.array([unary]), np.array([ki67_mu]), np.array([0.9]), np.array([0.5, 0.0, 0.0]), np.zeros(3))
    )


def ball() -> tuple[View, Maps]:
    """Return the planes and the maps of a ball in noise."""
    grid = Grid.axial((30, 40, 44), (1.5, 1.5, 1.5))
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1).astype(np.float64)
    distance = (
        np.linalg.norm(grid.position_mm(index) - grid.position_mm(np.array([15.0, 20.0, 22.0])), axis=-1) - 9
    ).astype(np.float32)
    noise = np.random.default_rng(4).normal(100, 5, grid.shape)
    volume = Volume((noise + 60 * (distance < 0)).astype(np.float32), grid)
    attention = np.exp(-np.abs(distance) / 3)
    return view(volume, grid, distance_mm=distance, attention=attention), Maps(grid, distance, attention)


@pytest.fixture(scope="session")
def made() -> Callable[..., Prediction]:
    """Make a prediction with any field exchanged."""
    alone, prior = posterior((1.4, 0.8, -1.0), ki67_mu=-1.0), posterior((0.8, 0.5, -1.2), ki67_mu=-1.3)
    readings = read_off(PanelPosterior.stack([alone, alone, prior]), policy="ki67_20")
    planes, maps = ball()
    prediction = Prediction(
        case_id="case-7",
        reading=readings[0],
        image_alone=readings[1],
        prior=readings[2],
        given=None,
        policy="ki67_20",
        policy_cautions=policy_cautions("ki67_20"),
        training_caution=training_caution("simulated"),
        warnings=("the shell is cut by the border of the volume",),
        regions=tuple(
            Region(name, 1.5, 0.3, ratio, dict.fromkeys(TASKS, 1 / 3))
            for name, ratio in (("core", 2.0), ("rim", 1.1), ("shell", None))
        ),
        radii=RegionSettings(),
        outline=Outline("given", {"volume_ml": 3.05, "longest_mm": 18.0}),
        origin=Origin(
            bundle_name="toy",
            bundle_sha256="a" * 64,
            trained_on="simulated",
            training_cases=10,
            cohorts=(Cohort("toy cohort", "simulated", 10),),
            settings_sha256="b" * 64,
            engine="onnxruntime",
            versions={"onephase": "0.1.0", "numpy": "2", "onnxruntime": "1"},
            image_voxels=(30, 40, 44),
            image_spacing_mm=(1.5, 1.5, 1.5),
            phase="",
            acquisition={"modality": "MR"},
        ),
        view=planes,
        maps=maps,
    )

    def make(**exchanged: Any) -> Prediction:
        return replace(prediction, **exchanged)

    return make


@pytest.fixture(scope="session")
def told(made: Callable[..., Prediction]) -> Prediction:
    """A prediction to which pathology was given."""
    alone, events = posterior((1.4, 0.8, -1.0), ki67_mu=-1.0), read_evidence(case_id="case-7", her2="3+", ki67="18")
    reading = read_off(alone.given(events), policy="ki67_20")[0]
    return made(reading=reading, given=Given(describe(events)[0], float(np.exp(alone.log_probability(events)[0]))))


def in_doubt() -> Outline:
    """Return an outline of a box that was drawn three times."""
    drawn = [posterior((er, 0.8, -1.0), ki67_mu=mu) for er, mu in ((1.4, -1.0), (0.9, -0.7), (1.7, -1.2))]
    spread = spread_of(
        read_off(PanelPosterior.stack(drawn), policy="ki67_20"), volumes_ml=[3.05, 2.2, 4.1], error_mm=1.0
    )
    return Outline("semi-automatic", {"volume_ml": 3.05, "longest_mm": 18.0}, spread)


@pytest.fixture(scope="session")
def doubted(told: Prediction) -> Prediction:
    """The same from a box, over three outlines."""
    return replace(told, outline=in_doubt())


@dataclass(frozen=True)
class Examined:
    """A DICOM series with a lesion in it, and the prediction that was made from it.

    Attributes:
        folder: The series on disk, or an enhanced file of three phases; a pixel is 5000 and 100 for each mm outward
            from the lesion surface.
        prediction: The prediction.
        source: The series as our objects see it.
        objects: Its result objects.
        written: Their files: seg, pm, sr, capture.
    """

    folder: Path
    prediction: Prediction
    source: DicomSource
    objects: DicomObjects
    written: dict[str, Path]


def write_breast(folder: Path, orientation: str, *, change: Callable[[Dataset], None] = lambda _: None) -> Path:
    """Write a series whose grey values tell the distance to a ball, placed by the formula of PS3.3 C.7.6.2.1.1."""
    folder.mkdir(parents=True)
    along_row, along_column = (np.array(axis, dtype=float) for axis in np.reshape(ORIENTATIONS[orientation], (2, 3)))
    normal = np.cross(along_row, along_column)
    slices, rows, columns = SHAPE
    column, row = np.meshgrid(np.arange(columns), np.arange(rows))
    for place in range(slices):
        corner = FIRST_CORNER_MM + THICKNESS_MM * place * normal
        position = (
            corner + COLUMN_MM * column[..., np.newaxis] * along_row + ROW_MM * row[..., np.newaxis] * along_column
        )
        outward_mm = np.linalg.norm(position - centre_of(orientation), axis=-1) - RADIUS_MM
        header = breast_header(orientation)
        header.SOPInstanceUID = generate_uid(entropy_srcs=[orientation, str(place)])
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        header.InstanceNumber, header.Rows, header.Columns = place + 1, rows, columns
        header.ImagePositionPatient = [f"{mm:.6f}" for mm in corner]
        header.PixelData = (5000 + 100 * outward_mm).round().astype("<u2").tobytes()
        change(header)
        header.save_as(folder / f"{(place * 7) % 11:02d}-{place}.dcm", enforce_file_format=True)
    return folder


def breast_header(orientation: str) -> Dataset:
    """Return a complete MR header without position and pixels."""
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID, header.file_meta.MediaStorageSOPClassUID = (
        ExplicitVRLittleEndian,
        MRImageStorage,
    )
    header.SOPClassUID, header.Modality, header.SpecificCharacterSet = MRImageStorage, "MR", "ISO_IR 100"
    header.StudyInstanceUID, header.SeriesInstanceUID, header.FrameOfReferenceUID = (
        generate_uid(entropy_srcs=[orientation, level]) for level in ("study", "series", "frame of reference")
    )
    header.PatientName, header.PatientID, header.PatientBirthDate, header.PatientSex = (
        CANARY,
        "CAN-4711",
        "19610203",
        "F",
    )
    header.StudyDate, header.StudyTime, header.StudyID, header.AccessionNumber = "20200102", "080000", "77", "ACC4711"
    header.ReferringPhysicianName, header.StudyDescription = "DOCTOR^GREEN", "MR breast"
    header.SeriesNumber, header.SeriesDescription, header.ContrastBolusAgent = 3, "t1 fs post 1", "Gadolinium"
    header.Manufacturer, header.BodyPartExamined, header.PatientPosition = "ACME", "BREAST", "FFP"
    header.ImageType, header.ScanningSequence, header.SequenceVariant = ["ORIGINAL", "PRIMARY", "M"], "GR", "SP"
    header.PositionReferenceIndicator, header.SliceThickness = "", THICKNESS_MM
    header.RepetitionTime, header.EchoTime, header.FlipAngle = 5.0, 2.0, 12.0
    header.ImageOrientationPatient, header.PixelSpacing = list(ORIENTATIONS[orientation]), [ROW_MM, COLUMN_MM]
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 16, 15, 0
    return header


def centre_of(orientation: str) -> np.ndarray:
    """Return the middle of the ball, off the middle of the volume along each axis, in LPS millimetres."""
    along_row, along_column = (np.array(axis, dtype=float) for axis in np.reshape(ORIENTATIONS[orientation], (2, 3)))
    normal = np.cross(along_row, along_column)
    slice_, row, column = 5.0, 16.0, 22.0
    return (
        FIRST_CORNER_MM + THICKNESS_MM * slice_ * normal + ROW_MM * row * along_column + COLUMN_MM * column * along_row
    )


def maps_of_ball(orientation: str) -> Maps:
    """Return the maps of the ball on a patch whose axes run otherwise than the volume's."""
    axes = np.reshape(ORIENTATIONS[orientation], (2, 3)).astype(float)
    direction = np.stack([-axes[0], np.cross(*axes), axes[1]], axis=1)  # permuted and flipped
    shape, spacing_mm = (30, 28, 32), (1.5, 1.5, 1.5)
    origin_mm = centre_of(orientation) - direction @ (1.5 * np.array([14.0, 13.0, 16.0]))
    grid = Grid(shape, spacing_mm, tuple(origin_mm.tolist()), direction)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).astype(np.float64)
    outward_mm = np.linalg.norm(grid.position_mm(index) - centre_of(orientation), axis=-1) - RADIUS_MM
    return Maps(grid, outward_mm.astype(np.float32), (3 * np.exp(-np.abs(outward_mm) / 4)).astype(np.float32))


@pytest.fixture(scope="session")
def examine(made: Callable[..., Prediction], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Examined]:
    """Make a series and the result objects of a prediction on it; each combination once."""

    @cache
    def examined(
        orientation: str = "sagittal", *, given: bool = False, boxed: bool = False, enhanced: bool = False
    ) -> Examined:
        folder = write_breast(tmp_path_factory.mktemp("breast") / "series", orientation)
        if enhanced:
            packed = folder.parent / "enhanced"
            packed.mkdir()
            write_enhanced(folder, packed / "three-phases.dcm", phases=3)
            folder = packed
        told = Given(("ER positive", "Ki-67 18 %"), 0.2) if given else None
        prediction = made(maps=maps_of_ball(orientation), given=told)
        if boxed:
            prediction = replace(prediction, outline=in_doubt())
        source = read_source(folder, phase=2 if enhanced else 1)
        objects = dicom_objects(prediction, source, created=CREATED)
        paths = write_dicom(objects, folder.parent / "objects")
        return Examined(
            folder, prediction, source, objects, dict(zip(("seg", "pm", "sr", "capture"), paths, strict=True))
        )

    return examined


@pytest.fixture(scope="session")
def centre() -> Callable[[str], np.ndarray]:
    """Where the middle of the ball lies; see :func:`centre_of`."""
    return centre_of


@pytest.fixture(scope="session")
def breast() -> Callable[..., Path]:
    """The function that writes a series; see :func:`write_breast`."""
    return write_breast
