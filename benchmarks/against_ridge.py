"""The network against ridge regression on the same descriptors, on a prepared simulated cohort with its truth.

The question of the field: at some hundred cases a network loses to ridge. Compared are what each knows before and after
the pathology of N cases: geometry, the plain descriptors by ridge, all descriptors by ridge, the phenotype stage as it
travels with the package (whole, without couplings, each task alone), and one that was taught by those N cases' own
phenotype alone. ``--radiomics`` adds MIRP's features in two classifiers (1.6 s of a core a case, kept beside the
patches); ``--seeds`` trains networks as well; beside every one of them ``--single-tasks`` four of one task each, and
``--labels-alone`` one without the stage, which starts from ridge on the descriptors and has learned from these cases'
pathology and nothing else. With ``--work`` what has been trained is kept, and the same command goes on where it was
broken off. All are compared with the networks together where there are several, else with the stage. Shares are of the
way from chance to the oracle; in the last column, too, both are resampled together.

Everything is simulated, and the stage was taught on lesions of the same simulator (other scanners, independent
phenotypes): this shows what seeing well is worth, not how well the stage sees in patients.

    python benchmarks/against_ridge.py PREPARED TRUTH.csv --train 620 --test 2000 --external OTHER OTHER_TRUTH.csv
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from known_cases import TASKS, WHOLE, Part, contestants, folds_of, part, print_table

from onephase.baselines.boosting import fit_boosted_panel
from onephase.baselines.radiomics_features import radiomics_features
from onephase.baselines.selected_panel import fit_selected_panel
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.biomarkers.prior import fit_prior
from onephase.cohort.prepared import open_prepared
from onephase.evaluation.benchmarking.ensembles import average, join_tasks
from onephase.evaluation.scoring.ki67_scores import training_median
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.learning.lessons import Lessons
from onephase.learning.loop import predict_potentials, train_network
from onephase.learning.phenotype import reading_skill, teach_phenotype
from onephase.learning.recalibration import earned_calibration
from onephase.network.phenotype import taught_stage
from onephase.progress import silent
from onephase.settings import Settings, StartName, TaskName
from onephase.simulation.phenotype import CUE_NAMES
from onephase.simulation.truth import read_truth

NETWORK, TOGETHER = "network", "its seeds together"


def radiomics(parts: Sequence[Part]) -> dict[str, list[PanelPosterior]]:
    """MIRP's features and geometry in both classifiers, with selection and calibration in folds of the first part."""
    tables = [
        np.column_stack(
            [
                cases.geometry,
                radiomics_features(cases.cohort, [cases.cohort.records[row] for row in cases.rows]).values,
            ]
        )
        for cases in parts
    ]
    known, names = parts[0].events, [str(column) for column in range(tables[0].shape[1])]
    ridge = fit_selected_panel(tables[0], known, names=names, fold=folds_of(known))
    boosted = fit_boosted_panel(tables[0], known, fold=folds_of(known))
    return {
        "MIRP radiomics, ridge": [PanelPosterior.from_potentials(ridge.potentials(table)) for table in tables[1:]],
        "MIRP radiomics, boosted": [PanelPosterior.from_potentials(boosted.potentials(table)) for table in tables[1:]],
    }


@dataclass(frozen=True)
class Training:
    """How networks are trained, and where what they have learned is kept."""

    learned: Part
    validation: Part
    tested: Sequence[Part]
    epochs: int
    work: Path

    def network(
        self, seed: int, tasks: tuple[TaskName, ...] = TASKS, *, start: StartName = "phenotype"
    ) -> list[PanelPosterior]:
        """What a network says of each tested part, calibrated by the validation cases."""
        settings = Settings.model_validate(
            {"learning": {"epochs": self.epochs, "seed": seed}, "network": {"tasks": tasks, "start": start}}
        )
        name = "-".join((*tasks, *(() if start == "phenotype" else (start,)), f"{len(self.learned.rows)}-seed-{seed}"))
        held_out = self.validation.patches()
        found = train_network(
            self.learned.patches(),
            held_out,
            settings=settings,
            folder=self.work / name,
            resume=True,
            progress=silent,
        )
        gained = max(epoch.gain for epoch in found.history)
        print(f"{name}: {gained:+.4f} nats at the best of {len(found.history)} epochs", flush=True)
        calibration = earned_calibration(
            predict_potentials(found.network, held_out), self.validation.events, patients=held_out.patients
        )
        said = (
            Potentials.stack([predict_potentials(found.network, piece.patches()) for piece in cases.pieces()])
            for cases in self.tested
        )
        return [PanelPosterior.from_potentials(calibration.apply(potentials)) for potentials in said]

    def single_tasks(self, seed: int) -> list[PanelPosterior]:
        """What four networks of one task each say together, with the ties of the prior."""
        prior = PanelPosterior.from_potentials(fit_prior(self.learned.events))
        said = {task: self.network(seed, (task,)) for task in TASKS}
        return [
            join_tasks({task: said[task][place] for task in TASKS}, prior.repeated(len(cases.rows)))
            for place, cases in enumerate(self.tested)
        ]


def of_seeds(name: str, said: Sequence[list[PanelPosterior]], seeds: Sequence[int]) -> dict[str, list[PanelPosterior]]:
    """Answers of each seed, and of all together where there are several."""
    rows = {f"{name}, seed {seed}": answers for seed, answers in zip(seeds, said, strict=True)}
    if len(said) > 1:
        rows[f"{name}, {TOGETHER}"] = [average(members) for members in zip(*said, strict=True)]
    return rows


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--train", type=int, default=620)
    parser.add_argument("--validation", type=int, default=100)
    parser.add_argument("--test", type=int, default=2000)
    parser.add_argument("--external", nargs=2, type=Path, metavar=("PREPARED", "TRUTH"))
    parser.add_argument("--external-cases", type=int, default=1000)
    parser.add_argument("--radiomics", action="store_true")
    parser.add_argument("--seeds", nargs="*", type=int, default=[])
    parser.add_argument("--single-tasks", action="store_true")
    parser.add_argument("--labels-alone", action="store_true")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--epochs", type=int, default=4)
    return parser.parse_args()


def main() -> None:
    chosen = asked()
    cohort, truth = open_prepared(chosen.prepared), read_truth(chosen.truth)
    last = len(cohort.records)
    learned = chosen.train + chosen.validation
    training, validation, test = (
        part(cohort, truth, np.arange(*ends))
        for ends in ((0, chosen.train), (chosen.train, learned), (max(learned, last - chosen.test), last))
    )
    tested = {"internal test": test}
    if chosen.external:
        other = open_prepared(chosen.external[0])
        tested["external"] = part(other, read_truth(chosen.external[1]), np.arange(chosen.external_cases))
    known, parts = training.events, [training, *tested.values()]
    own = teach_phenotype(Lessons(training.descriptors[:, np.newaxis], training.scores), seed=1)
    shipped = taught_stage(torch.arange(len(DESCRIPTORS)))
    answers = contestants(parts, own=own, shipped=shipped)
    if chosen.radiomics:
        answers |= radiomics(parts)
    with tempfile.TemporaryDirectory() as passing:
        networks = Training(training, validation, parts[1:], chosen.epochs, chosen.work or Path(passing))
        whole = [networks.network(seed) for seed in chosen.seeds]
        answers |= of_seeds(NETWORK, whole, chosen.seeds)
        if chosen.labels_alone:
            alone = [networks.network(seed, start="descriptors") for seed in chosen.seeds]
            answers |= of_seeds("network without the stage", alone, chosen.seeds)
        if chosen.single_tasks:
            answers |= of_seeds("single tasks", [networks.single_tasks(seed) for seed in chosen.seeds], chosen.seeds)
    prior = PanelPosterior.from_potentials(fit_prior(known))
    for place, (title, cases) in enumerate(tested.items()):
        print(f"\n{title}: {len(cases.rows)} simulated cases; learned from {chosen.train} (and {chosen.validation})")
        nothing = prior.repeated(len(cases.rows))
        print(f"Prior: {nothing.log_probability(cases.events).mean():.3f} nats a case.")
        for name, stage in (("own", own), ("package", shipped)):
            skill = reading_skill(stage, Lessons(cases.descriptors[:, np.newaxis], cases.scores))
            print(f"Read by the {name} stage:", ", ".join(f"{cue} {skill[cue]:.2f}" for cue in CUE_NAMES))
        print_table(
            cases,
            {name: posteriors[place] for name, posteriors in answers.items()},
            lead=f"{NETWORK}, {TOGETHER}" if len(whole) > 1 else WHOLE,
            median=training_median(known),
        )


if __name__ == "__main__":
    main()
