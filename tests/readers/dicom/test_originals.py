"""Files as they stand: every frame of a phase in its place, and nothing beside the pixels."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from tests.readers.dicom.test_enhanced import VALUES, write_enhanced

from onephase.errors import ImageError, NotOurInputError
from onephase.readers.dicom.originals import align, original_headers, originals
from onephase.readers.dicom.scan import open_dicom


def test_slices_come_in_the_order_of_the_grid(tmp_path: Path, series_writer) -> None:
    made = series_writer(tmp_path / "dce", phases=2, orientation="coronal")
    scan = open_dicom(made.folder)
    slices = scan.parts[1].slices
    found = [*originals(slices, where=made.folder)]
    np.testing.assert_array_equal(np.concatenate([one.stored for one in found]), scan.read(1))
    assert [one.header.SOPInstanceUID for one in found] == [one.instance_uid for one in slices]
    assert not [one for one in found if "PixelData" in one.header or one.frames]
    assert [one.SOPInstanceUID for one in original_headers(slices, where=made.folder)] == [
        one.instance_uid for one in slices
    ]


def test_an_enhanced_file_is_cut_down_to_the_frames_of_the_phase(tmp_path: Path, slice_header) -> None:
    path = write_enhanced(tmp_path / "multi.dcm", slice_header)
    (one,) = originals(open_dicom(path).parts[1].slices, where=path)
    assert one.frames == (7, 6, 5, 4)  # written from the last slice to the first
    np.testing.assert_array_equal(one.stored, VALUES[1])
    (header,) = original_headers(open_dicom(path).parts[1].slices, where=path)
    for cut in (one.header, header):
        assert cut.NumberOfFrames == 4
        positions = [
            group.PlanePositionSequence[0].ImagePositionPatient[0] for group in cut.PerFrameFunctionalGroupsSequence
        ]
        assert positions == [40, 38, 36, 34]


def test_text_in_unused_bits_is_no_pixel(tmp_path: Path, series_writer) -> None:
    """Overlays once stood in the bits above those of the pixels (PS3.5 8.1.2, retired)."""

    def paint(dataset: Dataset, phase: int, place: int) -> None:
        dataset.BitsStored, dataset.HighBit = 12, 11
        painted = np.frombuffer(dataset.PixelData, "<u2") | np.uint16(0xA000)
        dataset.PixelData = painted.tobytes()

    made = series_writer(tmp_path / "dce", change=paint)
    for one, values in zip(
        originals(open_dicom(made.folder).parts[0].slices, where=made.folder), made.values[0], strict=True
    ):
        np.testing.assert_array_equal(one.stored[0], values)


def test_headers_are_aligned_for_objects_that_refer_to_them(tmp_path: Path, series_writer, slice_header) -> None:
    made = series_writer(tmp_path / "dce", SliceThickness="")
    scan = open_dicom(made.folder)
    headers = original_headers(scan.parts[0].slices, where=made.folder)
    align(headers, scan.grid)
    assert {float(header.SliceThickness) for header in headers} == {2.5}


@pytest.mark.parametrize(
    ("attributes", "kind", "sentence"),
    [
        ({"BurnedInAnnotation": "YES"}, NotOurInputError, "has annotations burned into its pixels, by its header"),
        ({"ConversionType": "WSD"}, NotOurInputError, "is a picture of a screen or a film, by its header"),
        ({"ImageType": ["DERIVED", "PRIMARY", "SCREEN SAVE"]}, NotOurInputError, "is a picture of a screen"),
        ({"StudyInstanceUID": ""}, ImageError, "has no StudyInstanceUID, without which a copy belongs nowhere"),
    ],
)
def test_what_cannot_be_copied_is_refused(tmp_path: Path, series_writer, attributes, kind, sentence: str) -> None:
    def spoil(dataset: Dataset, phase: int, place: int) -> None:
        if place == 1:  # the series is judged by its first file alone
            for keyword, value in attributes.items():
                setattr(dataset, keyword, value)

    made = series_writer(tmp_path / "dce", change=spoil)
    with pytest.raises(kind, match=sentence):
        list(originals(open_dicom(made.folder).parts[0].slices, where=made.folder))


def test_frames_of_several_files_are_refused(tmp_path: Path, slice_header) -> None:
    slices = [
        slice_
        for name in ("a.dcm", "b.dcm")
        for slice_ in open_dicom(write_enhanced(tmp_path / name, slice_header)).parts[0].slices
    ]
    for function in (originals, original_headers):
        with pytest.raises(ImageError, match=r"the phase is spread over several enhanced files.*export it as one file"):
            list(function(slices, where=tmp_path))
