"""DICOM series made by hand, so that every trap of a header can be set."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, RTStructureSetStorage, generate_uid

ORIENTATIONS = {
    "axial": (1, 0, 0, 0, 1, 0),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "coronal": (1, 0, 0, 0, 0, -1),
    "oblique": (0.8, 0.6, 0, -0.36, 0.48, 0.8),
}
STUDY_UID = generate_uid(entropy_srcs=["study"])
FRAME_UID = generate_uid(entropy_srcs=["frame of reference"])

# a program of its own: it finds what is beside it, which pytest does not
collect_ignore = [
    *(
        "fuzz.py",
        "fuzz_rounds.py",
        "fuzz_tally.py",
        "fuzz_targets.py",
        "made_forms.py",
        "made_mutation.py",
        "steered.py",
    ),
    *("mutation.py", "small_forms.py"),
]


@dataclass
class Made:
    """A series on disk and what is in it: values (phase, slice, row, column), and its files by phase and slice."""

    folder: Path
    values: np.ndarray
    files: list[list[Path]]
    datasets: list[list[Dataset]]


def slice_dataset(*, orientation: str = "axial", modality: str = "MR", **attributes: Any) -> Dataset:
    """Return a header that can be written, without position and pixels."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = MRImageStorage
    dataset.StudyInstanceUID = STUDY_UID
    dataset.FrameOfReferenceUID = FRAME_UID
    dataset.PatientName, dataset.PatientID = "CANARY^YELLOW", "CAN-4711"
    dataset.PatientBirthDate, dataset.PatientSex, dataset.AccessionNumber = "19610203", "F", "ACC4711"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.ReferringPhysicianName = (
        "20200102",
        "080000",
        "1",
        "",
    )
    dataset.Modality, dataset.Manufacturer, dataset.BodyPartExamined = modality, "ACME", "BREAST"
    dataset.SeriesDescription, dataset.ContrastBolusAgent = "ax t1 fs dyn", "Gadolinium"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    dataset.MagneticFieldStrength, dataset.SliceThickness = 3.0, 2.5
    dataset.RepetitionTime, dataset.EchoTime, dataset.FlipAngle = 5.0, 2.0, 12.0
    dataset.ImageOrientationPatient, dataset.PixelSpacing = list(ORIENTATIONS[orientation]), [0.7, 0.9]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    for name, value in attributes.items():
        setattr(dataset, name, value)
    return dataset


def write_series(
    folder: Path,
    *,
    phases: int = 1,
    shape: tuple[int, int, int] = (4, 5, 6),
    orientation: str = "axial",
    number: int = 3,
    seed: int = 0,
    levels: tuple[float, ...] = (),
    change: Callable[[Dataset, int, int], None] | None = None,
    **attributes: Any,
) -> Made:
    """Write a series, 2.5 mm between slices, phase after phase by Instance Number.

    Args:
        folder: Where to.
        phases: Number of phases.
        shape: Slices, rows, columns of a phase.
        orientation: One of ``ORIENTATIONS``.
        number: Series number.
        seed: Of the pixel values.
        levels: Factor on the values of each phase.
        change: Called with each data set, its phase and its slice before it is written.
        attributes: DICOM attributes by keyword that differ from the usual ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    base = rng.integers(100, 200, size=shape)
    noise = rng.integers(0, 4, size=(phases, *shape))
    factors = np.array(levels or [1.0] * phases).reshape(-1, 1, 1, 1)
    values = (base * factors + noise).astype(np.uint16)
    axes = np.array(ORIENTATIONS[orientation], dtype=float)
    normal = np.cross(axes[:3], axes[3:])
    uid = generate_uid(entropy_srcs=[str(folder), str(number), str(seed)])
    made = Made(folder, values, [], [])
    for phase in range(phases):
        made.files.append([])
        made.datasets.append([])
        for place in range(shape[0]):
            instance = phase * shape[0] + place + 1
            dataset = slice_dataset(orientation=orientation, **attributes)
            dataset.SeriesInstanceUID, dataset.SeriesNumber = uid, number
            dataset.SOPInstanceUID = generate_uid(entropy_srcs=[uid, str(instance)])
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
            dataset.InstanceNumber, dataset.Rows, dataset.Columns = instance, *shape[1:]
            position = np.array([-30.0, 20.0, 10.0]) + 2.5 * place * normal
            dataset.ImagePositionPatient = [f"{mm:.6f}" for mm in position]
            dataset.PixelData = values[phase, place].astype("<u2").tobytes()
            if change is not None:
                change(dataset, phase, place)
            # A name that sorts against the order of slices: only headers may order them.
            path = folder / f"{(instance * 37) % 101:03d}-{instance}.dcm"
            dataset.save_as(path, enforce_file_format=True)
            made.files[-1].append(path)
            made.datasets[-1].append(dataset)
    return made


@pytest.fixture(scope="session")
def series_writer() -> Callable[..., Made]:
    """The function that writes a series; see :func:`write_series`."""
    return write_series


@pytest.fixture(scope="session")
def slice_header() -> Callable[..., Dataset]:
    """The function that makes a header; see :func:`slice_dataset`."""
    return slice_dataset


def write_structures(path: Path, made: Made, structures: dict[str, list[tuple[int, np.ndarray]]], **attributes) -> Path:
    """Write an RT structure set; each contour is (slice, points as (column, row) in voxels), put into mm by hand."""
    dataset = slice_dataset(modality="RTSTRUCT", **attributes)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = RTStructureSetStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    headers = sorted(
        made.datasets[0],
        key=lambda one: float(
            np.dot(one.ImagePositionPatient, np.cross(*np.reshape(one.ImageOrientationPatient, (2, 3))))
        ),
    )
    for number, (name, contours) in enumerate(structures.items(), start=1):
        roi, drawn = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, name
        drawn.ReferencedROINumber, drawn.ContourSequence = number, []
        for place, points in contours:
            header = headers[place]
            axes = np.reshape(header.ImageOrientationPatient, (2, 3)).astype(float)
            step = np.array(header.PixelSpacing, float)  # rows, columns
            mm = (
                np.array(header.ImagePositionPatient, float)
                + points[:, :1] * step[1] * axes[0]
                + points[:, 1:] * step[0] * axes[1]
            )
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", len(points)
            contour.ContourData = [f"{value:.4f}" for value in mm.ravel()]
            drawn.ContourSequence.append(contour)
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(drawn)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def square(start: float, stop: float) -> np.ndarray:
    return np.array([(start, start), (stop, start), (stop, stop), (start, stop)])


def tumour_contours() -> list[tuple[int, np.ndarray]]:
    """Return contours half a voxel around the phantom's tumour."""
    box = np.array([(4.5, 1.5), (8.5, 1.5), (8.5, 5.5), (4.5, 5.5)])
    return [(1, box), (2, box)]


@contextmanager
def deep_folders(folder: Path, *, depth: int) -> Iterator[None]:
    """Make folders in each other and take them away again, one by one: the path is longer than some calls bear."""
    with chdir(folder):
        for _ in range(depth):
            os.mkdir("d")  # noqa: PTH102 - relative to where the process stands
            os.chdir("d")
        try:
            yield
        finally:
            for _ in range(depth):
                os.chdir("..")
                os.rmdir("d")  # noqa: PTH106


def close_folder(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a folder answer as one without permission does; the tests may run as somebody who has every permission."""
    scandir = os.scandir

    def refusing(path: Path | str) -> Iterator[os.DirEntry[str]]:
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
