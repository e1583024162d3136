"""The regions lie on the right voxels, whoever reads them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from pydicom import Dataset, dcmread

from onephase.inference.maps import LABELLED
from onephase.reports.dicom_seg import segmentation

ORIENTATIONS = ["axial", "sagittal", "coronal", "oblique"]
REACH_MM = {1: (-99, -2), 2: (-2, 2), 3: (2, 6)}  # core, rim, shell: the default radii
BORDER_MM = 0.2  # the ball comes to the finer grid from a patch of 1.5 mm


def source_by_uid(folder: Path) -> dict[str, Dataset]:
    return {header.SOPInstanceUID: header for header in map(dcmread, folder.iterdir())}


def only(sequence) -> Dataset:
    assert len(sequence) == 1
    return sequence[0]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_each_frame_covers_the_pixels_of_its_source_image(examine, orientation):
    """By pydicom alone: a frame names its image, has its position, and covers the pixels of its region."""
    examined = examine(orientation)
    seg, sources = dcmread(examined.written["seg"]), source_by_uid(examined.folder)
    shared = only(seg.SharedFunctionalGroupsSequence)
    told = dict.fromkeys(REACH_MM, 0)
    for frame, covered in zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array, strict=True):
        image = sources[only(only(frame.DerivationImageSequence).SourceImageSequence).ReferencedSOPInstanceUID]
        assert only(frame.PlanePositionSequence).ImagePositionPatient == image.ImagePositionPatient
        assert only(shared.PlaneOrientationSequence).ImageOrientationPatient == image.ImageOrientationPatient
        assert only(shared.PixelMeasuresSequence).PixelSpacing == image.PixelSpacing
        number = only(frame.SegmentIdentificationSequence).ReferencedSegmentNumber
        (nearest, farthest), outward_mm = REACH_MM[number], (image.pixel_array - 5000.0) / 100
        surely = (outward_mm > nearest + BORDER_MM) & (outward_mm < farthest - BORDER_MM)
        possibly = (outward_mm > nearest - BORDER_MM) & (outward_mm < farthest + BORDER_MM)
        assert covered[surely].all()
        assert not covered[~possibly].any()
        told[number] += int(surely.sum())
    assert min(told.values()) > 150


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_gdcm_finds_the_middle_of_each_region_where_the_lesion_is(examine, centre, orientation):
    """By GDCM alone: it unpacks the bits and places the images; the middle of a ball's layers is its centre."""
    examined = examine(orientation)
    overlay = SimpleITK.ReadImage(str(examined.written["seg"]))
    frames = SimpleITK.GetArrayFromImage(overlay) > 0
    by_segment = frames.reshape(3, -1, *frames.shape[1:])
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(examined.folder)))
    image = reader.Execute()
    from_the_end = not np.allclose(overlay.GetOrigin(), image.GetOrigin(), atol=1e-3)
    for covered in by_segment:
        middle = np.argwhere(covered[::-1] if from_the_end else covered).mean(axis=0)
        place = image.TransformContinuousIndexToPhysicalPoint([float(index) for index in middle[::-1]])
        np.testing.assert_allclose(place, centre(orientation), atol=0.15)


def test_every_frame_is_kept_and_the_segments_part_the_lesion(examine):
    seg = dcmread(examine("axial").written["seg"])
    slices = len(list(examine("axial").folder.iterdir()))
    assert seg.NumberOfFrames == 3 * slices
    assert [segment.SegmentLabel for segment in seg.SegmentSequence] == [
        "Lesion core",
        "Lesion rim",
        "Peritumoral shell",
    ]
    assert {segment.SegmentAlgorithmType for segment in seg.SegmentSequence} == {"SEMIAUTOMATIC"}
    assert seg.SegmentsOverlap == "NO"
    assert seg.pixel_array.reshape(3, slices, -1).sum(axis=0).max() == 1
    assert not seg.pixel_array.any(axis=(1, 2)).all()  # some are empty, and there


def test_a_region_without_voxels_keeps_its_segment(examine):
    examined = examine("axial")
    maps = examined.prediction.maps
    small = replace(examined.prediction, maps=replace(maps, distance_mm=maps.distance_mm + np.float32(6)))
    seg = segmentation(small, examined.source, identity=examined.objects.identity)
    assert len(seg.SegmentSequence) == len(LABELLED)
    assert not seg.pixel_array[: len(examined.source.images)].any()
    assert seg.pixel_array.any()
