"""A hospital's export: studies with a SEG or an RT structure set, and a table."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from tests.cohort.sources.conftest import SHAPE, phantom, write_csv, write_dynamic, write_seg
from tests.readers.conftest import Made, slice_dataset, write_series

from onephase.cohort.sources.structure_set import read_structure
from onephase.cohort.table import read_cohort
from onephase.errors import CohortError, ImageError, NotOurInputError
from onephase.readers.case import read_case
from onephase.readers.dicom_scan import open_dicom

STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"
HEADER = ("accession", "patient", "ER", "HER2", "Ki67", "roi")
ROWS = (
    ("s1", "P1", "95%", "0+", "18", ""),
    ("s2", "P2", "<1%", "3+", "60", "GTV right"),
    ("s3", "P3", "80%", "0+", "12", ""),
    ("s4", "P4", "80%", "0+", "12", ""),
)
MAP = {
    "case_id": "accession", "patient_id": "patient", "image": "studies/{accession}", "er": "ER", "her2": "HER2",
    "ki67": "Ki67", "mask_label": "roi", "label_convention": "asco-cap-2020",
}  # fmt: skip


def write_structures(path: Path, made: Made, structures: dict[str, list[tuple[int, np.ndarray]]], **attributes) -> Path:
    """Write an RT structure set; each contour is (slice, points as (column, row) in voxels), put into mm by hand."""
    dataset = slice_dataset(modality="RTSTRUCT", **attributes)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = STRUCTURES
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


@pytest.fixture
def export(copied, tmp_path: Path) -> Path:
    return copied("export", write_export, tmp_path / "export")


def write_export(root: Path) -> None:
    write_csv(root / "patients.csv", [HEADER, *ROWS])
    made = write_dynamic(root / "studies" / "s1" / "dce")
    write_seg(root / "studies" / "s1" / "seg" / "1.dcm", made, phantom()[1] > 0, label="tumour", kind="BINARY")
    made = write_dynamic(root / "studies" / "s2" / "dce")
    structures = {"GTV right": tumour_contours(), "heart": [(0, square(0, 4))]}
    write_structures(root / "studies" / "s2" / "rt" / "1.dcm", made, structures)
    write_dynamic(root / "studies" / "s3" / "dce")


def test_seg_and_structure_set_become_masks_on_the_dynamic_series(export: Path, tmp_path: Path, do_import) -> None:
    done = do_import("dicom-study", export, **MAP)
    assert not done.check.errors
    for record in read_cohort(tmp_path / "out" / "cohort.csv").records:
        case = read_case(record.image, case_id=record.case_id, mask=record.mask)
        np.testing.assert_array_equal(case.roi.array, phantom()[1] > 0)
        assert case.phase.startswith("phase 2 of 3")
    assert {reason: len(cases) for reason, cases in done.record.by_reason().items()} == {
        "its outline (SEG or RTSTRUCT) is not here": 1,
        "the image is not here": 1,
    }


def test_a_second_run_opens_no_study(export: Path, tmp_path: Path, do_import, monkeypatch) -> None:
    do_import("dicom-study", export, **MAP)
    first = (tmp_path / "out" / "cohort.csv").read_bytes()
    monkeypatch.setattr("onephase.cohort.sources.dicom_study.open_dicom", None)
    do_import("dicom-study", export, **MAP)
    assert (tmp_path / "out" / "cohort.csv").read_bytes() == first


def test_an_outline_of_something_else_is_left_out(export: Path, do_import) -> None:
    made = write_dynamic(export / "studies" / "s3" / "dce2", number=3)
    write_seg(export / "studies" / "s3" / "seg" / "1.dcm", made, phantom()[1] > 0, label="Breast", kind="BINARY")
    done = do_import("dicom-study", export, **MAP)
    (left,) = done.record.by_reason()["image or mask cannot be used"]
    assert left.case == "s3"


@pytest.mark.parametrize("orientation", ["axial", "sagittal", "coronal", "oblique"])
def test_contours_are_filled_where_voxel_centres_are_inside(tmp_path: Path, orientation: str) -> None:
    made = write_series(tmp_path / "dce", shape=SHAPE, orientation=orientation)
    path = write_structures(tmp_path / "rt.dcm", made, {"tumor": tumour_contours()})
    mask = read_structure(path, name="", grid=open_dicom(made.folder).grid)
    np.testing.assert_array_equal(mask.array, phantom()[1] > 0)


def test_a_contour_within_another_leaves_a_hole(tmp_path: Path) -> None:
    made = write_series(tmp_path / "dce", shape=SHAPE)
    ring = [(3, square(1.5, 7.5)), (3, square(3.5, 5.5))]
    mask = read_structure(
        write_structures(tmp_path / "rt.dcm", made, {"lesion_1": ring}), name="", grid=open_dicom(made.folder).grid
    )
    expected = np.zeros(SHAPE, bool)
    expected[3, 2:8, 2:8] = True
    expected[3, 4:6, 4:6] = False
    np.testing.assert_array_equal(mask.array, expected)


@pytest.mark.parametrize(
    ("structures", "name", "kind", "message"),
    [
        ({"heart": []}, "", NotOurInputError, "holds no structure 'of a tumour' (its structures: 'heart')"),
        ({"tumor left": [], "tumor right": []}, "", ImageError, "holds 2 structures that could be meant"),
        ({"tumor": []}, "Tumor", NotOurInputError, "holds no structure 'Tumor'"),
        ({"tumor": []}, "", ImageError, "holds no voxel of the image"),
        ({"normal tissue without lesion": []}, "", NotOurInputError, "holds no structure"),
    ],
)
def test_what_cannot_be_the_tumour_is_refused(tmp_path: Path, structures, name, kind, message: str) -> None:
    made = write_series(tmp_path / "dce", shape=SHAPE)
    path = write_structures(tmp_path / "rt.dcm", made, structures)
    with pytest.raises(kind) as fault:
        read_structure(path, name=name, grid=open_dicom(made.folder).grid)
    assert message in str(fault.value)


def test_contours_of_another_series_are_refused(tmp_path: Path) -> None:
    made = write_series(tmp_path / "dce", shape=SHAPE)
    other = write_series(tmp_path / "other", shape=SHAPE, orientation="coronal")
    path = write_structures(tmp_path / "rt.dcm", other, {"tumor": tumour_contours()})
    with pytest.raises(ImageError, match="its contours do not lie on the slices of the image"):
        read_structure(path, name="", grid=open_dicom(made.folder).grid)


def test_a_table_without_cases_says_what_to_map(export: Path, do_import) -> None:
    with pytest.raises(CohortError, match="has no column case_id"):
        do_import("dicom-study", export, image="studies/{accession}")
