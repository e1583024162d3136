from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from onephase.errors import ImageError
from onephase.readers.dicom.raw_header import raw_header
from onephase.readers.dicom.scan import open_dicom
from onephase.readers.dicom.series import HEADER_KEYWORDS
from onephase.readers.dicom.stored_pixels import StoredPixels, pixel_form, stored_pixels


def found(path: Path) -> StoredPixels | None:
    raw = raw_header(path, only=HEADER_KEYWORDS)
    assert raw is not None
    return stored_pixels(pixel_form(dcmread(path)), raw.pixels)


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize(
    ("allocated", "stored", "signed"), [(8, 8, 0), (16, 16, 1), (16, 12, 0), (16, 12, 1), (32, 32, 0)]
)
def test_values_are_those_that_pydicom_decodes(
    tmp_path: Path, series_writer, allocated: int, stored: int, signed: int, implicit: bool
):
    rng = np.random.default_rng(5)

    def odd_sized(dataset: Dataset, phase: int, place: int) -> None:
        dataset.Rows, dataset.Columns = 5, 7
        dataset.BitsAllocated, dataset.BitsStored, dataset.PixelRepresentation = allocated, stored, signed
        values = rng.bytes(35 * allocated // 8)  # unused bits hold anything
        dataset.PixelData = values + b"\0" * (len(values) % 2)

    path = series_writer(tmp_path, change=odd_sized).files[0][0]
    if implicit:
        dataset = dcmread(path)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=True, little_endian=True)
    pixels = found(path)
    assert pixels is not None
    expected = dcmread(path).pixel_array
    np.testing.assert_array_equal(pixels.read(path), expected)
    assert pixels.read(path).dtype == expected.dtype


def test_what_only_pydicom_may_decode_or_refuse_is_left_to_it(tmp_path: Path, series_writer):
    path = series_writer(tmp_path).files[0][0]
    assert found(path) is not None
    others = {
        "SamplesPerPixel": 3, "PhotometricInterpretation": "MONOCHROME1", "NumberOfFrames": 2, "BitsAllocated": 24,
        "BitsStored": 17, "PixelRepresentation": 2, "Rows": 4, "PixelData": b"\0" * 62,
    }  # fmt: skip
    for keyword, value in others.items():
        dataset = dcmread(path)
        setattr(dataset, keyword, value)
        dataset.save_as(tmp_path / "other.dcm")
        assert found(tmp_path / "other.dcm") is None, keyword
    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    assert pixel_form(dataset) is None


def test_pixels_of_a_file_that_changed_meanwhile_are_refused(tmp_path: Path, series_writer):
    path = series_writer(tmp_path).files[0][0]
    scan = open_dicom(tmp_path)
    path.write_bytes(path.read_bytes()[:-60] + bytes(60))
    with pytest.raises(ImageError, match=rf"{path.name} changed while it was read: wait until the series is written"):
        scan.read(0)
