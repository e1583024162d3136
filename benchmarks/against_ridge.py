"""The network against ridge regression on the same descriptors, on a prepared simulated cohort with its truth.

The question of the field: at some hundred cases a network loses to ridge. Compared are what each knows before and after
the pathology of N cases: geometry, the plain descriptors by ridge, all descriptors by ridge, the phenotype stage as it
travels with the package (whole, without couplings, each task alone), and one that was taught by those N cases' own
phenotype alone. ``--radiomics`` adds MIRP's features in two classifiers (1.6 s of a core a case, kept beside the
patches); ``--seeds`` trains networks as well, ``--single-tasks`` four of one task each beside every one of them. With
``--work`` what has been trained is kept, and the same command goes on where it was broken off. All are compared with
the networks together where there are several, else with the stage.

Everything is simulated, and the stage was taught on lesions of the same simulator (other scanners, independent
phenotypes): this shows what seeing well is worth, not how well the stage sees in patients.

    python benchmarks/against_ridge.py PREPARED TRUTH.csv --train 620 --test 2000 --external OTHER OTHER_TRUTH.csv
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from onephase.baselines.boosting import fit_boosted_panel
from onephase.baselines.geometry import geometry_features
from onephase.baselines.radiomics_features import radiomics_features
from onephase.baselines.selected_panel import fit_selected_panel
from onephase.biomarkers.linear_panel import OUTPUTS, choose_spread, fit_linear_panel
from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.biomarkers.prior import fit_prior
from onephase.cohort.prepared import PreparedCohort, open_prepared
from onephase.evaluation.benchmarking.ensembles import average, join_tasks
from onephase.evaluation.scoring.answers import answers_of
from onephase.evaluation.scoring.comparisons import contender, versus
from onephase.evaluation.scoring.ki67_scores import has_percentage, ki67_reference, training_median
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.learning.dataset import PatchDataset
from onephase.learning.lessons import Lessons
from onephase.learning.loop import predict_potentials, train_network
from onephase.learning.phenotype import reading_skill, teach_phenotype
from onephase.learning.recalibration import earned_calibration
from onephase.learning.start import SPREADS
from onephase.network.phenotype import taught_stage
from onephase.progress import silent
from onephase.settings import Settings, TaskName
from onephase.simulation.oracle import oracle_posterior
from onephase.simulation.phenotype import CUE_NAMES, latent_scores
from onephase.simulation.truth import Truth, read_truth
from onephase.statistics.bootstrap import Resamples
from onephase.statistics.estimate import Estimate
from onephase.statistics.roc import auc

PLAIN = DESCRIPTORS.index("log intensity mean to -7 mm")  # descriptors before the filter responses
GEOMETRY_SPREADS = (0.1, 0.3, 1.0)
RECEPTORS = ("er", "pr", "her2")
TASKS: tuple[TaskName, ...] = get_args(TaskName)
WHOLE = "stage of the package"
NETWORK, TOGETHER = "network", "its seeds together"
AT_A_TIME = 200
SHOWN = (
    "er",
    "pr",
    "her2",
    "subtype_macro_auc",
    "group_macro_auc",
    "subtype_log_likelihood",
    "ki67_mae_percent",
    "panel_gain",
)


@dataclass(frozen=True)
class Part:
    """Some cases of a cohort, and what is true of them."""

    cohort: PreparedCohort
    rows: np.ndarray
    truth: Truth
    redrawn: np.ndarray | None = None  # descriptors of other outlines than the store's

    @property
    def events(self) -> Events:
        """What is known of them."""
        return Events.stack([self.cohort.records[row].events for row in self.rows])

    @property
    def descriptors(self) -> np.ndarray:
        """The lesions in numbers."""
        return np.asarray(self.cohort.store.descriptors[self.rows]) if self.redrawn is None else self.redrawn

    @property
    def scores(self) -> np.ndarray:
        """Latent scores of their true phenotype."""
        return latent_scores(self.truth.phenotype).astype(np.float32)

    @property
    def geometry(self) -> np.ndarray:
        """Size and sides."""
        return geometry_features(self.cohort, [self.cohort.records[row] for row in self.rows])

    def patches(self) -> PatchDataset:
        """All that a network needs."""
        store, names = self.cohort.store, self.truth.case_ids
        return PatchDataset.from_arrays(
            names,
            self.events,
            patients=names,
            image=np.asarray(store.image[self.rows]),
            distance_mm=np.asarray(store.distance_mm[self.rows]),
            descriptors=self.descriptors,
        )

    def pieces(self) -> Iterator["Part"]:
        """A few at a time."""
        for start in range(0, len(self.rows), AT_A_TIME):
            piece = slice(start, start + AT_A_TIME)
            yield Part(self.cohort, self.rows[piece], self.truth.of(self.truth.case_ids[piece]))


def part(cohort: PreparedCohort, truth: Truth, rows: np.ndarray) -> Part:
    ids = [cohort.records[row].case_id for row in rows]
    if list(cohort.store.rows(ids)) != list(rows):
        message = "rows of records and patches differ: a case failed to be prepared"
        raise SystemExit(message)
    return Part(cohort, rows, truth.of(ids))


def folds_of(known: Events) -> np.ndarray:
    return np.asarray(np.random.default_rng(0).permutation(len(known)) % 5)


def potentials(
    features: Sequence[np.ndarray],
    known: Events,
    spreads: Sequence[float],
    *,
    couplings: bool = True,
    outputs: Sequence[bool] = (True,) * OUTPUTS,
) -> list[Potentials]:
    """Fit to the first part, answer for the others; the penalty is chosen by five folds of the first."""
    training, *others = (np.asarray(part, dtype=np.float64) for part in features)
    names = [str(column) for column in range(training.shape[1])]
    spread = choose_spread(
        training, known, fold=folds_of(known), candidates=spreads, couplings=couplings, outputs=outputs
    )
    model = fit_linear_panel(training, known, names=names, spread=spread, couplings=couplings, outputs=outputs)
    return [model.potentials(other) for other in others]


def linear(
    features: Sequence[np.ndarray], known: Events, spreads: Sequence[float], *, couplings: bool = True
) -> list[PanelPosterior]:
    return [PanelPosterior.from_potentials(one) for one in potentials(features, known, spreads, couplings=couplings)]


def tasks_alone(features: Sequence[np.ndarray], known: Events, spreads: Sequence[float]) -> list[PanelPosterior]:
    """Four models, each of one task with a penalty of its own, put side by side."""
    alone = [
        potentials(features, known, spreads, couplings=False, outputs=[task == place for place in range(OUTPUTS)])
        for task in range(OUTPUTS)
    ]
    return [PanelPosterior.from_potentials(_side_by_side(models)) for models in zip(*alone, strict=True)]


def _side_by_side(models: Sequence[Potentials]) -> Potentials:
    unary = np.column_stack([model.unary[:, place] for place, model in enumerate(models[:3])])
    last = models[3]
    return Potentials(unary, last.ki67_mu, last.ki67_sigma, last.coupling, last.shift)


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


def tied(alone: PanelPosterior, prior: PanelPosterior) -> PanelPosterior:
    """Give the ties of the prior to what four models of one task say, so that they are compared at their best."""
    return join_tasks(dict.fromkeys(TASKS, alone), prior.repeated(len(alone)))


@torch.no_grad()
def readings(stage: torch.nn.Module, cases: Part) -> np.ndarray:
    return np.asarray(stage(torch.tensor(cases.descriptors)).numpy())


def contestants(
    parts: Sequence[Part], *, own: torch.nn.Module, shipped: torch.nn.Module
) -> dict[str, list[PanelPosterior]]:
    """What each contestant of few parameters says of all parts but the first, which it learns from."""
    known, spreads = parts[0].events, SPREADS["phenotype"]
    prior = PanelPosterior.from_potentials(fit_prior(known))
    seen = [readings(shipped, cases) for cases in parts]
    alone = tasks_alone(seen, known, spreads)
    return {
        "geometry": linear([cases.geometry for cases in parts], known, GEOMETRY_SPREADS),
        f"{PLAIN} plain descriptors, ridge": linear(
            [cases.descriptors[:, :PLAIN] for cases in parts], known, SPREADS["descriptors"]
        ),
        "all descriptors, ridge": linear([cases.descriptors for cases in parts], known, SPREADS["descriptors"]),
        "stage taught by the training cases alone": linear([readings(own, cases) for cases in parts], known, spreads),
        WHOLE: linear(seen, known, spreads),
        f"{WHOLE}, no couplings": linear(seen, known, spreads, couplings=False),
        f"{WHOLE}, each task alone": alone,
        f"{WHOLE}, each task alone, tied as the prior": [tied(one, prior) for one in alone],
    }


@dataclass(frozen=True)
class Training:
    """How networks are trained, and where what they have learned is kept."""

    learned: Part
    validation: Part
    tested: Sequence[Part]
    epochs: int
    work: Path

    def network(self, seed: int, tasks: tuple[TaskName, ...] = TASKS) -> list[PanelPosterior]:
        """What a network says of each tested part, calibrated by the validation cases."""
        settings = Settings.model_validate(
            {"learning": {"epochs": self.epochs, "seed": seed}, "network": {"tasks": tasks}}
        )
        held_out = self.validation.patches()
        found = train_network(
            self.learned.patches(),
            held_out,
            settings=settings,
            folder=self.work / f"{'-'.join(tasks)}-{len(self.learned.rows)}-seed-{seed}",
            resume=True,
            progress=silent,
        )
        gained = max(epoch.gain for epoch in found.history)
        print(
            f"{' '.join(tasks)}, seed {seed}: {gained:+.4f} nats at the best of {len(found.history)} epochs", flush=True
        )
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


def print_table(cases: Part, answers: dict[str, PanelPosterior], *, lead: str, median: float) -> None:
    print(f"| | ER | PR | HER2 | share | Ki-67 MAE | share | panel | {lead} less this |\n|" + "---|" * 9)
    events, oracle = cases.events, oracle_posterior(cases.truth)
    told = has_percentage(events)
    reference = ki67_reference(events)[told]
    constant = 100 * np.abs(median - reference).mean()

    def aucs(marginals: np.ndarray) -> list[float]:
        status = [events.status(name) for name in RECEPTORS]
        found = [auc(marginals[known >= 0, place], known[known >= 0] == 1).value for place, known in enumerate(status)]
        return [value for value in found if value is not None]

    ceiling = aucs(oracle.marginals())
    best = 100 * np.abs(oracle.ki67_median()[told] - reference).mean()
    print(f"| oracle | {' | '.join(f'{value:.3f}' for value in ceiling)} | 1 | {best:.2f} | 1 | | |")
    resamples = Resamples.draw(cases.truth.case_ids, np.random.default_rng(1))
    compared = {
        name: contender(name, events, answers_of(posterior, events, policy="ki67_20"), resamples=resamples)
        for name, posterior in answers.items()
    }
    for name, posterior in answers.items():
        reached = aucs(posterior.marginals())
        error = 100 * np.abs(posterior.ki67_median()[told] - reference).mean()
        share = np.mean([(value - 0.5) / (top - 0.5) for value, top in zip(reached, ceiling, strict=True)])
        likely = posterior.log_probability(events).mean()
        row = f"| {name} | {' | '.join(f'{value:.3f}' for value in reached)} | {share:.3f} | {error:.2f} "
        row += f"| {(constant - error) / (constant - best):.3f} | {likely:.3f} |"
        if name != lead:
            figures = versus(compared[lead], compared[name]).figures
            row += " " + ", ".join(f"{label} {_written(figures[label].difference)}" for label in SHOWN)
        print(row + " |")


def _written(difference: Estimate) -> str:
    if difference.value is None or difference.low is None:  # too few of a class
        return "-"
    return f"{difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})"


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
