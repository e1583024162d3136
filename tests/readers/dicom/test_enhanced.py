import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import EnhancedMRImageStorage, generate_uid

from onephase.errors import ImageError, NotOurInputError
from onephase.readers.dicom import stored_pixels
from onephase.readers.dicom.enhanced import enhanced_slices
from onephase.readers.dicom.pixels import read_pixels
from onephase.readers.dicom.raw_header import header_and_pixels
from onephase.readers.dicom.scan import open_dicom
from onephase.readers.dicom.series import stacks_of

VALUES = np.random.default_rng(2).integers(0, 1000, size=(3, 4, 5, 6)).astype(np.uint16)


def group(**values: object) -> list[Dataset]:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return [item]


def write_enhanced(path: Path, header: Callable[..., Dataset], *, administered: bool = False) -> Path:
    """Write three phases in one file, frame by frame from the last slice to the first."""
    dataset = header(SOPClassUID=EnhancedMRImageStorage, NumberOfFrames=12, ContrastBolusAgent="")
    for keyword in (
        "ImageOrientationPatient",
        "PixelSpacing",
        "SliceThickness",
        "RepetitionTime",
        "EchoTime",
        "FlipAngle",
    ):
        delattr(dataset, keyword)
    dataset.SeriesInstanceUID, dataset.SOPInstanceUID = generate_uid(), generate_uid()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    dataset.SeriesNumber, dataset.Rows, dataset.Columns = 5, 5, 6
    shared = Dataset()
    shared.PlaneOrientationSequence = group(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    shared.PixelMeasuresSequence = group(PixelSpacing=[0.7, 0.9], SliceThickness=2.0)
    shared.MRTimingAndRelatedParametersSequence = group(RepetitionTime=5.0, FlipAngle=10.0)
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames, pixels = [], []
    for phase in range(3):
        for place in reversed(range(4)):
            frame = Dataset()
            frame.PlanePositionSequence = group(ImagePositionPatient=[40 - 2.0 * place, -10, 20])
            frame.FrameContentSequence = group(TemporalPositionIndex=phase + 1)
            frame.MREchoSequence = group(EffectiveEchoTime=2.0)
            frame.MRImageFrameTypeSequence = group(FrameType=["ORIGINAL", "PRIMARY", "T1", "NONE"])
            frame.PixelValueTransformationSequence = group(RescaleSlope=phase + 1, RescaleIntercept=0)
            if administered:
                frame.ContrastBolusUsageSequence = group(ContrastBolusAgentAdministered="NO" if phase == 0 else "YES")
            frames.append(frame)
            pixels.append(VALUES[phase, place])
    if administered:
        dataset.ContrastBolusAgentSequence = group(
            CodeValue="1", CodingSchemeDesignator="99X", CodeMeaning="Gadolinium"
        )
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.PixelData = np.stack(pixels).astype("<u2").tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_an_enhanced_file_is_read_phase_by_phase(tmp_path: Path, slice_header):
    scan = open_dicom(write_enhanced(tmp_path / "multi.dcm", slice_header))
    assert (len(scan.phases), scan.grid.shape) == (3, (4, 5, 6))
    np.testing.assert_allclose(scan.grid.spacing_mm, (2.0, 0.7, 0.9))
    np.testing.assert_allclose(scan.grid.origin_mm, (40, -10, 20))
    for phase in range(3):
        np.testing.assert_array_equal(scan.read(phase), VALUES[phase] * (phase + 1))
    np.testing.assert_array_equal(scan.read(2, slices=[3]), VALUES[2, 3:] * 3)
    assert scan.source["repetition_time_ms"] == "5"
    assert scan.source["echo_time_ms"] == "2"


def test_only_the_frames_that_are_needed_are_read(tmp_path: Path, slice_header, monkeypatch):
    scan = open_dicom(write_enhanced(tmp_path / "multi.dcm", slice_header))
    counts: list[int] = []

    def counting(*given: Any, count: int, **named: Any) -> np.ndarray:
        counts.append(count)
        return fromfile(*given, count=count, **named)

    fromfile = np.fromfile
    monkeypatch.setattr(stored_pixels.np, "fromfile", counting)
    np.testing.assert_array_equal(scan.read(1, slices=[2, 0]), VALUES[1, [2, 0]] * 2)
    assert counts == [5 * 6, 5 * 6]


@pytest.mark.parametrize("name", ["philips-enhanced-fieldmap.dcm", "siemens-xa30-enhanced-gre.dcm"])
def test_frames_read_from_where_they_stand_are_those_that_pydicom_decodes(shared_data: Path, name: str):
    path = shared_data / "enhanced-mr" / name
    header, pixels = header_and_pixels(path)
    in_place, decoded = enhanced_slices(path, header, pixels=pixels), enhanced_slices(path, dcmread(path))
    assert all(one.pixels is not None for one in in_place)
    assert all(one.pixels is None for one in decoded)
    for few in (slice(None), slice(20, 24)):
        np.testing.assert_array_equal(read_pixels(in_place[few]), read_pixels(decoded[few]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [(lambda content: content[:-10], "is a damaged or truncated DICOM file"), (bytes, "changed while it was read")],
    ids=["cut", "written"],
)
def test_frames_of_a_file_that_was_cut_or_written_to_are_refused(tmp_path: Path, slice_header, change, sentence: str):
    path = write_enhanced(tmp_path / "multi.dcm", slice_header)
    scan = open_dicom(path)
    before = path.stat()
    path.write_bytes(change(path.read_bytes()))
    if sentence.startswith("is"):  # as if it had been short from the start
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(ImageError, match=sentence):
        scan.read(0, slices=[0])  # long before the end


def test_contrast_use_is_known_frame_by_frame(tmp_path: Path, slice_header):
    scan = open_dicom(write_enhanced(tmp_path / "multi.dcm", slice_header, administered=True))
    assert [phase.contrast_agent for phase in scan.phases] == ["", "Gadolinium", "Gadolinium"]


def test_frames_without_a_description_are_refused(tmp_path: Path, slice_header):
    path = write_enhanced(tmp_path / "multi.dcm", slice_header)
    dataset = dcmread(path)
    dataset.NumberOfFrames = 13
    dataset.save_as(path)
    with pytest.raises(ImageError, match="declares 13 frames and describes 12"):
        open_dicom(path)


@pytest.mark.parametrize("name", ["philips-enhanced-fieldmap.dcm", "siemens-xa30-enhanced-gre.dcm"])
def test_the_shared_enhanced_files_are_refused_as_brain(shared_data: Path, name: str):
    with pytest.raises(NotOurInputError, match=r"shows another body part by its header \(BRAIN\)"):
        open_dicom(shared_data / "enhanced-mr" / name)


@pytest.mark.parametrize(
    ("name", "slices"), [("philips-enhanced-fieldmap.dcm", 32), ("siemens-xa30-enhanced-gre.dcm", 33)]
)
def test_the_frames_of_the_shared_enhanced_files_are_understood(shared_data: Path, name: str, slices: int):
    path = shared_data / "enhanced-mr" / name
    dataset = dcmread(path)
    stacks = stacks_of(enhanced_slices(path, dataset))
    magnitude = [stack for stack in stacks if not stack.slices[0].contrasts]
    assert len(magnitude) == 1
    assert len(magnitude[0].positions_mm) == slices
    assert len(stacks) == (2 if "philips" in name else 1)  # Philips: a magnitude and a field map in one file
    frames = [one.frame for one in magnitude[0].slices]
    slope = magnitude[0].slices[0].scale[0]
    expected = dataset.pixel_array[frames].astype(np.float32) * np.float32(slope)
    np.testing.assert_allclose(read_pixels(magnitude[0].slices), expected, rtol=1e-6)
