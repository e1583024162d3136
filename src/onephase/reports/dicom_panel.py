"""The panel as coded values, and the sentences beside it: the same in the structured report and in FHIR."""

from pydicom.sr.coding import Code

from onephase.inference.outline_spread import OutlineSpread, Range
from onephase.inference.prediction import RESEARCH_USE, Prediction
from onephase.inference.reading import Ki67Reading, Reading
from onephase.reports import dicom_codes as ours
from onephase.reports.style import POLICY_NAMES


def probabilities(reading: Reading) -> list[tuple[Code, float]]:
    """Return every probability that is read off the panel, by name."""
    return [
        *((ours.POSITIVE[name], probability) for name, probability in reading.positive.items()),
        *((ours.KI67_AT_LEAST[cutoff], probability) for cutoff, probability in reading.ki67.at_least.items()),
        *((ours.SUBTYPE[name], probability) for name, probability in reading.subtypes.items()),
    ]


def percentages(ki67: Ki67Reading) -> list[tuple[Code, float]]:
    """Return median and interval ends of Ki-67 in per cent, by name."""
    return [
        (ours.KI67_MEDIAN, ki67.median_percent),
        *((ours.KI67_LOW[part.level], part.low_percent) for part in ki67.intervals),
        *((ours.KI67_HIGH[part.level], part.high_percent) for part in ki67.intervals),
    ]


def over_outlines(spread: OutlineSpread) -> list[tuple[Code, Range, Code]]:
    """Return the lowest and the highest answer over the outlines, by name and with their unit."""
    return [
        (ours.VOLUME, spread.volume_ml, ours.MILLILITRE),
        *((ours.POSITIVE[name], ends, ours.NO_UNIT) for name, ends in spread.positive.items()),
        (ours.KI67_MEDIAN, spread.ki67_median_percent, ours.PER_CENT),
        *((ours.SUBTYPE[name], ends, ours.NO_UNIT) for name, ends in spread.subtypes.items()),
    ]


def recipe_of(spread: OutlineSpread) -> list[tuple[Code, float, Code]]:
    """Return how many outlines there were and how far apart they lie, by name and with their unit."""
    return [
        (ours.OUTLINE_COUNT, float(spread.outlines), ours.NO_UNIT),
        (ours.OUTLINE_ERROR, spread.error_mm, ours.MILLIMETRE),
    ]


def comments_on(prediction: Prediction) -> list[str]:
    """Return the sentences that must stay with the result."""
    spread = prediction.outline.spread
    sentences = [
        RESEARCH_USE,
        prediction.training_caution,
        f"Subtype rule: {POLICY_NAMES[prediction.policy]}",
        *prediction.policy_cautions,
        *prediction.warnings,
        f"Mixed from {spread.outlines} plausible outlines of the lesion" if spread else "",
    ]
    return [sentence for sentence in sentences if sentence]
