"""The regions of a lesion as a DICOM Segmentation (PS3.3 A.51): core, rim and peritumoral shell, every frame kept."""

from highdicom.color import CIELabColor
from highdicom.content import AlgorithmIdentificationSequence
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from pydicom import Dataset

from onephase.inference.maps import LABELLED
from onephase.inference.prediction import Prediction
from onephase.reports.dicom_codes import ARTIFICIAL_INTELLIGENCE, BREAST, REGION, SPATIAL_CONCEPT
from onephase.reports.dicom_identity import MAKER, Identity
from onephase.reports.dicom_source import DicomSource
from onephase.reports.style import REGION_COLOURS


def segmentation(prediction: Prediction, source: DicomSource, *, identity: Identity) -> Dataset:
    """Return the Segmentation of a prediction on the slices that it was made from.

    A voxel belongs to the region of its largest membership, so the segments do not overlap. Frames without any
    voxel are kept: viewers have been seen to shift what is left when they are missing.
    """
    made: Dataset = Segmentation(
        source_images=source.images,
        pixel_array=prediction.maps.on(source.grid).labels(prediction.radii),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(name, number, identity=identity) for number, name in enumerate(LABELLED, start=1)
        ],
        content_label="REGIONS",
        content_description="Regions of the lesion by distance to its outline",
        omit_empty_frames=False,
        **identity.series("seg"),
    )
    source.point_to_frames(made)
    identity.settle(made)
    return made


def _description(name: str, number: int, *, identity: Identity) -> SegmentDescription:
    code = REGION[name]
    return SegmentDescription(
        segment_number=number,
        segment_label=code.meaning,
        segmented_property_category=SPATIAL_CONCEPT,
        segmented_property_type=code,
        algorithm_type=SegmentAlgorithmTypeValues.SEMIAUTOMATIC,  # from an outline, box or point that a person gave
        algorithm_identification=AlgorithmIdentificationSequence(
            name=MAKER, family=ARTIFICIAL_INTELLIGENCE, version=identity.version, source=MAKER
        ),
        tracking_uid=identity.uid(f"track {name}"),
        tracking_id=f"onephase {name}",
        anatomic_regions=[BREAST],
        display_color=CIELabColor.from_string(REGION_COLOURS[name]),
    )
