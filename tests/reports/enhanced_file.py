"""A classic series as one enhanced file of several phases."""

from copy import deepcopy
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import EnhancedMRImageStorage, generate_uid

CLASSIC_ONLY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "InstanceNumber")


def item(**values: object) -> list[Dataset]:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return [made]


def write_enhanced(folder: Path, path: Path, *, phases: int) -> Path:
    """Pack a classic series into one enhanced file, phase after phase, with all geometry in the single frames."""
    images = sorted(map(dcmread, folder.iterdir()), key=lambda image: image.InstanceNumber)
    enhanced = deepcopy(images[0])
    for keyword in CLASSIC_ONLY:
        delattr(enhanced, keyword)
    enhanced.SOPClassUID = enhanced.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    enhanced.SOPInstanceUID = enhanced.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["enhanced"])
    enhanced.NumberOfFrames = phases * len(images)
    enhanced.SharedFunctionalGroupsSequence = [Dataset()]
    frames = []
    for phase in range(phases):
        for image in images:
            frame = Dataset()
            frame.PlanePositionSequence = item(ImagePositionPatient=image.ImagePositionPatient)
            frame.PlaneOrientationSequence = item(ImageOrientationPatient=image.ImageOrientationPatient)
            frame.PixelMeasuresSequence = item(PixelSpacing=image.PixelSpacing, SliceThickness=image.SliceThickness)
            frame.FrameContentSequence = item(TemporalPositionIndex=phase + 1)
            frames.append(frame)
    enhanced.PerFrameFunctionalGroupsSequence = frames
    enhanced.PixelData = b"".join(image.PixelData for image in images) * phases
    enhanced.save_as(path, enforce_file_format=True)
    return path
