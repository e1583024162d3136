"""RT structure sets: contours filled on the slices of the image, and what cannot be the tumour."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.config import disable_value_validation
from tests.cohort.sources.conftest import SHAPE, phantom
from tests.readers.conftest import square, tumour_contours, write_series, write_structures

from onephase.errors import ImageError, NotOurInputError
from onephase.readers.dicom.scan import open_dicom
from onephase.readers.dicom.structure_set import read_structure


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


def contour(dataset: Dataset) -> Dataset:
    return dataset.ROIContourSequence[0].ContourSequence[0]


DAMAGED = "is a damaged or truncated DICOM file"
POINTS = "holds a contour whose points are not each three numbers"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda dataset: delattr(dataset.ROIContourSequence[0], "ReferencedROINumber"), DAMAGED),
        (lambda dataset: delattr(dataset.StructureSetROISequence[0], "ROINumber"), DAMAGED),
        (lambda dataset: setattr(dataset.StructureSetROISequence[0], "ROINumber", None), DAMAGED),
        (lambda dataset: setattr(contour(dataset), "ContourData", contour(dataset).ContourData[:-1]), POINTS),
        (lambda dataset: setattr(contour(dataset), "ContourData", []), POINTS),
        (lambda dataset: delattr(contour(dataset), "ContourData"), POINTS),
        (lambda dataset: setattr(contour(dataset), "ContourData", ["nan"] * 9), POINTS),
        (lambda dataset: setattr(contour(dataset), "ContourData", ["1e400"] * 9), POINTS),
        (lambda dataset: setattr(contour(dataset), "ContourData", ["1e308"] * 9), "holds|do not lie|damaged"),
        (
            lambda dataset: setattr(contour(dataset), "ContourGeometricType", "POINT"),
            "holds a contour that is no closed",
        ),
        (
            lambda dataset: dataset.StructureSetROISequence.append(dataset.StructureSetROISequence[0]),
            "holds several structures of one number",
        ),
    ],
)
def test_a_damaged_structure_set_is_one_sentence(
    tmp_path: Path, damage: Callable[[Dataset], None], message: str
) -> None:
    made = write_series(tmp_path / "dce", shape=SHAPE)
    path = write_structures(tmp_path / "rt.dcm", made, {"tumor": tumour_contours()})
    with disable_value_validation():
        dataset = dcmread(path)
        damage(dataset)
        dataset.save_as(path)
    with pytest.raises(ImageError, match=message) as told:
        read_structure(path, name="", grid=open_dicom(made.folder).grid)
    assert "\n" not in str(told.value)


def test_the_name_of_a_structure_is_shown_without_the_patient(tmp_path: Path) -> None:
    made = write_series(tmp_path / "dce", shape=SHAPE)
    names = ("tumor_Canary", "Yellow tumor CAN-4711", "heart")
    path = write_structures(tmp_path / "rt.dcm", made, {name: [] for name in names})
    grid = open_dicom(made.folder).grid
    for wanted in ("", "liver", names[0]):
        with pytest.raises(ImageError) as told:
            read_structure(path, name=wanted, grid=grid)
        said = str(told.value)
        assert "tumor_…" in said
        assert not any(part in said.lower() for part in ("canary", "yellow", "4711"))
