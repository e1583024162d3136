"""The whole path on a network whose answer is known by hand."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from scipy.special import expit

from onephase.biomarkers.evidence import read_evidence, read_given
from onephase.imaging.case import Box, Case, Mask
from onephase.imaging.outline import outline
from onephase.imaging.outline_recipe import Recipe
from onephase.imaging.plausible_outlines import Doubt, plausible_outlines
from onephase.imaging.preprocessing import prepare_patch
from onephase.inference.bundle import Bundle, load_bundle
from onephase.inference.cautions import GIVEN_IN_VAIN
from onephase.inference.predict import predict

MakeCase = Callable[..., Case]


def test_the_answer_is_the_networks_by_hand(bundle: Bundle, lesion: MakeCase) -> None:
    """Cells by brute force from the formula of the log-linear model, Ki-67 by drawing from the mixture."""
    patch = prepare_patch(lesion(), imaging=bundle.settings.imaging, regions=bundle.settings.regions)
    mean = float(patch.image.astype(np.float64).mean())
    unary, coupling = np.array([1.0, -0.5, 0.25]) * mean + [0.5, 0.1, -1.0], [0.4, -0.1, -0.1]
    weights, mus = [], []
    for er in (0, 1):
        for pr in (0, 1):
            for her2 in (0, 1):
                s = np.array([er, pr, her2])
                e, p, h = 2 * s - 1
                weights.append(np.exp(s @ unary + np.dot(coupling, [e * p, e * h, p * h])))
                mus.append(mean - 1.2 + np.dot([-0.3, -0.1, 0.2], [e, p, h]))
    cells = np.array(weights) / np.sum(weights)
    reading = predict(bundle, lesion()).reading
    assert np.allclose(list(reading.cells.values()), cells, atol=1e-6)
    assert reading.positive["er"] == pytest.approx(cells[4:].sum(), abs=1e-6)
    rng = np.random.default_rng(2)
    drawn = 100 * expit(rng.normal(np.array(mus)[rng.choice(8, 200_000, p=cells)], 0.8))
    assert reading.ki67.median_percent == pytest.approx(np.median(drawn), abs=0.3)
    for part in reading.ki67.intervals:
        tail = (100 - part.level) / 2
        assert (part.low_percent, part.high_percent) == pytest.approx(np.percentile(drawn, (tail, 100 - tail)), abs=0.7)
    assert reading.ki67.at_least[20] == pytest.approx((drawn >= 20).mean(), abs=0.01)


def test_what_is_given_moves_the_rest_and_is_told(bundle: Bundle, lesion: MakeCase) -> None:
    given = read_evidence(case_id="case-1", er="positive", ki67=">=20%")
    told = predict(bundle, lesion(), given=given)
    alone = predict(bundle, lesion())
    assert told.given is not None
    assert told.given.facts == ("ER positive", "Ki-67 20 % or more")
    assert told.reading.positive["er"] == pytest.approx(1)
    assert told.reading.positive["pr"] > told.image_alone.positive["pr"]  # ER and PR are coupled
    assert told.reading.ki67.interval(95).low_percent >= 20
    assert told.image_alone == alone.reading
    assert alone.given is None


@pytest.mark.parametrize("said", ["her2=2+", "er=0-5%", "ki67=>=0%"])
def test_what_leaves_everything_open_counts_as_not_given_and_that_is_said(
    bundle: Bundle, lesion: MakeCase, said: str
) -> None:
    told = predict(bundle, lesion(warnings=("the phase was guessed",)), given=read_given([said]), doubt=Doubt(2))
    assert told.given is None
    assert told.reading == told.image_alone
    assert told.warnings[:2] == (GIVEN_IN_VAIN, "the phase was guessed")
    assert GIVEN_IN_VAIN not in predict(bundle, lesion()).warnings
    assert GIVEN_IN_VAIN not in predict(bundle, lesion(), given=read_given([said, "pr=1"])).warnings


def test_pathology_wins_over_a_network_that_is_sure(bundle: Bundle, lesion: MakeCase) -> None:
    sure = replace(bundle, calibration=replace(bundle.calibration, offset=np.array([900.0, 0.0, 0.0])))
    told = predict(sure, lesion(), given=read_evidence(case_id="case-1", er="negative"))
    assert told.image_alone.positive["er"] == pytest.approx(1)
    assert told.reading.positive["er"] == pytest.approx(0, abs=1e-12)
    assert sum(told.reading.subtypes.values()) == pytest.approx(1)


def test_disagreement_of_image_and_pathology_is_pointed_out(bundle: Bundle, lesion: MakeCase) -> None:
    warnings = predict(bundle, lesion(), given=read_evidence(case_id="case-1", ki67="99")).warnings
    assert "belong to the same tumour" in warnings[0]
    assert "Ki-67" in warnings[0]


def test_calibration_is_applied(bundle: Bundle, lesion: MakeCase) -> None:
    shifted = replace(bundle, calibration=replace(bundle.calibration, offset=np.array([3.0, 0.0, 0.0])))
    before, after = predict(bundle, lesion()), predict(shifted, lesion())
    odds = [p.reading.cells["ER+ PR+ HER2-"] / p.reading.cells["ER- PR+ HER2-"] for p in (before, after)]
    assert odds[1] / odds[0] == pytest.approx(np.exp(3))


def test_a_box_is_outlined_and_marked(bundle: Bundle, lesion: MakeCase) -> None:
    boxed = replace(lesion(), roi=Box(column=(10.0, 30.0), row=(10.0, 27.0), slice=(5.0, 16.0)))
    prediction = predict(bundle, boxed)
    assert prediction.outline.semi_automatic
    assert any("semi-automatic" in warning for warning in prediction.warnings)
    assert not predict(bundle, lesion()).outline.semi_automatic


def test_warnings_of_the_case_stay(bundle: Bundle, lesion: MakeCase) -> None:
    prediction = predict(bundle, lesion(warnings=("the phase was guessed",)))
    answer = prediction.to_json()
    assert "the phase was guessed" in answer["warnings"]
    assert "computer-generated tumours only" in answer["warnings"][0]
    assert answer["warnings"] == list(prediction.all_warnings) == [prediction.training_caution, *prediction.warnings]


def test_the_policy_is_the_bundles_unless_named(bundle: Bundle, lesion: MakeCase) -> None:
    assert predict(bundle, lesion()).policy == "ki67_20"
    named = predict(bundle, lesion(), policy="maisonneuve")
    assert named.policy == "maisonneuve"
    assert named.reading.subtypes["undecided"] > 0
    assert len(named.policy_cautions) == 2


def test_predicting_twice_gives_the_same_text(bundle: Bundle, lesion: MakeCase) -> None:
    first, second = (json.dumps(predict(bundle, lesion()).to_json()) for _ in range(2))
    assert first == second


def test_the_origin_is_the_bundles_and_the_images(bundle: Bundle, lesion: MakeCase) -> None:
    origin = predict(bundle, lesion(phase="first-post: phase 1 of 3")).origin
    assert origin.bundle_sha256 == bundle.identity
    assert (origin.trained_on, origin.training_cases) == ("simulated", 2)
    assert (origin.image_voxels, origin.image_spacing_mm) == ((20, 36, 40), (2.0, 1.2, 1.0))
    assert origin.phase == "first-post: phase 1 of 3"
    assert origin.versions["numpy"] == np.__version__
    assert (origin.engine, origin.versions["onnxruntime"]) == ("onnxruntime", onnxruntime.__version__)


def test_no_patient_and_no_path_in_the_answer(bundle: Bundle, lesion: MakeCase) -> None:
    text = json.dumps(predict(bundle, lesion(source={"modality": "MR"})).to_json())
    assert "/" not in text.replace("onephase-prediction/1", "").replace("A/B", "")
    assert "case-1" in text


def test_a_doubted_outline_gives_the_mixture_and_its_spread(bundle: Bundle, lesion: MakeCase) -> None:
    doubt = Doubt(5, 1.5)
    masks = plausible_outlines(lesion(), doubt, in_plane=False)
    alone = [predict(bundle, replace(lesion(), roi=mask)).reading for mask in masks]
    doubted = predict(bundle, lesion(), doubt=doubt)
    assert np.allclose(
        list(doubted.reading.cells.values()), np.mean([list(one.cells.values()) for one in alone], axis=0), atol=1e-6
    )
    spread = doubted.outline.spread
    assert spread is not None
    assert (spread.outlines, spread.error_mm) == (5, 1.5)
    er = [one.positive["er"] for one in alone]
    assert spread.positive["er"] == pytest.approx((min(er), max(er)), abs=1e-6)
    assert spread.volume_ml[0] < doubted.outline.measurements["volume_ml"] < spread.volume_ml[1]
    assert doubted.regions == predict(bundle, lesion()).regions  # pictures and regions are of the outline itself


def test_each_outline_is_drawn_once(bundle: Bundle, lesion: MakeCase, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def counted(case: Case, *recipe: Recipe) -> Mask:
        drawn.append(case)
        return outline(case, *recipe)

    for module in ("predict", "preprocessing", "plausible_outlines"):
        room = "inference" if module == "predict" else "imaging"
        monkeypatch.setattr(f"onephase.{room}.{module}.outline", counted)
    boxed = replace(lesion(), roi=Box(column=(10.0, 30.0), row=(10.0, 27.0), slice=(5.0, 16.0)))
    spread = predict(bundle, boxed, doubt=Doubt(3)).outline.spread
    assert spread is not None
    assert len(drawn) == spread.outlines == 3


def test_what_is_given_narrows_every_outline(bundle: Bundle, lesion: MakeCase) -> None:
    spread = predict(bundle, lesion(), given=read_given(["er=positive"]), doubt=Doubt(4)).outline.spread
    assert spread is not None
    assert spread.positive["er"] == pytest.approx((1, 1))
    assert spread.positive["pr"][0] < spread.positive["pr"][1]


def test_openvino_answers_alike_and_is_named(bundle_folder: Path, lesion: MakeCase) -> None:
    openvino = pytest.importorskip("openvino", reason="the extra 'fast' is not installed")
    ours, theirs = (predict(load_bundle(bundle_folder, engine=name), lesion()) for name in ("onnxruntime", "openvino"))
    assert (theirs.origin.engine, theirs.origin.versions["openvino"]) == ("openvino", openvino.__version__)
    assert "onnxruntime" not in theirs.origin.versions
    assert list(theirs.reading.cells.values()) == pytest.approx(list(ours.reading.cells.values()), abs=1e-5)
    assert theirs.reading.ki67.median_percent == pytest.approx(ours.reading.ki67.median_percent, abs=1e-3)
