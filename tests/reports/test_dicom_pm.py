"""The attention lies where the network looked, in values that need no rescaling."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread

from onephase.reports.dicom_pm import attention_map


@pytest.mark.parametrize("orientation", ["axial", "sagittal", "coronal", "oblique"])
def test_the_map_falls_off_from_the_surface_of_the_lesion(examine, orientation):
    """The ball was made with an attention of exp(-|distance| / 4 mm); the bytes are read without our code."""
    examined = examine(orientation)
    pm = dcmread(examined.written["pm"])
    images = {image.SOPInstanceUID: image for image in map(dcmread, examined.folder.iterdir())}
    stored = np.frombuffer(pm.FloatPixelData, dtype="<f4").reshape(pm.NumberOfFrames, pm.Rows, pm.Columns)
    for frame, found in zip(pm.PerFrameFunctionalGroupsSequence, stored, strict=True):
        image = images[frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID]
        assert frame.PlanePositionSequence[0].ImagePositionPatient == image.ImagePositionPatient
        outward_mm = (image.pixel_array - 5000.0) / 100
        within = (outward_mm > -4) & (outward_mm < 8)  # the patch reaches some 12 mm from the surface
        np.testing.assert_allclose(found[within], np.exp(-np.abs(outward_mm[within]) / 4), atol=0.12)
        assert not found[outward_mm > 30].any()
    assert stored.max() == pytest.approx(1, abs=0.1)
    assert pm.NumberOfFrames == len(images)


def test_values_are_named_and_bounded(examine):
    pm = dcmread(examine("axial").written["pm"])
    groups = [*pm.SharedFunctionalGroupsSequence, *pm.PerFrameFunctionalGroupsSequence]
    mappings = [group.RealWorldValueMappingSequence[0] for group in groups if "RealWorldValueMappingSequence" in group]
    for mapping in mappings:
        assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1, 0)
        assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "1"
        quantity = mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0]
        assert (quantity.CodeValue, quantity.CodingSchemeDesignator) == ("A-RELATIVE", "99ONEPHASE")
    assert mappings
    assert pm.ContentQualification == "RESEARCH"


def test_a_network_without_attention_gives_an_even_map(examine):
    examined = examine("axial")
    maps = examined.prediction.maps
    blind = replace(examined.prediction, maps=replace(maps, attention=np.zeros_like(maps.attention)))
    pm = attention_map(blind, examined.source, identity=examined.objects.identity)
    assert not np.frombuffer(pm.FloatPixelData, dtype="<f4").any()
