from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from onephase.errors import ImageError, NotOurInputError
from onephase.readers.dicom.scan import DicomScan, open_dicom


def by_gdcm(files: list[Path]) -> SimpleITK.Image:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in files])
    return reader.Execute()


def assert_same_place(scan: DicomScan, phase: int, reference: SimpleITK.Image) -> None:
    np.testing.assert_array_equal(scan.read(phase), SimpleITK.GetArrayFromImage(reference))
    corner = np.array(scan.grid.shape, dtype=float) - 1
    for index in (np.zeros(3), corner, corner * [1, 0, 0], corner * [0, 1, 0]):
        expected = reference.TransformIndexToPhysicalPoint([int(place) for place in index[::-1]])
        np.testing.assert_allclose(scan.grid.position_mm(index), expected, atol=1e-3)


@pytest.mark.parametrize("orientation", ["axial", "sagittal", "coronal", "oblique"])
def test_any_orientation_agrees_with_simpleitk(tmp_path: Path, series_writer, orientation: str):
    made = series_writer(tmp_path, orientation=orientation)
    scan = open_dicom(tmp_path)
    assert scan.grid.shape == (4, 5, 6)
    np.testing.assert_allclose(scan.grid.spacing_mm, (2.5, 0.7, 0.9))
    assert_same_place(scan, 0, by_gdcm(made.files[0]))


def test_phases_are_parted_by_the_repeat_of_each_position(tmp_path: Path, series_writer):
    def two_times_in_a_phase(dataset: Dataset, phase: int, place: int) -> None:
        dataset.ContentTime = f"0858{3 * phase + place % 2:02d}"  # as in the NACT pilot: a second apart within a phase
        dataset.AcquisitionNumber = min(phase, 1) + 1

    made = series_writer(tmp_path, phases=3, orientation="sagittal", change=two_times_in_a_phase)
    scan = open_dicom(tmp_path)
    assert len(scan.phases) == 3
    for phase in range(3):
        np.testing.assert_array_equal(scan.read(phase), made.values[phase])


def test_interleaved_instance_numbers_still_part_the_phases(tmp_path: Path, series_writer):
    def interleave(dataset: Dataset, phase: int, place: int) -> None:
        dataset.InstanceNumber = place * 3 + phase + 1

    made = series_writer(tmp_path, phases=3, change=interleave)
    for phase in range(3):
        np.testing.assert_array_equal(open_dicom(tmp_path).read(phase), made.values[phase])


def test_temporal_positions_outrank_instance_numbers(tmp_path: Path, series_writer):
    def backwards(dataset: Dataset, phase: int, place: int) -> None:
        dataset.TemporalPositionIdentifier = phase + 1
        dataset.InstanceNumber = 100 - dataset.InstanceNumber

    made = series_writer(tmp_path, phases=2, change=backwards)
    np.testing.assert_array_equal(open_dicom(tmp_path).read(0), made.values[0])


def test_repeats_without_any_order_are_refused(tmp_path: Path, series_writer):
    def same(dataset: Dataset, phase: int, place: int) -> None:
        dataset.InstanceNumber = place + 1

    series_writer(tmp_path, phases=2, change=same)
    with pytest.raises(ImageError, match="nor acquisition times put the repeats in order"):
        open_dicom(tmp_path)


def test_acquisition_times_order_repeats_when_nothing_else_does(tmp_path: Path, series_writer):
    def timed(dataset: Dataset, phase: int, place: int) -> None:
        dataset.InstanceNumber = place + 1
        dataset.AcquisitionTime = f"10{10 - phase:02d}00"

    made = series_writer(tmp_path, phases=2, change=timed)
    np.testing.assert_array_equal(open_dicom(tmp_path).read(0), made.values[1])


def test_only_some_slices_of_one_phase_are_opened(tmp_path: Path, series_writer):
    made = series_writer(tmp_path, phases=2)
    scan = open_dicom(tmp_path)
    for path in made.files[0]:
        path.unlink()
    np.testing.assert_array_equal(scan.read(1, slices=[3, 1]), made.values[1][[3, 1]])


def test_rescaling_and_signed_pixels_agree_with_simpleitk(tmp_path: Path, series_writer):
    made = series_writer(tmp_path, RescaleSlope=2.5, RescaleIntercept=-100.0, PixelRepresentation=1)
    assert_same_place(open_dicom(tmp_path), 0, by_gdcm(made.files[0]))


def test_a_compressed_series_is_read_where_pydicom_can(tmp_path: Path, series_writer):
    made = series_writer(tmp_path)
    for path in made.files[0]:
        dataset = dcmread(path)
        dataset.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)  # RLE Lossless
        dataset.save_as(path)
    np.testing.assert_array_equal(open_dicom(tmp_path).read(0), made.values[0])


def test_an_unreadable_compression_is_named(tmp_path: Path, series_writer):
    made = series_writer(tmp_path)
    for path in made.files[0]:
        path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\x00", b"1.2.840.10008.1.2.9\x00"))
    with pytest.raises(ImageError, match=r"compressed as .*: export it uncompressed"):
        open_dicom(tmp_path).read(0)


@pytest.mark.parametrize("phases", [1, 3])
def test_a_missing_slice_is_named(tmp_path: Path, series_writer, phases: int):
    made = series_writer(tmp_path, phases=phases, shape=(7, 5, 6))
    made.files[phases - 1][2].unlink()
    said = "1 slice is missing between slice 2 and 3" if phases == 1 else r"lacks slices \(position 3 of 7"
    with pytest.raises(ImageError, match=said):
        open_dicom(tmp_path)


def test_a_duplicated_slice_is_named(tmp_path: Path, series_writer):
    made = series_writer(tmp_path)
    (tmp_path / "copy.dcm").write_bytes(made.files[0][1].read_bytes())
    with pytest.raises(ImageError, match=r"holds slices twice \(copied files: 1\)"):
        open_dicom(tmp_path)
    dataset = dcmread(tmp_path / "copy.dcm")
    dataset.SOPInstanceUID = generate_uid()
    dataset.InstanceNumber = 99
    dataset.save_as(tmp_path / "copy.dcm")
    with pytest.raises(ImageError, match=r"holds slices more than once \(position 2 of 4\)"):
        open_dicom(tmp_path)


def test_uneven_and_sliding_slices_are_refused(tmp_path: Path, series_writer):
    def uneven(dataset: Dataset, phase: int, place: int) -> None:
        dataset.ImagePositionPatient = [0, 0, [0, 2.5, 4.5, 7, 9.5, 12][place]]

    series_writer(tmp_path / "uneven", shape=(6, 5, 4), change=uneven)
    with pytest.raises(ImageError, match="slices are unevenly spaced"):
        open_dicom(tmp_path / "uneven")

    def sliding(dataset: Dataset, phase: int, place: int) -> None:
        dataset.ImagePositionPatient = [place, 0, 2.5 * place]

    series_writer(tmp_path / "sliding", change=sliding)
    with pytest.raises(ImageError, match="slide sideways"):
        open_dicom(tmp_path / "sliding")


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_a_slice_without_its_place_is_refused(tmp_path: Path, series_writer, keyword: str):
    series_writer(tmp_path, change=lambda dataset, phase, place: delattr(dataset, keyword))
    with pytest.raises(ImageError, match=f"has no {keyword}"):
        open_dicom(tmp_path)


def test_dicom_without_pixels_is_refused(tmp_path: Path, series_writer):
    series_writer(tmp_path, change=lambda dataset, phase, place: delattr(dataset, "PixelData"))
    with pytest.raises(ImageError, match="is DICOM without pixels"):
        open_dicom(tmp_path).read(0)


def test_a_truncated_slice_is_refused(tmp_path: Path, series_writer):
    made = series_writer(tmp_path)
    path = made.files[0][0]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ImageError, match=f"{path.name} is a damaged or truncated DICOM file"):
        open_dicom(tmp_path).read(0)


def test_a_colour_picture_is_refused(tmp_path: Path, series_writer):
    series_writer(tmp_path, PhotometricInterpretation="MONOCHROME1")
    with pytest.raises(NotOurInputError, match=r"is no grey-value image \(MONOCHROME1\)"):
        open_dicom(tmp_path).read(0)


def test_huge_declared_images_are_refused_before_reading(tmp_path: Path, series_writer):
    def huge(dataset: Dataset, phase: int, place: int) -> None:
        dataset.Rows = dataset.Columns = 65_000

    series_writer(tmp_path, change=huge)
    with pytest.raises(ImageError, match="declares 65000 x 65000 x 4 voxels"):
        open_dicom(tmp_path)


def test_the_ucsf_series_agrees_with_simpleitk(shared_data: Path):
    folder = shared_data / "ucsf-br-06" / "dce"
    scan = open_dicom(folder)
    assert (len(scan.phases), scan.grid.shape) == (3, (60, 256, 256))
    assert scan.source["field_strength_tesla"] == "1.5"  # 15000 gauss in the header
    assert scan.source["slice_thickness_mm"] == "2"
    assert not any("UCSF-BR-06" in value for value in scan.source.values())
    numbered = sorted(
        folder.glob("*.dcm"), key=lambda path: int(dcmread(path, specific_tags=["InstanceNumber"]).InstanceNumber)
    )
    assert_same_place(scan, 1, by_gdcm(numbered[60:120]))
    assert scan.grid.origin_mm[0] == pytest.approx(
        157.8, abs=1e-3
    )  # slices run along decreasing x, as the private box counts
