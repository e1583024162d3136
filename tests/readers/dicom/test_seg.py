from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from onephase.errors import ImageError, NotOurInputError
from onephase.imaging.case import Mask
from onephase.readers.dicom.scan import DicomScan, open_dicom
from onephase.readers.roi import read_mask

hd = pytest.importorskip("highdicom", reason="highdicom, the independent writer of SEG, comes with the dicom extra")

TUMOUR = np.zeros((4, 5, 6), bool)
TUMOUR[1, 2, 3:5] = TUMOUR[2, 1:3, 4] = True
OTHER = np.zeros((4, 5, 6), bool)
OTHER[0, 0] = True
NEOPLASM = (codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Neoplasm)
TISSUE = (codes.SCT.Tissue, codes.SCT.Tissue)
BREAST = (codes.SCT.Tissue, codes.SCT.Breast)


def description(number: int, label: str, kind: tuple[Code, Code]) -> "hd.seg.SegmentDescription":
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=kind[0],
        segmented_property_type=kind[1],
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )


def write_seg(
    path: Path,
    sources,
    pixels: np.ndarray,
    *segments: tuple[str, tuple[Code, Code]],
    kind: str = "BINARY",
    series: str = "ROI",
) -> Path:
    segmentation = hd.seg.Segmentation(
        source_images=sources,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=[description(number, *one) for number, one in enumerate(segments, start=1)],
        series_instance_uid=hd.UID(),
        series_number=100,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="ACME",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
        series_description=series,
    )
    segmentation.save_as(path)
    return path


@pytest.fixture(params=["axial", "sagittal", "oblique"])
def made(request, tmp_path: Path, series_writer):
    return series_writer(tmp_path / "series", orientation=request.param)


@pytest.fixture
def axial(tmp_path: Path, series_writer):
    return series_writer(tmp_path / "series")


def read(path: Path, scan: DicomScan, label: int | str | None = None) -> tuple[Mask, tuple[str, ...]]:
    return read_mask(path, label=label, grid=scan.grid, frame_of_reference=scan.frame_of_reference)


def sources(made) -> list:
    return [dcmread(path) for path in made.files[0]]


def test_frames_of_a_binary_seg_go_where_their_positions_say(tmp_path: Path, made):
    backwards = sources(made)[::-1]  # the writer's order of slices is not ours
    path = write_seg(tmp_path / "seg.dcm", backwards, TUMOUR[::-1], ("tumour", NEOPLASM))
    assert int(dcmread(path).NumberOfFrames) == 2  # empty frames are left out
    mask, warnings = read(path, open_dicom(made.folder))
    np.testing.assert_array_equal(mask.array, TUMOUR)
    assert warnings == ()


def test_a_fractional_seg_is_set_from_one_half_on(tmp_path: Path, axial):
    shares = np.where(TUMOUR, 0.5, 0.0) + np.where(OTHER, 0.49, 0.0)
    path = write_seg(tmp_path / "seg.dcm", sources(axial), shares, ("lesion", TISSUE), kind="FRACTIONAL")
    segment = dcmread(path)
    assert segment.SegmentationType == "FRACTIONAL"
    mask, _ = read(path, open_dicom(axial.folder))
    np.testing.assert_array_equal(mask.array, TUMOUR)


def test_a_label_map_is_read_by_value(tmp_path: Path, axial):
    labels = OTHER * np.uint8(1) + TUMOUR * np.uint8(2)
    path = write_seg(tmp_path / "seg.dcm", sources(axial), labels, ("b", BREAST), ("t", NEOPLASM), kind="LABELMAP")
    mask, _ = read(path, open_dicom(axial.folder))
    np.testing.assert_array_equal(mask.array, TUMOUR)


def test_the_tumour_is_found_among_other_segments(tmp_path: Path, axial):
    both = np.stack([OTHER, TUMOUR], axis=-1)
    path = write_seg(tmp_path / "seg.dcm", sources(axial), both, ("whole breast", BREAST), ("index", NEOPLASM))
    scan = open_dicom(axial.folder)
    for label in (None, 2, "2", "index"):
        np.testing.assert_array_equal(read(path, scan, label)[0].array, TUMOUR)
    with pytest.raises(NotOurInputError, match=r"segment 1 'whole breast' \(Tissue / Breast\): it is coded as"):
        read(path, scan, 1)
    with pytest.raises(ImageError, match="has no segment 3: its segments are 1 'whole breast'"):
        read(path, scan, 3)


def test_several_tumours_are_listed(tmp_path: Path, axial):
    both = np.stack([OTHER, TUMOUR], axis=-1)
    path = write_seg(tmp_path / "seg.dcm", sources(axial), both, ("left", NEOPLASM), ("right", NEOPLASM))
    with pytest.raises(ImageError, match=r"has several tumour segments .*: name one as the mask label"):
        read(path, open_dicom(axial.folder))


def test_the_label_of_a_segment_is_shown_without_the_patient(tmp_path: Path, axial):
    path = write_seg(tmp_path / "seg.dcm", sources(axial), TUMOUR, ("Canary_1", TISSUE))
    _, warnings = read(path, open_dicom(axial.folder))
    assert "its segment 1 '…_1' (Tissue / Tissue)" in warnings[0]


def test_a_segment_that_says_nothing_is_taken_with_a_warning(tmp_path: Path, axial):
    path = write_seg(tmp_path / "seg.dcm", sources(axial), TUMOUR, ("Segment_1", TISSUE))
    _, warnings = read(path, open_dicom(axial.folder))
    assert "nothing in the SEG says that its segment 1 'Segment_1' (Tissue / Tissue) is a tumour" in warnings[0]


@pytest.mark.parametrize("words", ["fibroglandular", "background", "skin", "lymph"])
def test_words_of_something_else_outweigh(tmp_path: Path, axial, words: str):
    path = write_seg(tmp_path / "seg.dcm", sources(axial), TUMOUR, (f"{words} without lesion", TISSUE))
    with pytest.raises(NotOurInputError, match=f"its words are of {words}"):
        read(path, open_dicom(axial.folder))


def test_the_shared_fibroglandular_seg_is_refused_with_the_reason(shared_data: Path):
    scan = open_dicom(shared_data / "ucsf-br-06" / "dce")
    for label in (None, 1, "Breast"):
        with pytest.raises(
            NotOurInputError, match=r"holds no tumour .* of background and fibroglandular, .*Tissue / Breast"
        ):
            read(shared_data / "ucsf-br-06" / "fibroglandular-seg", scan, label)


def test_the_frames_of_the_shared_seg_lie_on_42_of_60_slices(shared_data: Path, monkeypatch):
    monkeypatch.setattr("onephase.readers.dicom.seg.why_no_tumour", lambda *_, **__: "")
    scan = open_dicom(shared_data / "ucsf-br-06" / "dce")
    mask, _ = read(shared_data / "ucsf-br-06" / "fibroglandular-seg", scan)
    slices, rows, columns = (np.flatnonzero(mask.array.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    # The private box of the collection: minimum (40, 72, 9), maximum (147, 195, 50) as (column, row, slice).
    assert (slices[0], slices[-1]) == (9, 50)
    assert (rows[0], rows[-1]) == (72, 195)
    assert (columns[0], columns[-1]) == (40, 147)


def test_a_seg_of_another_series_is_refused(tmp_path: Path, axial, series_writer):
    path = write_seg(tmp_path / "seg.dcm", sources(axial), TUMOUR, ("tumour", NEOPLASM))
    other = series_writer(tmp_path / "other", orientation="sagittal")
    with pytest.raises(ImageError, match="frames do not lie on the image's slices"):
        read(path, open_dicom(other.folder))


def test_a_seg_whose_rows_run_along_other_axes_is_refused(tmp_path: Path, axial):
    path = write_seg(tmp_path / "seg.dcm", sources(axial), TUMOUR, ("tumour", NEOPLASM))
    dataset = dcmread(path)
    dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient = [-1, 0, 0, 0, 1, 0]
    dataset.save_as(path)
    with pytest.raises(ImageError, match="frames do not lie on the image's slices"):
        read(path, open_dicom(axial.folder))


def test_another_frame_of_reference_is_told(tmp_path: Path, axial):
    path = write_seg(tmp_path / "seg.dcm", sources(axial), TUMOUR, ("tumour", NEOPLASM))
    grid = open_dicom(axial.folder).grid
    _, warnings = read_mask(path, label=None, grid=grid, frame_of_reference="1.2.3")
    assert "different frames of reference" in warnings[0]


def test_what_is_no_seg_is_refused(tmp_path: Path, axial):
    scan = open_dicom(axial.folder)
    with pytest.raises(NotOurInputError, match=r"is no DICOM SEG \(modality MR\)"):
        read(axial.files[0][0], scan)
    with pytest.raises(ImageError, match="holds 0 DICOM SEG files where one was expected"):
        read(axial.folder, scan)
    dataset = dcmread(axial.files[0][0])
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    dataset.save_as(tmp_path / "structures.dcm")
    with pytest.raises(NotOurInputError, match="is an RT structure set, which is not read"):
        read(tmp_path / "structures.dcm", scan)


def test_an_empty_segment_is_named(tmp_path: Path, axial):
    path = write_seg(tmp_path / "seg.dcm", sources(axial), TUMOUR, ("tumour", NEOPLASM))
    dataset = dcmread(path)
    dataset.PixelData = bytes(len(dataset.PixelData))
    dataset.save_as(path)
    with pytest.raises(ImageError, match=r"segment 1 'tumour' .* is empty"):
        read(path, open_dicom(axial.folder))
