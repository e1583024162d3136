"""How cases are kept apart from training: a held-out split of a bundle, or folds that each train anew."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import onephase
from onephase.biomarkers.posterior import PanelPosterior
from onephase.cohort.flow import flow_of
from onephase.cohort.lesions import Lesion, events_of, lesions_of, volumes_ml
from onephase.cohort.prepared import PreparedCohort, refuse_other_settings, refuse_repeated_cases
from onephase.cohort.records import Record, Split
from onephase.cohort.splits import folds as draw_folds
from onephase.errors import BundleError, CohortError, TrainingError
from onephase.evaluation.contestants import SIMPLE_CONTESTANTS, network_answers, prior_answers, told_by
from onephase.evaluation.oracle import with_oracle
from onephase.evaluation.predictions import (
    NETWORK,
    PRIOR,
    Predictions,
    read_predictions,
    versions_of,
    write_predictions,
)
from onephase.evaluation.scoring.ki67_scores import training_median
from onephase.inference.bundle import Bundle, load_bundle
from onephase.network.taught import taught_sha256
from onephase.progress import Progress, silent
from onephase.settings import Settings

LEARNED_FROM: tuple[Split, ...] = ("train", "validation")
VALIDATION_SHARE = 8
"""One in so many of a fold's training patients chooses the epoch and fits the calibration, as in 7:1:2."""

FEWEST_TO_PART = 2
"""Patients, of whom one may validate."""

SPLIT_WORDS: Mapping[str, str] = {
    "test": "Internal test: patients of the same cohorts, set apart before training and not touched by it.",
    "external": "Frozen external test: the bundle as it was trained, on cases of another source, not fitted to them.",
    "validation": "Validation cases: they chose the epoch and the calibration, so the figures are optimistic.",
}
ELSEWHERE_WORDS = "Cases of cohorts from which the bundle has learned nothing: an external test of it."


def held_out(bundle: Bundle, prepared: Sequence[PreparedCohort], *, split: Split) -> Predictions:
    """Let the contestants answer for one split of prepared cohorts.

    The simple contestants learn from the cases of the cohorts that the bundle has learned from too;
    where there are none (another cohort than the bundle's), they do not take part.

    Args:
        bundle: A trained bundle.
        prepared: Cohorts prepared with the bundle's settings.
        split: ``test``, ``external`` or ``validation``.

    Raises:
        BundleError: If a case of the split, or another lesion of its patient, was learned from by the
            bundle; as a validation case, if it was trained on.
        StorageError: If a cohort was prepared with other settings than the bundle's.
        CohortError: If the split holds no case, or two cases have one id.
    """
    refuse_other_settings(prepared, bundle.settings, who="the bundle")
    refuse_repeated_cases(prepared)
    lesions = lesions_of(prepared)
    tested = [lesion for lesion in lesions if lesion.record.split == split]
    if not tested:
        message = f"no case of the split {split!r}: name another split, or check what `onephase check` has drawn"
        raise CohortError(message)
    seen = ("train",) if split == "validation" else LEARNED_FROM
    learned = {lesion.record.identity for lesion in lesions if _learned(bundle, lesion.record) in seen}
    _refuse_learned(tested, learned)
    training = [lesion for lesion in lesions if _learned(bundle, lesion.record) in LEARNED_FROM]
    if split in LEARNED_FROM:
        training = [lesion for lesion in training if lesion.record.split != split]
    words = _words(bundle, tested, training, split=split)
    recalibrated = not bundle.calibration.is_identity
    facts = {"bundle": bundle.identity, "split": split, "recalibrated": recalibrated, **_facts(bundle.settings)}
    answered = _answers(bundle, training, tested, fold=0, words=words, facts=facts)
    calibrating = [lesion for lesion in training if _learned(bundle, lesion.record) == "validation"]
    calibration = calibration_answers(bundle, calibrating, fold=0)
    return replace(answered, calibration=calibration, cohort_flow=flow_of(prepared))


def five_fold(
    prepared: Sequence[PreparedCohort],
    settings: Settings,
    *,
    out: Path,
    folds: int = 5,
    resume: bool = False,
    progress: Progress = silent,
) -> Predictions:
    """Train once for each fold without its patients, let every contestant answer for them, pool the answers.

    Args:
        prepared: Cohorts prepared with ``settings``; their own splits are not looked at.
        settings: Of every training run.
        out: Folder for ``fold-1`` to ``fold-5`` (bundle and answers each) and the pooled predictions.
        folds: How many folds.
        resume: Keep folds that are finished, go on with the one that is not.
        progress: Told of each step, the fold's number in the name of the task.

    Returns:
        Out-of-fold predictions of all lesions, also written to ``out``.

    Raises:
        CohortError: If there are fewer patients than folds, or two cases have one id.
        TrainingError: If a fold in ``out`` is of another run, training fails, or this is one process of several.
        StorageError: If a file cannot be written.
    """
    from onephase.learning.device import refuse_several  # torch is needed here alone, not where a bundle is evaluated
    from onephase.learning.train import train

    refuse_several("cross-validation")
    refuse_repeated_cases(prepared)
    lesions = lesions_of(prepared)
    divided = crossed_splits([lesion.record for lesion in lesions], folds, seed=settings.split.seed)
    parts = []
    for fold, split_of in enumerate(divided):
        assigned = assigned_splits(prepared, split_of)
        members = lesions_of(assigned)
        tested = [lesion for lesion in members if lesion.record.split == "test"]
        training = [lesion for lesion in members if lesion.record.split in LEARNED_FROM]
        folder = out / f"fold-{fold + 1}"
        run = run_digest(members, settings.model_dump(mode="json"))
        done = finished_answers(folder, run) if resume else None
        if done is not None:
            # covariates may have been corrected since, and nobody here looks at them but the tables
            done = replace(done, records=tuple(lesion.record for lesion in tested))
        else:
            told = _named(progress, f"fold {fold + 1} of {folds}: ")
            path = train(assigned, settings, out=folder / "bundle", resume=resume, progress=told)
            words = (
                f"{folds}-fold cross-validation by patient: each case is answered by a model trained without its "
                "fold, and the answers of all folds are pooled."
            )
            bundle = load_bundle(path)
            done = _answers(bundle, training, tested, fold=fold, words=words, facts={"run": run, **_version()})
            calibrating = [lesion for lesion in training if lesion.record.split == "validation"]
            done = replace(done, calibration=calibration_answers(bundle, calibrating, fold=fold))
            write_predictions(folder, done)
        parts.append(done)
        progress("folds", fold + 1, folds)
    pooled = Predictions.joined(parts, facts={**_facts(settings), "folds": folds, "onephase": versions_of(parts)})
    place = {record.case_id: row for row, record in enumerate(pooled.records)}
    pooled = pooled.take(np.array([place[lesion.record.case_id] for lesion in lesions]))
    pooled = replace(pooled, cohort_flow=flow_of(prepared))
    write_predictions(out, pooled)
    return pooled


def _answers(
    bundle: Bundle,
    training: Sequence[Lesion],
    tested: Sequence[Lesion],
    *,
    fold: int,
    words: str,
    facts: Mapping[str, Any],
) -> Predictions:
    """Let every contestant answer for the tested lesions, the oracle too where they are simulated."""
    posteriors = {NETWORK: network_answers(bundle, tested)}
    for name, contestant in SIMPLE_CONTESTANTS.items():
        answer = told_by(contestant, training, tested)
        if answer is not None:
            posteriors[name] = answer
    posteriors[PRIOR] = prior_answers(bundle, tested)
    return with_oracle(gathered(posteriors, training, tested, fold=fold, words=words, facts=facts))


def gathered(
    posteriors: Mapping[str, PanelPosterior],
    training: Sequence[Lesion],
    tested: Sequence[Lesion],
    *,
    fold: int,
    words: str,
    facts: Mapping[str, Any],
) -> Predictions:
    """Return the answers of contestants for tested lesions as predictions, the training lesions' median beside."""
    constant = training_median(events_of([lesion.record for lesion in training]))
    return Predictions(
        protocol=words,
        records=tuple(lesion.record for lesion in tested),
        fold=np.full(len(tested), fold, dtype=np.int64),
        volume_ml=volumes_ml(tested),
        ki67_constant=np.full(len(tested), constant),
        posteriors=posteriors,
        facts=facts,
    )


def calibration_answers(bundle: Bundle, lesions: Sequence[Lesion], *, fold: int) -> Predictions | None:
    """Let the bundle answer for its validation cases, on which conformal sets are calibrated."""
    if not lesions:
        return None
    return Predictions(
        protocol=SPLIT_WORDS["validation"],
        records=tuple(lesion.record for lesion in lesions),
        fold=np.full(len(lesions), fold, dtype=np.int64),
        volume_ml=volumes_ml(lesions),
        ki67_constant=np.full(len(lesions), np.nan),
        posteriors={NETWORK: network_answers(bundle, lesions), PRIOR: prior_answers(bundle, lesions)},
        facts={},
    )


def assigned_splits(prepared: Sequence[PreparedCohort], split_of: Mapping[str, Split]) -> list[PreparedCohort]:
    """Return the cohorts with these splits, one for each of their cases."""
    return [
        replace(one, records=tuple(replace(record, split=split_of[record.case_id]) for record in one.records))
        for one in prepared
    ]


def crossed_splits(records: Sequence[Record], folds: int, *, seed: int) -> list[dict[str, Split]]:
    """Return for each fold the split of every case: its own are tested, the others are learned from.

    Raises:
        CohortError: If there are fewer patients than folds.
    """
    fold_of = draw_folds(records, folds, seed=seed)
    everyone: dict[str, Split] = dict.fromkeys((record.case_id for record in records), "test")
    others = ([record for record, own in zip(records, fold_of, strict=True) if own != fold] for fold in range(folds))
    return [everyone | learned_splits(learned, seed=seed) for learned in others]


def learned_splits(records: Sequence[Record], *, seed: int) -> dict[str, Split]:
    """Return the split of cases that are learned from: one in eight patients validates, of fewer one, of one nobody."""
    patients = len({record.identity for record in records})
    if patients < FEWEST_TO_PART:
        return dict.fromkeys((record.case_id for record in records), "train")
    parts = draw_folds(records, min(VALIDATION_SHARE, patients), seed=seed)
    return {record.case_id: "validation" if part == 0 else "train" for record, part in zip(records, parts, strict=True)}


def run_digest(members: Sequence[Lesion], choices: Mapping[str, Any]) -> str:
    """Return what stands for a run's choices, stage, patches, patients, sites, labels and splits: no other is taken up.

    Covariates are not in it, for most contestants look at none, and a column more shall not cost a night of training.
    """
    described = json.dumps([choices, taught_sha256(), [_decides(lesion) for lesion in members]])
    return hashlib.sha256(described.encode()).hexdigest()


def _decides(lesion: Lesion) -> list[Any]:
    record = lesion.record
    who = [record.case_id, record.patient_id, record.cohort, record.site, record.split, record.provenance]
    return [*who, record.events.to_json(), lesion.prepared.store.case(record.case_id).key]


def finished_answers(folder: Path, run: str) -> Predictions | None:
    """Return the answers of a run that was finished before; None where it was not.

    Raises:
        TrainingError: If the folder holds the answers of another run.
    """
    if not (folder / "predictions.json").exists():
        return None
    found = read_predictions(folder)
    if found.facts["run"] != run:
        message = f"{folder} was made with other settings or cases: name another --out, or remove that folder"
        raise TrainingError(message)
    return found


def _named(progress: Progress, prefix: str) -> Progress:
    def told(task: str, done: int, total: int) -> None:
        progress(prefix + task, done, total)

    return told


def _facts(settings: Settings) -> dict[str, Any]:
    return {**_version(), "settings": settings.model_dump(mode="json")}


def _version() -> dict[str, str]:
    return {"onephase": onephase.__version__}


def _learned(bundle: Bundle, record: Record) -> str:
    return bundle.split.get(record.case_id, "")


def _words(bundle: Bundle, tested: Sequence[Lesion], training: Sequence[Lesion], *, split: Split) -> str:
    """Say what the tested lesions are to the bundle, whatever their table calls them, and what it has learned from."""
    kept = "validation" if split == "validation" else "test"
    cohorts = set() if split == "external" else {lesion.record.cohort for lesion in training}
    own = sum(_learned(bundle, one.record) == kept or one.record.cohort in cohorts for one in tested)
    ours = SPLIT_WORDS[kept]
    others = SPLIT_WORDS["external"] if split == "external" else ELSEWHERE_WORDS
    if own == len(tested):
        said = ours
    elif own == 0:
        said = others
    else:
        said = f"{own} of {len(tested)} lesions: {ours} The others: {others}"
    cases = sum(cohort.cases for cohort in bundle.manifest.trained_on)
    return f"{said} The bundle was trained on {cases} cases, {bundle.manifest.provenance}."


def _refuse_learned(tested: Sequence[Lesion], learned: set[str]) -> None:
    for lesion in tested:
        if lesion.record.identity in learned:
            message = (
                f"case {lesion.record.case_id}: the bundle has learned from it or from another lesion of its patient, "
                "so it cannot test the bundle: give the splits that the bundle was trained with (its split.csv)"
            )
            raise BundleError(message)
