from dataclasses import replace

from onephase.evaluation.benchmarking.plan import network_forms
from onephase.evaluation.contestants import rivals
from onephase.evaluation.pages.methods import CONTESTANT_WORDS, OF_ALL_LEARNED_CASES, methods_of, methods_text
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.study import Study
from onephase.settings import LearningSettings, Settings, SplitSettings


def _text(study: Study, predictions: Predictions, **facts: object) -> str:
    return methods_text(methods_of(replace(study, facts={**study.facts, **facts}), predictions))


def test_what_is_stored_is_said(few: Predictions, few_study: Study) -> None:
    settings = Settings(learning=LearningSettings(epochs=17, seed=5), split=SplitSettings(seed=11))
    facts = {"settings": settings.model_dump(mode="json"), "onephase": "0.0.9", "bundle": "alder abc", "split": "test"}
    text = _text(few_study, few, **facts)
    for said in (
        "30 lesions of 28 patients",
        "full (15 lesions)",
        "Where the table named no split, patients were drawn at random",
        "48 x 48 x 48 voxels",
        "At most 17 epochs",
        "40 bootstrap resamples over patients (seed 7)",
        "by onephase 0.0.9, bundle alder abc",
        "adjusted by Holm",
        "the size of the outline alone (geometry)",
        "Conformal answers at 0.9",
    ):
        assert said in text, said
    assert "SIMULATED" not in text
    assert "Conformal" not in _text(replace(few_study, conformal=()), few, **facts)


def test_who_learned_from_validation_cases_too_is_said(few: Predictions, few_study: Study) -> None:
    said = "learned from training and validation cases together"
    assert said in _text(few_study, few)
    scores = {"onephase": few_study.whole.scores["onephase"]}
    alone = replace(few_study, groups=(replace(few_study.whole, scores=scores),))
    assert said not in _text(alone, few)


def test_every_rival_has_words_and_learned_from_validation_cases_too(few: Predictions, few_study: Study) -> None:
    """Rivals choose nothing on validation, so they learn from it; networks and what is no rival do not."""
    assert set(OF_ALL_LEARNED_CASES) == set(rivals(["age"]))
    said = "learned from training and validation cases together"
    scores = dict.fromkeys(("onephase", "radiomics, ridge, harmonised"), few_study.whole.scores["onephase"])
    alone = replace(few_study, groups=(replace(few_study.whole, scores=scores),))
    text = _text(alone, few)
    assert said in text
    assert "harmonised by ComBat" in text


def test_ablations_ensembles_and_radiomics_are_told(few: Predictions, few_study: Study) -> None:
    assert set(network_forms(Settings().network)) <= set(CONTESTANT_WORDS)
    said = (
        "of 3 seeds of a network, averaged, are a row of their own",
        "discretised into 32 bins",
        "ComBat was fitted to training cases alone",
    )
    names = ("onephase", "onephase, 3 seeds", "attention off", "radiomics, ridge, harmonised")
    scores = dict.fromkeys(names, few_study.whole.scores["onephase"])
    text = _text(replace(few_study, groups=(replace(few_study.whole, scores=scores),)), few)
    assert all(one in text for one in said)
    assert "averages evenly over a region (attention off)" in text
    plain = _text(few_study, few)
    assert not any(one in plain for one in said)


def test_recalibration_is_told_as_it_was(few: Predictions, few_study: Study) -> None:
    settings = Settings().model_dump(mode="json")
    assert "recalibrated only where validation cases gain by it" in _text(few_study, few, settings=settings)
    assert "in folds of their own; here they did." in _text(few_study, few, settings=settings, recalibrated=True)
    assert "in folds of their own; here they did not." in _text(few_study, few, settings=settings, recalibrated=False)


def test_every_setting_that_is_told_changes_the_text(few: Predictions, few_study: Study) -> None:
    def text(**sections: dict) -> str:
        plain = Settings().model_dump(mode="json")
        changed = {name: {**plain[name], **values} for name, values in sections.items()}
        return _text(few_study, few, settings={**plain, **changed})

    plain = text()
    assert text(imaging={"spacing_mm": 2.5}) != plain
    assert text(network={"attention": False}) != plain
    assert text(learning={"batch_size": 9}) != plain
    assert text(regions={"rim_reach_mm": 3.0}) != plain


def test_a_benchmark_names_its_seeds_and_no_split_that_it_did_not_draw(few: Predictions, few_study: Study) -> None:
    text = _text(few_study, few, settings=Settings().model_dump(mode="json"), seeds=[1, 2, 3])
    assert "dropout 0.2, seeds 1, 2, 3." in text
    assert "Where the table named no split" not in text


def test_what_is_not_stored_is_not_invented(few: Predictions, few_study: Study) -> None:
    text = _text(few_study, few)
    assert "The settings of the training are not stored with these predictions" in text
    assert "by a version that was not stored" in text
    assert "epochs" not in text
    other = _text(few_study, few, settings={"of": "another version"})
    assert "not stored with these predictions in a form that this version reads" in other


def test_folds_and_simulated_cases_are_named(few: Predictions, few_study: Study) -> None:
    settings = Settings(split=SplitSettings(seed=11)).model_dump(mode="json")
    text = _text(replace(few_study, simulated=28), few, folds=5, settings=settings)
    assert "Folds were drawn by patient with seed 11" in text
    assert "Where the table named no split" not in text
    assert "28 of the scored cases are SIMULATED and stand for no patient" in text
