"""The headers behind a prediction: every form of input, and what no object may be built on."""

import warnings
import zipfile

import numpy as np
import pytest
import SimpleITK
from pydicom import DataElement, Dataset, dcmread
from pydicom.config import disable_value_validation
from pydicom.datadict import dictionary_VR, tag_for_keyword
from tests.reports.enhanced_file import write_enhanced

from onephase.errors import ImageError
from onephase.reports.dicom_objects import dicom_objects, write_dicom
from onephase.reports.dicom_seg import segmentation
from onephase.reports.dicom_source import read_source


def test_objects_on_an_enhanced_file_refer_to_the_frames_of_their_phase(examine, tmp_path):
    examined = examine("oblique")
    slices = len(examined.source.images)
    path = write_enhanced(examined.folder, tmp_path / "enhanced.dcm", phases=3)
    source = read_source(path, phase=2)
    assert sorted(source.frames) == list(range(slices + 1, 2 * slices + 1))
    objects = dicom_objects(examined.prediction, source, created=examined.objects.identity.created)
    header = dcmread(path, stop_before_pixels=True)
    for made in (objects.seg, objects.pm):
        for frame in made.PerFrameFunctionalGroupsSequence:
            named = frame.DerivationImageSequence[0].SourceImageSequence[0]
            assert named.ReferencedSOPInstanceUID == header.SOPInstanceUID
            theirs = header.PerFrameFunctionalGroupsSequence[named.ReferencedFrameNumber - 1]
            assert theirs.FrameContentSequence[0].TemporalPositionIndex == 2
            assert (
                theirs.PlanePositionSequence[0].ImagePositionPatient
                == frame.PlanePositionSequence[0].ImagePositionPatient
            )
    classic = dcmread(examined.written["seg"])
    np.testing.assert_array_equal(objects.seg.pixel_array, classic.pixel_array)
    (series,) = objects.sr[0x0040A375].value[0].ReferencedSeriesSequence[:1]
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == header.SOPInstanceUID


def test_a_zip_gives_the_same_source_as_its_folder(examine, tmp_path):
    examined = examine("axial")
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for path in examined.folder.iterdir():
            archive.write(path, path.name)
    packed = read_source(tmp_path / "study.zip", phase=1)
    assert packed.instance_uids == examined.source.instance_uids
    assert packed.grid.same_as(examined.source.grid)


def test_images_stand_in_the_order_of_the_grid(examine):
    for orientation in ("axial", "oblique"):
        source = examine(orientation).source
        index = source.grid.index_of(np.array([image.ImagePositionPatient for image in source.images], dtype=float))
        np.testing.assert_allclose(index[:, 0], np.arange(len(source.images)), atol=1e-3)


def test_what_scanners_leave_out_is_empty_in_the_objects(examine, breast, tmp_path):
    def bare(header: Dataset) -> None:
        for keyword in ("AccessionNumber", "StudyID", "ReferringPhysicianName", "SliceThickness", "PatientBirthDate"):
            delattr(header, keyword)

    source = read_source(breast(tmp_path / "series", "axial", change=bare), phase=1)
    made = segmentation(examine("axial").prediction, source, identity=examine("axial").objects.identity)
    assert all(keyword in made for keyword in ("AccessionNumber", "StudyID", "PatientBirthDate"))
    assert float(made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness) == pytest.approx(3)


@pytest.mark.parametrize(
    ("keyword", "value", "said"),
    [
        ("FrameOfReferenceUID", "", "has no FrameOfReferenceUID, without which a result object has no place"),
        ("PatientSex", "X", "carries a malformed PatientSex"),
        ("PatientBirthDate", "about 1961", "carries a malformed PatientBirthDate"),
        ("StudyTime", "noon", "carries a malformed StudyTime"),
    ],
)
def test_headers_that_cannot_be_copied_are_one_sentence(breast, tmp_path, keyword: str, value: str, said: str):
    def spoil(header: Dataset) -> None:
        header[keyword]._value = value  # past pydicom's own check

    folder = breast(tmp_path / "series", "axial", change=spoil)
    with pytest.raises(ImageError, match=said) as refused:
        read_source(folder, phase=1)
    assert "CAN" not in str(refused.value)
    if value:
        assert value not in str(refused.value)


def test_odd_values_are_copied_as_they_are_and_told_to_nobody(examine, breast, tmp_path, caplog, capfd):
    odd = {
        "PatientName": "SECRET NAME",  # no caret: highdicom logs such a name
        "PatientID": "SECRET" + 70 * "9",
        "AccessionNumber": "SECRET-ACCESSION-OF-30-LETTERS",
        "StudyDescription": 20 * "SECRET ",
        "PatientAge": "SECRET",
    }

    def write_odd(header: Dataset) -> None:
        with disable_value_validation():
            for keyword, value in odd.items():
                header.add(DataElement(tag_for_keyword(keyword), dictionary_VR(keyword), value))

    source = read_source(breast(tmp_path / "series", "axial", change=write_odd), phase=1)
    created = examine("axial").objects.identity.created
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        paths = write_dicom(dicom_objects(examine("axial").prediction, source, created=created), tmp_path / "objects")
    out, err = capfd.readouterr()
    assert "SECRET" not in " ".join([out, err, caplog.text, *(str(one.message) for one in warned), *map(str, paths)])
    with disable_value_validation():
        assert {keyword: str(dcmread(paths[2])[keyword].value).strip() for keyword in odd} == {
            keyword: value.strip() for keyword, value in odd.items()
        }


def test_slices_of_two_patients_are_refused(breast, tmp_path):
    def mix(header: Dataset) -> None:
        header.PatientID = f"P{header.InstanceNumber % 2}"

    with pytest.raises(ImageError, match="the slices of the series differ in PatientID"):
        read_source(breast(tmp_path / "series", "axial", change=mix), phase=1)


def test_a_file_that_is_no_dicom_is_one_sentence(tmp_path):
    path = tmp_path / "volume.nii.gz"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.arange(60, dtype=np.float32).reshape(3, 4, 5)), str(path))
    with pytest.raises(ImageError, match=r"volume.nii.gz is no DICOM, so there is no study"):
        read_source(path, phase=1)
