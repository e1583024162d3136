"""Which series of a study is read, and where its tumour lies: what is found, and when a person is asked."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread
from tests.service.node.working import only, receive

from onephase.errors import ImageError, SettingsError
from onephase.service.node.reading import read_rules
from onephase.service.worklist.states import State


def test_a_real_series_with_an_outline(work, intake, tray, shared_data, scanner):
    """The first post-contrast phase of UCSF-BR-06, with a ball about its lesion as a SEG."""
    images = sorted(
        map(dcmread, (shared_data / "ucsf-br-06" / "dce").iterdir()), key=lambda one: int(one.InstanceNumber)
    )
    phase = images[84:96]  # twelve of its sixty slices, for speed
    place, row, column = np.indices((12, 256, 256))
    ball = (place - 6) ** 2 / 9 + (row - 108) ** 2 / 100 + (column - 95) ** 2 / 100 < 1
    receive(intake, *phase, scanner.outline(phase, 99, inside=ball))
    assert work.predict_next() is State.PREDICTED, only(intake).problem
    work.send_next()
    seg = next(one for one in tray.taken[0] if one.Modality == "SEG")
    assert seg.StudyInstanceUID == phase[0].StudyInstanceUID
    named = {item.ReferencedSOPInstanceUID for item in seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert named == {one.SOPInstanceUID for one in phase}


def test_without_an_outline_it_waits_and_goes_on_with_a_box(work, intake, tray, scanner):
    receive(intake, *scanner.slices(1))
    assert work.predict_next() is State.WAITING
    assert only(intake).problem == "waiting for a box: the study holds no outline (SEG or RT structure set)"
    intake.worklist.answer(only(intake).key, box=[12.0, 28.0, 12.0, 24.0, 3.0, 9.0])
    assert work.predict_next() is State.PREDICTED
    assert work.send_next() is State.SENT
    report = next(one for one in tray.taken[0] if one.Modality == "SR")
    assert "P-PANEL-OUTLINES" in str(report)  # a box is outlined several times, and the SR says how much hangs on it


def test_an_outline_of_something_else_waits(work, intake, scanner):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1, label="fibroglandular tissue"))
    assert work.predict_next() is State.WAITING
    assert "waiting for a box: no outline is the tumour's (the outline holds no tumour" in only(intake).problem


def test_a_structure_set_is_an_outline_too(work, intake, tray, scanner):
    slices = scanner.slices(1)
    receive(intake, scanner.structures(slices, 1), *slices[1:])
    assert work.predict_next() is None  # it names an image that is still to come
    receive(intake, slices[0])
    assert work.predict_next() is State.PREDICTED, only(intake).problem
    work.send_next()
    report = next(one for one in tray.taken[0] if one.Modality == "SR")
    (volume,) = {
        float(item.MeasuredValueSequence[0].NumericValue)
        for group in report.ContentSequence[-1].ContentSequence
        if "O-OUTLINE" in str(group)
        for item in group.ContentSequence
        if item.ValueType == "NUM" and item.ConceptNameCodeSequence[0].CodeMeaning == "Volume"
    }
    assert volume == pytest.approx(6 * 10 * 10 * 3.0 * 1.2 * 0.9 / 1000, rel=0.25)  # ml, after resampling


def test_a_structure_of_something_else_waits(work, intake, scanner):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.structures(slices, 1, name="Heart"))
    assert work.predict_next() is State.WAITING
    assert "no outline is the tumour's (the outline holds no structure 'of a tumour'" in only(intake).problem


def test_two_tumours_wait(work, intake, scanner):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1), scanner.outline(slices, 1, label="Tumour 2"))
    assert work.predict_next() is State.WAITING
    assert only(intake).problem == "waiting for a box: 2 outlines could be the tumour's"


def test_a_study_that_cannot_be_read_fails_in_one_sentence_without_paths(work, intake, scanner, tmp_path):
    slices = scanner.slices(1)
    outline = scanner.outline(slices, 1)
    receive(intake, *slices[:5], *slices[6:])
    receive(intake, outline)
    intake.worklist.complete(quiet_s=0.0, patience_s=0.0)  # patience with the missing slice has ended
    assert work.predict_next() is State.FAILED
    said = only(intake).problem
    assert "1 slice is missing between slice 5 and 6" in said
    assert "/" not in said.replace("SEG/", "")
    assert "CAN" not in said


def test_a_box_of_a_study_that_grew_is_not_predicted_from(work, intake, scanner):
    """Its numbers count voxels of the volume that it was drawn on."""
    slices = scanner.slices(1)
    receive(intake, *slices[:10])
    assert work.predict_next() is State.WAITING
    intake.worklist.answer(only(intake).key, box=[12.0, 28.0, 12.0, 24.0, 3.0, 9.0])
    receive(intake, *slices[10:])
    assert work.predict_next() is State.WAITING
    assert only(intake).problem == "waiting for a box: the study holds no outline (SEG or RT structure set)"
    intake.worklist.answer(only(intake).key, box=[12.0, 28.0, 12.0, 24.0, 3.0, 9.0])
    receive(intake, scanner.outline(slices, 1))
    assert work.predict_next() is State.PREDICTED
    assert only(intake).answer == {}


def test_of_several_series_the_post_contrast_one_is_read(work, intake, tray, scanner):
    """As a breast protocol sends them: a T2, one before contrast and one after."""
    t2 = scanner.slices(1, series="t2", description="t2 stir")
    before = scanner.slices(1, series="pre", description="t1 fs pre")
    after = scanner.slices(1)
    for one in (*t2, *before):
        del one.ContrastBolusAgent
    for number, series in enumerate((t2, before, after)):
        for one in series:
            one.SeriesNumber, one.AcquisitionTime = number + 1, f"08{number}000"
    receive(intake, *t2, *before, *after, scanner.outline(after, 1))
    assert work.predict_next() is State.PREDICTED, only(intake).problem
    assert work.send_next() is State.SENT
    seg = next(one for one in tray.taken[0] if one.Modality == "SEG")
    named = {item.ReferencedSOPInstanceUID for item in seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert named == {one.SOPInstanceUID for one in after}


def test_a_rule_leaves_other_series_out(work, intake, scanner):
    slices = scanner.slices(1)
    receive(intake, *slices, scanner.outline(slices, 1))
    assert replace(work, rules=read_rules(series="dixon", phase="1", segment="")).predict_next() is State.FAILED
    assert only(intake).problem == "none of the 1 series has a description that fits 'dixon': check --series"
    intake.worklist.answer(only(intake).key, phase=1)
    assert replace(work, rules=read_rules(series="T1.*post", phase="", segment="1")).predict_next() is State.PREDICTED


def test_a_pattern_that_is_none_is_refused():
    with pytest.raises(SettingsError, match=r"--series '\(' is no pattern"):
        read_rules(series="(", phase="", segment="")


@pytest.mark.parametrize("phase", ["foo", "0", "-1", "1.5"])
def test_a_phase_that_no_series_has_is_refused(phase):
    with pytest.raises(ImageError, match=f"the phase '{phase}' is not understood: give first-post or a number"):
        read_rules(series="", phase=phase, segment="")


@pytest.mark.parametrize("phase", ["", "first-post", "First-Post", "1", " 12 "])
def test_a_phase_that_a_series_may_have_is_taken(phase):
    assert read_rules(series="", phase=phase, segment="").phase == phase
