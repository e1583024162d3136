"""A prediction as a Comprehensive 3D SR by TID 1500, Measurement Report (PS3.16): preliminary and unverified."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from highdicom.sr import (
    AlgorithmIdentification,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    ReferencedSegment,
    RelationshipTypeValues,
    TextContentItem,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from onephase.inference.maps import LABELLED
from onephase.inference.outline_spread import OutlineSpread
from onephase.inference.prediction import Outline, Prediction, Region
from onephase.inference.reading import Reading
from onephase.reports import dicom_codes as ours
from onephase.reports.dicom_identity import MAKER, Identity
from onephase.reports.dicom_panel import comments_on, over_outlines, percentages, probabilities, recipe_of
from onephase.reports.dicom_source import DicomSource

Group: TypeAlias = Sequence[Dataset]
"""A template of highdicom with one measurement group in it."""


def structured_report(
    prediction: Prediction, source: DicomSource, *, regions: Dataset, attention: Dataset, identity: Identity
) -> Dataset:
    """Return the structured report of a prediction.

    Args:
        prediction: What is reported.
        source: The images it was made from.
        regions: The Segmentation, to which the measurements of regions refer.
        attention: The Parametric Map, which is named as evidence.
        identity: Whose objects these are.
    """
    common = {"finding_sites": [_site(source)], "algorithm_id": _algorithm(prediction, identity)}
    groups = [
        *_panels(prediction, common, identity=identity),
        _outline(prediction.outline, common, identity=identity),
        *(_region(region, common, regions=regions, identity=identity) for region in prediction.regions),
    ]
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=_observer(identity)),
        procedure_reported=ours.BREAST_MRI,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
        # The library of images is optional, and highdicom 0.28 writes it for single-frame images only; the segments
        # refer to the frames of an enhanced file all the same.
        referenced_images=None if source.frames else source.images,
    )
    made: Dataset = Comprehensive3DSR(
        evidence=[*source.images, regions, attention],
        content=report[0],
        is_complete=True,
        is_final=False,
        is_verified=False,
        **identity.series("sr"),
    )
    identity.settle(made)
    return made


def _panels(prediction: Prediction, common: Mapping[str, Any], *, identity: Identity) -> list[Group]:
    """Return the panel from the image alone, then given what pathology had found, and its spread over outlines."""
    shared = {**common, "qualitative_evaluations": [_training(prediction)]}
    alone = _panel(prediction.image_alone, shared, name=ours.PANEL, identity=identity)
    panels = [_with_comments(alone, comments_on(prediction))]
    if prediction.given is not None:
        told = _panel(prediction.reading, shared, name=ours.PANEL_GIVEN, identity=identity)
        panels.append(_with_comments(told, _given(prediction)))
    if prediction.outline.spread is not None:
        spread = _spread(prediction.outline.spread, shared, identity=identity)
        panels.append(_with_comments(spread, _given(prediction)))
    return panels


def _panel(reading: Reading, shared: Mapping[str, Any], *, name: Code, identity: Identity) -> Group:
    values = [
        *((code, probability, ours.NO_UNIT) for code, probability in probabilities(reading)),
        *((code, percentage, ours.PER_CENT) for code, percentage in percentages(reading.ki67)),
    ]
    group: Group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(name.value.lower(), identity),
        finding_type=name,
        measurements=_measurements(values),
        **shared,
    )
    return group


def _spread(spread: OutlineSpread, shared: Mapping[str, Any], *, identity: Identity) -> Group:
    group: Group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking("outlines", identity),
        finding_type=ours.PANEL_OUTLINES,
        measurements=[
            *_measurements(recipe_of(spread)),
            *(
                Measurement(name=name, value=value, unit=unit, derivation=end)
                for name, values, unit in over_outlines(spread)
                for end, value in zip(ours.ENDS, values, strict=True)
            ),
        ],
        **shared,
    )
    return group


def _outline(outline: Outline, common: Mapping[str, Any], *, identity: Identity) -> Group:
    found = outline.measurements
    origin = ours.OUTLINE_SEMI_AUTOMATIC if outline.semi_automatic else ours.OUTLINE_GIVEN
    sizes = [(code, found[name], ours.MILLIMETRE) for name, code in ours.OUTLINE_MM.items() if name in found]
    group: Group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking("outline", identity),
        finding_type=ours.OUTLINE,
        measurements=_measurements([(ours.VOLUME, found["volume_ml"], ours.MILLILITRE), *sizes]),
        qualitative_evaluations=[QualitativeEvaluation(ours.OUTLINE_ORIGIN, origin)],
        **common,
    )
    return group


def _region(region: Region, common: Mapping[str, Any], *, regions: Dataset, identity: Identity) -> Group:
    ratio = [] if region.attention_ratio is None else [(ours.ATTENTION_RATIO, region.attention_ratio, ours.NO_UNIT)]
    values = [
        (ours.VOLUME, region.volume_ml, ours.MILLILITRE),
        (ours.ATTENTION_SHARE, region.attention_share, ours.NO_UNIT),
        *ratio,
        *((ours.REGION_WEIGHT[task], weight, ours.NO_UNIT) for task, weight in region.weights.items()),
    ]
    shared = {
        **common,
        "tracking_identifier": _tracking(region.name, identity),
        "finding_type": ours.REGION[region.name],
        "measurements": _measurements(values),
    }
    group: Group
    if region.name in LABELLED:
        segment = ReferencedSegment.from_segmentation(regions, segment_number=LABELLED.index(region.name) + 1)
        group = VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **shared)
    else:  # the whole patch is no segment
        group = MeasurementsAndQualitativeEvaluations(**shared)
    return group


def _given(prediction: Prediction) -> list[str]:
    return [f"Given: {fact}" for fact in prediction.given.facts] if prediction.given else []


def _tracking(name: str, identity: Identity) -> TrackingIdentifier:
    return TrackingIdentifier(identity.uid(f"track {name}"), f"onephase {name}")


def _training(prediction: Prediction) -> QualitativeEvaluation:
    return QualitativeEvaluation(ours.TRAINING, ours.TRAINED_ON[prediction.origin.trained_on])


def _site(source: DicomSource) -> FindingSite:
    return FindingSite(ours.BREAST, laterality=ours.LATERALITY.get(source.laterality))


def _measurements(values: Iterable[tuple[Code, float, Code]]) -> list[Measurement]:
    return [Measurement(name=name, value=value, unit=unit) for name, value, unit in values]


def _with_comments(group: Group, sentences: Iterable[str]) -> Group:
    """Add free text to a group; the template is extensible (TID 1501)."""
    for sentence in sentences:
        group[0].ContentSequence.append(TextContentItem(ours.COMMENT, sentence, RelationshipTypeValues.CONTAINS))
    return group


def _algorithm(prediction: Prediction, identity: Identity) -> AlgorithmIdentification:
    parameters: Mapping[str, str] = {
        "bundle": prediction.origin.bundle_name,
        "bundle sha256": prediction.origin.bundle_sha256,
        "settings sha256": prediction.origin.settings_sha256,
        "trained on": prediction.origin.trained_on,
        "subtype policy": prediction.policy,
    }
    return AlgorithmIdentification(
        name=MAKER,
        version=identity.version,
        parameters=[f"{name}: {value}" for name, value in parameters.items()],
        family=ours.ARTIFICIAL_INTELLIGENCE,
        manufacturer=MAKER,
    )


def _observer(identity: Identity) -> ObserverContext:
    return ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=identity.device_uid,
            name=MAKER,
            manufacturer_name=MAKER,
            model_name=MAKER,
            serial_number=identity.bundle_sha256,
        ),
    )
