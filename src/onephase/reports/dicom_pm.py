"""The network's attention as a DICOM Parametric Map (PS3.3 A.75), in 32-bit floats on the slices of the source."""

import numpy as np
from highdicom import VOILUTTransformation
from highdicom.pm import ParametricMap, RealWorldValueMapping
from pydicom import Dataset

from onephase.inference.prediction import Prediction
from onephase.reports.dicom_codes import ATTENTION, NO_UNIT
from onephase.reports.dicom_identity import Identity
from onephase.reports.dicom_source import DicomSource


def attention_map(prediction: Prediction, source: DicomSource, *, identity: Identity) -> Dataset:
    """Return the Parametric Map of where the network looked, from 0 to 1 at its peak; 0 outside the patch."""
    maps = prediction.maps
    peak = np.float32(float(maps.attention.max()) or 1.0)
    made: Dataset = ParametricMap(
        source_images=source.images,
        pixel_array=maps.on(source.grid).attention / peak,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[
            RealWorldValueMapping(
                lut_label="ATTENTION",
                lut_explanation=ATTENTION.meaning,
                unit=NO_UNIT,
                value_range=(0.0, 1.0),
                slope=1.0,
                intercept=0.0,
                quantity_definition=ATTENTION,
            )
        ],
        voi_lut_transformations=[VOILUTTransformation(window_center=0.5, window_width=1.0)],
        content_label="ATTENTION",
        content_description=ATTENTION.meaning,
        **identity.series("pm"),
    )
    made.Laterality = source.laterality
    source.point_to_frames(made)
    identity.settle(made)
    return made
