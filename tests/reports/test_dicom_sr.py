"""The structured report says what the prediction says, and names what it was made from."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest
from pydicom import Dataset, dcmread

from onephase.inference.prediction import RESEARCH_USE


def items(dataset: Dataset) -> Iterator[Dataset]:
    for item in dataset.get("ContentSequence") or []:
        yield item
        yield from items(item)


def groups(sr: Dataset) -> dict[str, Dataset]:
    """Return each measurement group by the code of its finding."""
    found = {}
    for item in items(sr):
        if item.ValueType == "CONTAINER" and item.ConceptNameCodeSequence[0].CodeMeaning == "Measurement Group":
            finding = next(one for one in item.ContentSequence if one.ConceptNameCodeSequence[0].CodeValue == "121071")
            found[finding.ConceptCodeSequence[0].CodeValue] = item
    return found


def numbers(group: Dataset) -> dict[str, tuple[float, str]]:
    return {
        item.ConceptNameCodeSequence[0].CodeValue: (
            float(item.MeasuredValueSequence[0].NumericValue),
            item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue,
        )
        for item in group.ContentSequence
        if item.ValueType == "NUM"
    }


def texts(group: Dataset) -> list[str]:
    return [item.TextValue for item in group.ContentSequence if item.ValueType == "TEXT"]


def test_the_panel_has_every_probability_and_interval(examine):
    examined = examine("sagittal")
    reading = examined.prediction.reading
    found = numbers(groups(dcmread(examined.written["sr"]))["P-PANEL"])
    for name, probability in reading.positive.items():
        assert found[f"P-{name.upper()}-POS"] == (pytest.approx(probability), "1")
    assert found["P-KI67-MEDIAN"] == (pytest.approx(reading.ki67.median_percent), "%")
    for part in reading.ki67.intervals:
        assert found[f"P-KI67-LOW-{part.level}"] == (pytest.approx(part.low_percent), "%")
        assert found[f"P-KI67-HIGH-{part.level}"] == (pytest.approx(part.high_percent), "%")
    subtypes = [found[f"P-SUBTYPE-{number}"][0] for number in range(1, 7)]
    assert subtypes == pytest.approx(list(reading.subtypes.values()))
    assert sum(subtypes) == pytest.approx(1)


def test_what_must_be_said_is_said(examine):
    examined = examine("sagittal")
    said = texts(groups(dcmread(examined.written["sr"]))["P-PANEL"])
    assert RESEARCH_USE in said
    assert examined.prediction.training_caution in said
    assert set(examined.prediction.warnings) | set(examined.prediction.policy_cautions) <= set(said)
    assert f"bundle sha256: {'a' * 64}" in said
    assert "subtype policy: ki67_20" in said


def test_what_pathology_gave_stands_apart_from_the_image_alone(examine):
    examined = examine("sagittal", given=True)
    found = groups(dcmread(examined.written["sr"]))
    assert numbers(found["P-PANEL"])["P-ER-POS"][0] == pytest.approx(examined.prediction.image_alone.positive["er"])
    assert numbers(found["P-PANEL-GIVEN"])["P-ER-POS"][0] == pytest.approx(examined.prediction.reading.positive["er"])
    assert [text for text in texts(found["P-PANEL-GIVEN"]) if text.startswith("Given: ")] == [
        "Given: ER positive",
        "Given: Ki-67 18 %",
    ]
    assert "P-PANEL-GIVEN" not in groups(dcmread(examine("sagittal").written["sr"]))


def test_the_spread_over_outlines_has_both_ends_of_every_answer(examine):
    examined = examine("sagittal", given=True, boxed=True)
    found, spread = groups(dcmread(examined.written["sr"])), examined.prediction.outline.spread
    group = found["P-PANEL-OUTLINES"]
    ends: dict[tuple[str, str], float] = {}
    for item in (item for item in group.ContentSequence if item.ValueType == "NUM"):
        derived = [
            one.ConceptCodeSequence[0].CodeMeaning
            for one in item.get("ContentSequence", [])
            if one.ConceptNameCodeSequence[0].CodeMeaning == "Derivation"
        ]
        value = float(item.MeasuredValueSequence[0].NumericValue)
        ends[item.ConceptNameCodeSequence[0].CodeValue, *derived] = value
    assert ends["O-COUNT",] == spread.outlines == 3
    assert ends["O-ERROR",] == spread.error_mm
    expected = {
        "118565006": spread.volume_ml,
        "P-KI67-MEDIAN": spread.ki67_median_percent,
        **{f"P-{name.upper()}-POS": both for name, both in spread.positive.items()},
        **{f"P-SUBTYPE-{number}": both for number, both in enumerate(spread.subtypes.values(), start=1)},
    }
    for code, both in expected.items():
        assert (ends[code, "Minimum"], ends[code, "Maximum"]) == pytest.approx(both), code
    assert len(ends) == 2 + 2 * len(expected)
    assert "Given: ER positive" in texts(group)
    assert "Mixed from 3 plausible outlines of the lesion" in texts(found["P-PANEL"])
    assert "P-PANEL-OUTLINES" not in groups(dcmread(examine("sagittal", given=True).written["sr"]))


def test_each_region_refers_to_its_segment_and_its_images(examine):
    examined = examine("sagittal")
    sr, seg = dcmread(examined.written["sr"]), dcmread(examined.written["seg"])
    for number, (code, region) in enumerate(
        zip(("R-CORE", "R-RIM", "R-SHELL"), examined.prediction.regions, strict=True), start=1
    ):
        group = groups(sr)[code]
        found = numbers(group)
        assert found["118565006"] == (region.volume_ml, "ml")
        assert found["W-ER"][0] == pytest.approx(region.weights["er"])
        assert ("A-RATIO" in found) == (region.attention_ratio is not None)
        images = [item.ReferencedSOPSequence[0] for item in group.ContentSequence if item.ValueType == "IMAGE"]
        assert images[0].ReferencedSOPInstanceUID == seg.SOPInstanceUID
        assert images[0].ReferencedSegmentNumber == number
        assert {image.ReferencedSOPInstanceUID for image in images[1:]} == set(examined.source.instance_uids)


def test_evidence_names_every_image_and_object(examine):
    examined = examine("sagittal")
    sr = dcmread(examined.written["sr"])
    (study,) = sr[0x0040A375].value
    assert study.StudyInstanceUID == examined.source.study_uid
    named = {
        one.ReferencedSOPInstanceUID
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    others = {str(dcmread(examined.written[kind]).SOPInstanceUID) for kind in ("seg", "pm")}
    assert named == {*examined.source.instance_uids, *others}


def test_nobody_has_verified_it(examine):
    sr = dcmread(examine("sagittal").written["sr"])
    assert (sr.VerificationFlag, sr.PreliminaryFlag, sr.CompletionFlag) == ("UNVERIFIED", "PRELIMINARY", "COMPLETE")
    assert sr.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    observers = [item for item in items(sr) if item.ConceptNameCodeSequence[0].CodeMeaning == "Observer Type"]
    assert [item.ConceptCodeSequence[0].CodeMeaning for item in observers] == ["Device"]


@pytest.mark.skipif(not shutil.which("dsrdump"), reason="dsrdump (Debian package dcmtk) is not installed")
def test_dcmtk_reads_the_whole_tree(examine):
    path = examine("sagittal").written["sr"]
    done = subprocess.run(["dsrdump", "+Pl", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if line.startswith("E:")], done.stderr
    assert "Comprehensive 3D SR Document" in done.stdout
    assert RESEARCH_USE in done.stdout
    assert done.stdout.count('"Measurement Group"') == 5
    assert '"Predicted probability of luminal A-like"' in done.stdout
