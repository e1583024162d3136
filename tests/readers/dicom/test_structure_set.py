"""RT structure sets: contours filled on the slices of the image, and what cannot be the tumour."""

from pathlib import Path

import numpy as np
import pytest
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
