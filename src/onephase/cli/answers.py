"""The command that answers: ``predict``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onephase.cli.cohort_answers import answer_cohort
from onephase.cli.options import AsJson, Engine, Policy, Scheduler, Workers, policy_of, workers_of
from onephase.cli.predict_options import (
    UNNAMED,
    doubt_of,
    fit_name,
    near_enough,
    numbers,
    refuse_fhir_over,
    refuse_idle_error,
    refuse_regions,
)
from onephase.cli.terminal import say, say_json
from onephase.inference.engine_name import USUAL_ENGINE

if TYPE_CHECKING:
    from onephase.biomarkers.panel import Events
    from onephase.imaging.case import Box, Case, SeedPoint
    from onephase.inference.prediction import Prediction
    from onephase.reports.dicom_objects import DicomObjects
    from onephase.reports.dicom_source import DicomSource

BOX, POINT = "C0 C1 R0 R1 S0 S1", "C R S"


def predict(  # noqa: PLR0913 - one parameter for each option
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of a trained model.", show_default=False)],
    image: Annotated[
        Path | None,
        typer.Argument(
            metavar="IMAGE",
            help="NIfTI, NRRD or MetaImage file, or a folder, ZIP or enhanced file of DICOM.",
            show_default=False,
        ),
    ] = None,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for prediction.json and report.html.")],
    mask: Annotated[Path | None, typer.Option(help="Tumour mask or DICOM SEG.", show_default=False)] = None,
    mask_label: Annotated[str, typer.Option(help="Which label or segment, where the mask holds several.")] = "",
    box: Annotated[
        tuple[str, str, str, str, str, str] | None,
        typer.Option(
            metavar=BOX,
            callback=numbers(BOX),
            help="Box around the tumour in voxels: columns, rows, slices; half-open. "
            "The lesion inside is outlined semi-automatically, and the result says so.",
            show_default=False,
        ),
    ] = None,
    seed_point: Annotated[
        tuple[str, str, str] | None,
        typer.Option(
            metavar=POINT,
            callback=numbers(POINT),
            help="A voxel inside the tumour: column, row, slice.",
            show_default=False,
        ),
    ] = None,
    outlines: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            help="Answer from so many plausible outlines of the lesion and show their spread; 1 trusts the outline. "
            "When left out: 9 from a box or a seed point, 1 from a mask.",
            show_default=False,
        ),
    ] = None,
    outline_error: Annotated[
        float | None,
        typer.Option(
            metavar="MM",
            callback=near_enough,
            help="Standard deviation of the surface between these outlines, at most 5: no outline that we measured lay "
            "further beside a reader's. 1 when left out.",
            show_default=False,
        ),
    ] = None,
    phase: Annotated[
        str, typer.Option(help="Where a series holds several phases: first-post, or its number, counted from 1.")
    ] = "",
    given: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=TEXT",
            help="What pathology already said, e.g. er=positive or ki67=18; repeatable. Names: er, pr, her2, hr, ki67. "
            "What may be written for each: docs/evidence.md.",
            show_default=False,
        ),
    ] = None,
    cohort: Annotated[
        list[Path] | None,
        typer.Option(help="Predict every row of a cohort table instead; repeatable.", show_default=False),
    ] = None,
    policy: Policy = "",
    case_id: Annotated[
        str | None,
        typer.Option(
            callback=fit_name,
            help=f"Name of the case in the result; choose a pseudonym. {UNNAMED!r} when left out.",
            show_default=False,
        ),
    ] = None,
    dicom: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="For DICOM input: also write SEG, Parametric Map, SR and a picture of the report there.",
            show_default=False,
        ),
    ] = None,
    fhir: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the result as FHIR R4 JSON.", show_default=False)
    ] = None,
    engine: Engine = USUAL_ENGINE,
    workers: Workers = 0,
    scheduler: Scheduler = "",
    as_json: AsJson = False,
) -> None:
    """Answer for one lesion, or for every row of a cohort table (--cohort).

    Writes prediction.json and report.html, one self-contained page. RESEARCH USE ONLY.
    There is no lesion detection: give the tumour as --mask, --box or --seed-point.

    Example:  onephase predict demo/bundle post1.nii.gz --mask tumour.nii.gz --given er=positive --out answer
    """
    if (image is None) == (not cohort):
        message = "give either IMAGE with --mask, --box or --seed-point, or --cohort COHORT.csv"
        raise typer.BadParameter(message)
    if scheduler and not cohort:
        message = "--scheduler is for --cohort: one image is answered by this process"
        raise typer.BadParameter(message)
    if cohort:
        if any((mask, mask_label, box, seed_point, phase, given, case_id, dicom, fhir)):
            message = "with --cohort, names, outlines, phases and evidence come from the table; no --dicom, no --fhir"
            raise typer.BadParameter(message)
        who = workers_of(workers, scheduler)
        varied = (outlines, outline_error)
        answer_cohort(
            bundle, cohort, out=out, policy=policy, engine=engine, varied=varied, workers=who, as_json=as_json
        )
        return
    assert image is not None  # noqa: S101 - said above
    refuse_regions(mask, box, seed_point, mask_label=mask_label)
    refuse_idle_error(outline_error, outlines, masks_only=mask is not None)
    _refuse_places(out, dicom=dicom, fhir=fhir, inputs=(image, mask))
    from onephase.imaging.plausible_outlines import doubt_about
    from onephase.inference.bundle import load_bundle
    from onephase.inference.predict import predict as predict_one
    from onephase.readers.case import read_case

    opened = load_bundle(bundle, engine=engine)
    case = read_case(
        image,
        case_id=case_id or UNNAMED,
        mask=mask,
        mask_label=mask_label or None,
        box=_box(box),
        seed=_seed(seed_point),
        phase=phase or None,
    )
    events = _events(given)
    several, error_mm = doubt_of(outlines, outline_error)
    doubt = doubt_about(case.roi, outlines=several, error_mm=error_mm)
    source = _dicom_source(image, case, dicom=dicom, fhir=fhir)
    prediction = predict_one(opened, case, given=events, policy=policy_of(policy), doubt=doubt)
    objects = None if dicom is None or source is None else _dicom_objects(prediction, source)
    _write_answer(prediction, out=out, as_json=as_json)
    if objects is not None and dicom is not None:
        _write_dicom(objects, dicom, quiet=as_json)
    if fhir is not None:
        _write_fhir(prediction, fhir, study_uid="" if source is None else source.study_uid)


def _refuse_places(out: Path, *, dicom: Path | None, fhir: Path | None, inputs: tuple[Path | None, ...]) -> None:
    """Refuse now what could not be written once the answer is there, or would destroy something."""
    from onephase.cli.places import refuse_bundle, refuse_no_file, refuse_no_folder
    from onephase.inference.prediction import PREDICTION_NAME
    from onephase.reports.html import REPORT_NAME

    refuse_bundle(out, dicom, fhir)
    for folder in (out, dicom):
        if folder is not None:
            refuse_no_folder(folder)
    if fhir is not None:
        outputs = (out, out / PREDICTION_NAME, out / REPORT_NAME, *((dicom,) if dicom else ()))
        refuse_fhir_over(fhir, inputs=inputs, outputs=outputs)
        refuse_no_file(fhir)


def _box(texts: tuple[str, ...] | None) -> "Box | None":
    if texts is None:
        return None
    from onephase.imaging.case import Box

    column, column_end, row, row_end, slice_, slice_end = map(float, texts)
    return Box(column=(column, column_end), row=(row, row_end), slice=(slice_, slice_end))


def _seed(texts: tuple[str, ...] | None) -> "SeedPoint | None":
    if texts is None:
        return None
    from onephase.imaging.case import SeedPoint

    return SeedPoint(*map(float, texts))


def _events(given: list[str] | None) -> "Events | None":
    if not given:
        return None
    from onephase.biomarkers.evidence import read_given

    return read_given(given)


def _dicom_source(image: Path, case: "Case", *, dicom: Path | None, fhir: Path | None) -> "DicomSource | None":
    """Return the images behind a case where result objects refer to them; refuse before anything is computed."""
    from importlib.util import find_spec

    from onephase.errors import MissingExtraError

    if dicom is not None and find_spec("highdicom") is None:
        message = "--dicom needs the extra 'dicom', which is not installed: pip install '.[dicom]' in the checkout"
        raise MissingExtraError(message)
    if dicom is None and (fhir is None or case.source.get("format") != "DICOM"):
        return None
    from onephase.reports.dicom_source import read_source

    return read_source(image, phase=case.phase_number)


def _dicom_objects(prediction: "Prediction", source: "DicomSource") -> "DicomObjects":
    from datetime import datetime

    from onephase.reports.dicom_objects import dicom_objects

    return dicom_objects(prediction, source, created=datetime.now())


def _write_dicom(objects: "DicomObjects", folder: Path, *, quiet: bool) -> None:
    from onephase.reports.dicom_objects import write_dicom

    written = write_dicom(objects, folder)
    if not quiet:
        say(f"DICOM: {len(written)} objects in {folder}")


def _write_fhir(prediction: "Prediction", path: Path, *, study_uid: str) -> None:
    from onephase.reports.fhir import write_fhir

    write_fhir(prediction, path, study_uid=study_uid)


def _write_answer(prediction: "Prediction", *, out: Path, as_json: bool) -> None:
    from onephase.inference.prediction import PREDICTION_NAME
    from onephase.reports.html import REPORT_NAME, render_report
    from onephase.storage import json_text, write_texts

    answer = prediction.to_json()
    write_texts({out / REPORT_NAME: render_report(prediction), out / PREDICTION_NAME: json_text(answer)})
    if as_json:
        say_json(answer)
    else:
        _say_prediction(prediction)
        say(f"Report: {out / REPORT_NAME}")


def _say_prediction(prediction: "Prediction") -> None:
    from onephase.inference.prediction import RESEARCH_USE

    reading, spread = prediction.reading, prediction.outline.spread
    say(RESEARCH_USE)
    for warning in prediction.all_warnings:
        say(f"! {warning}")
    if prediction.origin.phase:
        say(f"  {prediction.origin.phase}")
    for name, probability in reading.positive.items():
        ends = "" if spread is None else ", {:.2f} to {:.2f} by outline".format(*spread.positive[name])
        say(f"  {name.upper():<5} positive with probability {probability:.2f}{ends}")
    likely = reading.ki67.interval(80)
    say(
        f"  Ki-67 median {reading.ki67.median_percent:.0f} %, "
        f"with 80 % probability from {likely.low_percent:.0f} % to {likely.high_percent:.0f} %"
    )
    if spread is not None:
        say(
            "  the median from {:.0f} to {:.0f} % by outline".format(*spread.ki67_median_percent)
            + f"; mixed from {spread.outlines} outlines of {{:.2f}} to {{:.2f}} ml".format(*spread.volume_ml)
        )
    for name, probability in reading.subtypes.items():
        say(f"  {name:<28} {probability:.2f}")
