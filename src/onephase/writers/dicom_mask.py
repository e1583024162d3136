"""A mask as a DICOM Segmentation (PS3.3 A.51) of one segment, made anew from voxels on the slices of a copy."""

from collections.abc import Sequence
from datetime import date, time

from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from pydicom import Dataset
from pydicom.sr.coding import Code

from onephase.imaging.case import Mask
from onephase.writers.dicom_copy import Disguise, say_disguised
from onephase.writers.dicom_profile import REMOVED

MAKER, LABEL = "onephase", "LESION"
SERIES_NUMBER = 1000  # beyond those of the study, so that viewers list it last
CATEGORY = Code("49755003", "SCT", "Morphologically Abnormal Structure")
LESION = Code("52988006", "SCT", "Lesion")
DUMMY_DATE = date(1900, 1, 1)
# What highdicom adds: codes of PS3.16 CID 7203 and 7202, defined terms, and the names of its dimensions.
_HIGHDICOM = (
    "113076", "Segmentation", "121322", "Source image for image processing operation", "DCM", "SCT", "SEG", "BINARY",
    "SEMIAUTOMATIC", "MANUAL", "ISO_IR 192", "Referenced Segment Number", "ReferencedSegmentNumber",
    "Image Position Patient", "3D", "highdicom", "MONOCHROME2", "DERIVED", "PRIMARY", "NO", "00",
)  # fmt: skip


def own_words() -> frozenset[str]:
    """Return every text that such an object can hold beside those of a copied image."""
    coded = (part for code in (CATEGORY, LESION) for part in (code.value, code.meaning))
    return frozenset({MAKER, LABEL, *coded, *_HIGHDICOM})


def mask_object(mask: Mask, images: Sequence[Dataset], *, name: str, disguise: Disguise) -> Dataset:
    """Return the Segmentation of a mask on a copied series.

    Args:
        mask: The mask.
        images: Headers of the copied slices in the order of the mask's, or of one enhanced copy, lined up as
            :func:`onephase.readers.dicom.originals.align` does.
        name: What the lesion is called in the copy; the object's UIDs follow from it.
        disguise: Whose it is.
    """
    made: Dataset = Segmentation(
        source_images=images,
        pixel_array=mask.array,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            SegmentDescription(
                segment_number=1,
                segment_label=LABEL,
                segmented_property_category=CATEGORY,
                segmented_property_type=LESION,
                algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
            )
        ],
        series_instance_uid=disguise.uid(f"series of {name}"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=disguise.uid(f"mask of {name}"),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=MAKER,
        software_versions=REMOVED,
        device_serial_number=REMOVED,
        content_label=LABEL,
        content_description=LABEL,
        content_date=DUMMY_DATE,
        content_time=time(0),
        specific_character_set="ISO_IR 192",
    )
    for keyword in ("InstanceCreationDate", "InstanceCreationTime", "ContributingEquipmentSequence"):
        made.pop(keyword, None)  # from the clock, and about highdicom
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = disguise.uid(f"dimensions of {name}")  # highdicom draws one
    say_disguised(made)
    return made
