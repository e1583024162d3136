"""A prediction as one self-contained page: pictures and style inside, no script, nothing loaded from anywhere."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

import onephase
from onephase.inference.outcome import Outcome
from onephase.inference.prediction import RESEARCH_USE, Prediction
from onephase.inference.reading import Ki67Reading
from onephase.reports.charts import ki67_curve, probability_bar, subtype_bar, weight_bar
from onephase.reports.lesion import attention_picture, regions_picture
from onephase.reports.style import (
    BIOMARKER_NAMES,
    POLICY_NAMES,
    REGION_COLOURS,
    REGION_NAMES,
    SUBTYPE_COLOURS,
    in_ten,
    most_probable,
    per_cent,
    percent,
    plain,
    sentence,
    settled,
)
from onephase.storage import write_text

REPORT_NAME = "report.html"
UNITS = {"mm": "mm", "ml": "ml", "percent": "%", "tesla": "T", "ms": "ms", "degrees": "degrees"}
"""The last word of a fact's name, as it is written behind its value."""


def write_report(prediction: Prediction, path: Path) -> None:
    """Write the report of one prediction, whole or not at all.

    Raises:
        StorageError: If the page cannot be written.
    """
    write_text(path, render_report(prediction))


def write_report_into(prediction: Prediction, folder: Path) -> None:
    """Write the report of one prediction under its usual name into a folder."""
    write_report(prediction, folder / REPORT_NAME)


def render_report(prediction: Prediction) -> str:
    """Return the report of one prediction as HTML."""
    reading, prior = prediction.reading, prediction.prior
    return rendered(
        "report.html",
        prediction=prediction,
        reading=reading,
        prior=prior,
        alone=prediction.image_alone,
        origin=prediction.origin,
        outline=prediction.outline,
        radii=prediction.radii,
        likely=reading.ki67.interval(80),
        subtype=most_probable(reading.subtypes),
        policy=POLICY_NAMES[prediction.policy],
        planes=_planes(prediction),
        even_attention=prediction.attention_is_even,
        bars={
            name: probability_bar(reading.positive[name], prior=prior.positive[name], name=BIOMARKER_NAMES[name])
            for name in ("er", "pr", "her2")
        },
        curve=ki67_curve(reading.ki67, prior=prior.ki67),
        stack=subtype_bar(reading.subtypes),
        measurements=_measurements(prediction.outline.measurements),
        provenance=_provenance(prediction),
    )


def write_index(outcomes: Iterable[Outcome], path: Path) -> None:
    """Write the page that lists the predictions of a cohort and links to their reports.

    Args:
        outcomes: What became of each case.
        path: The page, in the folder that holds the folders of the cases.

    Raises:
        StorageError: If the page cannot be written.
    """
    listed = tuple(outcomes)
    answers = [(outcome, outcome.answer) for outcome in listed if outcome.answer is not None]
    page = rendered(
        "index.html",
        rows=[_index_row(outcome, answer) for outcome, answer in answers],
        failures=[outcome for outcome in listed if outcome.answer is None],
        simulated=any(answer["origin"]["bundle"]["trained_on"] != "real" for _, answer in answers),
    )
    write_text(path, page)


def rendered(template: str, **content: Any) -> str:
    """Return a page of this room: its template, with what every page has in common."""
    return (
        _environment()
        .get_template(template)
        .render(
            content,
            names=BIOMARKER_NAMES,
            region_names=REGION_NAMES,
            colours=REGION_COLOURS,
            subtype_colours=SUBTYPE_COLOURS,
            settled=settled,
            weight_bar=weight_bar,
            research_use=RESEARCH_USE,
            version=onephase.__version__,
        )
    )


@cache
def _environment() -> Environment:
    # Everything is escaped, whatever its name; drawings are Markup and stay as they are.
    environment = Environment(
        loader=PackageLoader("onephase.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (percent, per_cent, in_ten, plain, sentence, _median_and_interval)
    environment.filters.update({filter_.__name__.lstrip("_"): filter_ for filter_ in filters})
    return environment


def _planes(prediction: Prediction) -> list[dict[str, Any]]:
    return [
        {
            "name": plane.name.capitalize(),
            "caption": f"{plane.name.capitalize()}, regions{' (acquired plane)' if plane.acquired else ''}",
            "regions": regions_picture(plane, prediction.radii),
            "attention": attention_picture(plane),
        }
        for plane in prediction.view
    ]


def _measurements(measurements: dict[str, float]) -> list[tuple[str, str]]:
    rows = []
    for name, value in measurements.items():
        words, unit = _words_and_unit(name)
        rows.append((words, f"{value:.2f} {unit}" if unit else f"{value:.3g}"))
    return rows


def _words_and_unit(name: str) -> tuple[str, str]:
    words, _, unit = name.rpartition("_")
    named = bool(words) and unit in UNITS
    return (words if named else name).replace("_", " "), UNITS[unit] if named else ""


def _provenance(prediction: Prediction) -> list[tuple[str, str]]:
    origin = prediction.origin
    cohorts = "; ".join(f"{part.name} ({part.provenance}, {part.cases} cases)" for part in origin.cohorts)
    acquired = [(*_words_and_unit(name), value) for name, value in origin.acquisition.items() if name != "phase"]
    voxels, spacing = "x".join(map(str, origin.image_voxels)), "x".join(map(plain, origin.image_spacing_mm))
    return [
        ("bundle", origin.bundle_name),
        ("bundle sha256", origin.bundle_sha256),
        ("trained on", cohorts),
        ("settings sha256", origin.settings_sha256),
        ("image", f"{voxels} voxels (slice, row, column) of {spacing} mm"),
        ("phase", origin.phase or "single-phase file"),
        *((words, f"{value} {unit}".rstrip()) for words, unit, value in acquired),
        ("versions", ", ".join(f"{name} {version}" for name, version in origin.versions.items())),
    ]


def _index_row(outcome: Outcome, answer: dict[str, Any]) -> dict[str, Any]:
    result = answer["result"]
    likely = next(part for part in result["ki67"]["intervals"] if part["level"] == 80)  # noqa: PLR2004 - the level shown
    return {
        "case_id": outcome.case_id,
        "link": f"{quote(outcome.folder)}/{REPORT_NAME}",
        "positive": result["positive"],
        "ki67": _range(result["ki67"]["median_percent"], likely["low_percent"], likely["high_percent"]),
        "subtype": most_probable(result["subtypes"]),
        "warnings": len(answer["warnings"]),
    }


def _median_and_interval(ki67: Ki67Reading) -> str:
    likely = ki67.interval(80)
    return _range(ki67.median_percent, likely.low_percent, likely.high_percent)


def _range(median: float, low: float, high: float) -> str:
    return f"{per_cent(median)} ({low:.0f} to {high:.0f})"
