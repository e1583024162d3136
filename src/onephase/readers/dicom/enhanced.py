"""Frames of an enhanced multi-frame MR file, by their functional groups (PS3.3 C.7.6.16)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydicom import Dataset

from onephase.errors import ImageError
from onephase.readers.dicom.files import damage_is_a_sentence
from onephase.readers.dicom.header_text import agent_of, number_of, seconds_of, shown, text_of, whole_number_of
from onephase.readers.dicom.raw_header import PixelElement
from onephase.readers.dicom.series_header import SeriesHeader, series_header
from onephase.readers.dicom.slice import DicomSlice, contrasts_of, pixel_spacing, scale_of, shape_of, vector
from onephase.readers.dicom.stored_pixels import StoredPixels, pixel_form, stored_pixels

MAX_FRAMES = 20_000
# Sequence of a functional group, and the attributes in it that are read as if they stood at the top.
GROUPS = {
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept"),
    "MRTimingAndRelatedParametersSequence": ("RepetitionTime", "FlipAngle"),
    "MREchoSequence": ("EffectiveEchoTime",),
    "MRImageFrameTypeSequence": ("FrameType",),
    "FrameContentSequence": ("TemporalPositionIndex", "FrameAcquisitionDateTime"),
    "ContrastBolusUsageSequence": ("ContrastBolusAgentAdministered",),
    "SegmentIdentificationSequence": ("ReferencedSegmentNumber",),
}


def enhanced_slices(path: Path, dataset: Dataset, *, pixels: PixelElement | None = None) -> tuple[DicomSlice, ...]:
    """Return the frames of an enhanced MR file, each as a slice.

    Args:
        path: The file.
        dataset: Its whole header.
        pixels: Where its pixels stand, if that is known.

    Raises:
        ImageError: If the functional groups are missing or do not say where a frame lies.
    """
    with damage_is_a_sentence(path):
        frames = frame_headers(path, dataset)
        series = _series(dataset, frames[0])
        stored = None if pixels is None else stored_pixels(pixel_form(dataset, frames=len(frames)), pixels)
        return tuple(
            _slice(path, dataset, frame=frame, own=own, series=series, stored=stored)
            for frame, own in enumerate(frames)
        )


def frame_headers(path: Path, dataset: Dataset) -> list[Dataset]:
    """Return for each frame a flat header of what its own and the shared functional groups say.

    Raises:
        ImageError: If there are no functional groups, too many frames or fewer groups than frames, or they are damaged.
    """
    with damage_is_a_sentence(path):
        shared = dataset.get("SharedFunctionalGroupsSequence") or []
        frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
        declared = whole_number_of(dataset, "NumberOfFrames") or 0
        if not frames or len(frames) != declared or declared > MAX_FRAMES:
            message = f"{path} declares {declared} frames and describes {len(frames)}: export the original file"
            raise ImageError(message)
        return [_flat((*shared, frame)) for frame in frames]  # a frame's own group comes last and wins


def _flat(all_groups: Sequence[Dataset]) -> Dataset:
    flat = Dataset()
    for groups in all_groups:
        for sequence, keywords in GROUPS.items():
            for item in groups.get(sequence) or []:
                for keyword in keywords:
                    if keyword in item:
                        setattr(flat, keyword, item[keyword].value)
    return flat


def anatomy_of(dataset: Dataset) -> str:
    """Return the body part of an enhanced file, from its attribute or its frame anatomy."""
    if text_of(dataset, "BodyPartExamined"):
        return text_of(dataset, "BodyPartExamined")
    for groups in dataset.get("SharedFunctionalGroupsSequence") or []:
        for anatomy in groups.get("FrameAnatomySequence") or []:
            for region in anatomy.get("AnatomicRegionSequence") or []:
                return text_of(region, "CodeMeaning")
    return ""


def _slice(
    path: Path, dataset: Dataset, *, frame: int, own: Dataset, series: SeriesHeader, stored: StoredPixels | None
) -> DicomSlice:
    administered = text_of(own, "ContrastBolusAgentAdministered").upper() != "NO"
    return DicomSlice(
        path=path,
        frame=frame,
        series=series,
        instance_uid=f"{text_of(dataset, 'SOPInstanceUID')}#{frame}",
        instance_number=frame,
        shape=shape_of(dataset),
        position_mm=vector(path, own, "ImagePositionPatient", length=3),
        orientation=vector(path, own, "ImageOrientationPatient", length=6),
        spacing_mm=pixel_spacing(path, own),
        echo_ms=number_of(own, "EffectiveEchoTime"),
        contrasts=contrasts_of(own.get("FrameType") or dataset.get("ImageType") or ()),
        temporal_index=whole_number_of(own, "TemporalPositionIndex"),
        start_s=seconds_of(own, "FrameAcquisition"),
        bolus_s=_bolus(dataset),
        agent=_agent(dataset) if administered else "",
        scale=scale_of(own),
        pixels=None if stored is None else replace(stored, frame=frame),
    )


def _series(dataset: Dataset, first: Dataset) -> SeriesHeader:
    """Return the series part of an enhanced header; its numbers stand in the functional groups."""
    header = Dataset()
    header.update({element.tag: element for element in dataset if element.VR != "SQ"})
    header.update({element.tag: element for element in first})
    header.BodyPartExamined = anatomy_of(dataset)
    if "EffectiveEchoTime" in first:
        header.EchoTime = first.EffectiveEchoTime
    return series_header(header)


def _agent(dataset: Dataset) -> str:
    coded = (shown(agent, "CodeMeaning", patient=dataset) for agent in dataset.get("ContrastBolusAgentSequence") or [])
    return agent_of(dataset) or next(filter(None, coded), "")


def _bolus(dataset: Dataset) -> float | None:
    for agent in dataset.get("ContrastBolusAgentSequence") or []:
        for profile in agent.get("ContrastAdministrationProfileSequence") or []:
            start = seconds_of(profile, "ContrastBolusStart", date=text_of(dataset, "StudyDate"))
            if start is not None:
                return start
    return seconds_of(dataset, "ContrastBolusStart")
