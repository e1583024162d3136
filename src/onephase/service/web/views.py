"""The state of the desk as the page is told it."""

import numpy as np

import onephase
from onephase.biomarkers.rules import ACCEPTED
from onephase.imaging.frame import lesion_bounds
from onephase.imaging.geometry import Grid
from onephase.inference.bundle import Bundle
from onephase.inference.cautions import training_caution
from onephase.inference.prediction import RESEARCH_USE, Prediction
from onephase.reports.style import POLICY_NAMES, most_probable
from onephase.service.web.cases import Entry
from onephase.service.web.desk import Answered, Lesion
from onephase.service.web.models import (
    AnswerSummary,
    BoxForm,
    CropView,
    EntryView,
    GridView,
    LesionView,
    ReaderView,
    SimilarView,
)
from onephase.service.web.pictures import DISTANCE_STEP_MM, Crop
from onephase.service.web.similar import Similar


def reader_view(bundle: Bundle, *, node: bool, similar: bool, largest_upload_bytes: int) -> ReaderView:
    """Return what the page must know before anything is opened."""
    manifest = bundle.manifest
    return ReaderView(
        version=onephase.__version__,
        research_use=RESEARCH_USE,
        training_caution=training_caution(manifest.provenance),
        bundle=manifest.name,
        bundle_sha256=bundle.identity,
        trained_on=manifest.provenance,
        training_cases=manifest.cases,
        policies=dict(POLICY_NAMES),
        policy=bundle.settings.subtype_policy,
        accepted=dict(ACCEPTED),
        node=node,
        similar=similar,
        largest_upload_bytes=largest_upload_bytes,
    )


def entry_view(entry: Entry, answer: AnswerSummary | None) -> EntryView:
    """Return a line of the work list; what pathology wrote is not in it, so that a reader may stay blind."""
    return EntryView(
        key=entry.key,
        case_id=entry.case_id,
        group=entry.group,
        site=entry.site,
        region=entry.region,
        provenance=entry.provenance,
        split=entry.split,
        answer=answer,
    )


def summary_of(prediction: Prediction) -> AnswerSummary:
    """Return a prediction in one line."""
    subtype, probability = most_probable(prediction.reading.subtypes)
    return AnswerSummary(
        subtype=subtype, probability=probability, ki67_median_percent=prediction.reading.ki67.median_percent
    )


def lesion_view(lesion: Lesion) -> LesionView:
    """Return an open lesion."""
    entry, answered, grid = lesion.entry, lesion.answered, lesion.case.volume.grid
    prediction = None if answered is None else answered.prediction
    return LesionView(
        key=lesion.key,
        case_id=lesion.case.case_id,
        state="needs an outline" if prediction is None else "answered",
        grid=_grid_view(grid),
        phase=lesion.case.phase,
        split="" if entry is None else entry.split,
        provenance="" if entry is None else entry.provenance,
        recorded={} if entry is None else entry.recorded,
        given=dict(lesion.texts),
        policy=lesion.policy,
        crop=None if answered is None else _crop_view(answered.crop),
        box=None if answered is None else _box_of(answered),
        attention_is_even=prediction is not None and prediction.attention_is_even,
        prediction=None if prediction is None else prediction.to_json(),
    )


def similar_view(similar: Similar) -> SimilarView:
    """Return a training case that looks alike."""
    return SimilarView(
        case_id=similar.case_id,
        cohort=similar.cohort,
        provenance=similar.provenance,
        recorded=similar.recorded,
        facts=similar.facts,
        distance=similar.distance,
        picture=similar.picture,
    )


def _grid_view(grid: Grid) -> GridView:
    return GridView(
        shape=grid.shape,
        spacing_mm=grid.spacing_mm,
        origin_mm=grid.origin_mm,
        direction=np.asarray(grid.direction).tolist(),
    )


def _crop_view(crop: Crop) -> CropView:
    return CropView(start=crop.start, shape=crop.grid.shape, step_mm=DISTANCE_STEP_MM)


def _box_of(answered: Answered) -> BoxForm | None:
    inside = answered.near.distance_mm < 0
    if not inside.any():
        return None  # the lesion lies between voxels
    bounds = lesion_bounds(inside) + np.array(answered.crop.start)[:, np.newaxis]
    slices, rows, columns = ((float(start), float(stop)) for start, stop in bounds.tolist())
    return BoxForm(slice=slices, row=rows, column=columns)
