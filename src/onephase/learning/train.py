"""From prepared cohorts to a bundle: train, calibrate on the validation cases, export, seal."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from onephase.biomarkers.panel import RECEPTORS, Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.cohort.overlap import parted_patients
from onephase.cohort.prepared import PreparedCohort
from onephase.cohort.records import Record
from onephase.errors import CohortError, TrainingError
from onephase.inference.bundle import BundleContents, write_bundle
from onephase.inference.manifest import TrainingCohort, ValidationFigure
from onephase.learning.dataset import PatchDataset, gather
from onephase.learning.device import leads
from onephase.learning.export import export_network
from onephase.learning.loop import predict_potentials, train_network
from onephase.learning.recalibration import earned_calibration
from onephase.progress import Progress, silent
from onephase.settings import NetworkSettings, Settings
from onephase.statistics.bootstrap import Resamples, bootstrap, mean_of
from onephase.statistics.roc import auc, auc_statistic

LABELS = (*RECEPTORS, "hr", "ki67")


def train(
    prepared: Sequence[PreparedCohort],
    settings: Settings,
    *,
    out: Path,
    resume: bool = False,
    progress: Progress = silent,
) -> Path:
    """Train a network on prepared cohorts and write it as a bundle.

    Args:
        prepared: Cohorts whose records have splits; `train` and `validation` are used, no other case is read.
        settings: Of the whole run.
        out: The bundle's folder. The run's checkpoint and log are kept beside it, in `<out>.training`.
        resume: Go on from that checkpoint, where there is one.
        progress: Told of each step.

    Returns:
        ``out``.

    Raises:
        CohortError: If a patient is to train and to validate, as she may where tables were prepared apart.
        TrainingError: If the cases cannot teach anything, the checkpoint is of another run, training diverges,
            or the exported network differs from the trained one.
        StorageError: If a file cannot be written; nothing half-written is left.
    """
    records = [record for cohort in prepared for record in cohort.records]
    for parted in parted_patients([record for record in records if record.split in ("train", "validation")]):
        raise CohortError(str(parted))
    training = gather(prepared, split="train", settings=settings)
    validation = gather(prepared, split="validation", settings=settings)
    refuse_one_class(training.events, settings.network)
    trained = train_network(
        training, validation, settings=settings, folder=training_folder(out), resume=resume, progress=progress
    )
    if not leads():
        return out  # which the leading process writes
    potentials = predict_potentials(trained.network, validation)
    write_bundle(
        out,
        BundleContents(
            name=out.name,
            network=export_network(trained.network, validation),
            weights={name: tensor.numpy() for name, tensor in trained.network.state_dict().items()},
            settings=settings,
            calibration=earned_calibration(potentials, validation.events, patients=validation.patients),
            prior=trained.prior,
            split={record.case_id: record.split for cohort in prepared for record in cohort.records if record.split},
            trained_on=_trained_on(prepared),
            seeds={"learning": settings.learning.seed, "split": settings.split.seed},
            validation=validation_figures(validation, potentials, prior=trained.prior),
        ),
    )
    return out


def training_folder(out: Path) -> Path:
    """Return the folder beside a bundle where its run keeps checkpoint and log."""
    return out.with_name(out.name + ".training")


def refuse_one_class(events: Events, network: NetworkSettings) -> None:
    """Refuse training cases that are all alike in every task.

    Raises:
        TrainingError: If no receptor of the tasks has both a positive and a negative case, and Ki-67 has not two
            different values.
    """
    receptors: list[str] = [task for task in network.tasks if task != "ki67"]
    if {"er", "pr"} & set(receptors):
        receptors.append("hr")
    for receptor in receptors:
        status = events.status(receptor)
        if (status == 1).any() and (status == 0).any():
            return
    known = (events.ki67[:, 0] > 0) | (events.ki67[:, 1] < 1)
    if "ki67" in network.tasks and len(np.unique(events.ki67[known], axis=0)) > 1:
        return
    message = (
        f"the {len(events)} training cases hold only one class of each of {', '.join(network.tasks)}, expected both of "
        "at least one: add cases of the other class, or check the label columns"
    )
    raise TrainingError(message)


def _trained_on(prepared: Sequence[PreparedCohort]) -> tuple[TrainingCohort, ...]:
    records: dict[tuple[str, str], list[Record]] = {}
    for record in (record for cohort in prepared for record in cohort.records if record.split == "train"):
        records.setdefault((record.cohort, record.provenance), []).append(record)
    return tuple(
        TrainingCohort(
            name=name or "unnamed",
            provenance=provenance,
            cases=len(members),
            labels={label: sum(bool(record.texts.get(label)) for record in members) for label in LABELS},
            label_conventions=tuple(sorted({record.label_convention for record in members} - {""})),
        )
        for (name, provenance), members in records.items()
    )


def validation_figures(
    validation: PatchDataset, potentials: Potentials, *, prior: Potentials
) -> dict[str, ValidationFigure]:
    """Return mean panel log-likelihoods and AUCs of the validation cases, before calibration on them.

    Args:
        validation: The cases.
        potentials: What the network says of them.
        prior: Of the training cases, potentials of one case.
    """
    posterior = PanelPosterior.from_potentials(potentials)
    of_prior = PanelPosterior.from_potentials(prior).repeated(len(validation))
    resamples = Resamples.draw(validation.patients, np.random.default_rng(0))
    estimates = {
        "panel log-likelihood": bootstrap(mean_of(posterior.log_probability(validation.events)), resamples),
        "panel log-likelihood of the prior": bootstrap(mean_of(of_prior.log_probability(validation.events)), resamples),
    }
    for place, receptor in enumerate(RECEPTORS):
        status = validation.events.status(receptor)
        known = status >= 0
        scores, positive = posterior.marginals()[known, place], status[known] == 1
        estimates[f"AUC {receptor.upper()}"] = (
            auc(scores, positive)  # by DeLong, whose cases are independent
            if len(set(validation.patients)) == len(validation)
            else bootstrap(auc_statistic(scores, positive), resamples.take(known), events=int(positive.sum()))
        )
    return {
        name: ValidationFigure(value=estimate.value, low=estimate.low, high=estimate.high, cases=estimate.n)
        for name, estimate in estimates.items()
        if estimate.value is not None
    }
