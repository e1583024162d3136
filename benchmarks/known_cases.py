"""What contestants of few parameters say of simulated cases whose truth is known, and the table that compares them.

Shared by `against_ridge.py` and `other_outlines.py`; no command of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, get_args

import numpy as np
import torch

from onephase.baselines.geometry import geometry_features
from onephase.biomarkers.linear_panel import OUTPUTS, choose_spread, fit_linear_panel
from onephase.biomarkers.panel import RECEPTORS, Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.biomarkers.prior import fit_prior
from onephase.cohort.prepared import PreparedCohort
from onephase.evaluation.benchmarking.ensembles import join_tasks
from onephase.evaluation.scoring.answers import answers_of
from onephase.evaluation.scoring.comparisons import contender, versus
from onephase.evaluation.scoring.ki67_scores import has_percentage, ki67_reference
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.learning.dataset import PatchDataset
from onephase.learning.start import SPREADS
from onephase.settings import TaskName
from onephase.simulation.oracle import OraclePosterior, oracle_posterior
from onephase.simulation.phenotype import latent_scores
from onephase.simulation.truth import Truth
from onephase.statistics.bootstrap import Resampled, Resamples, compare, mean_of
from onephase.statistics.estimate import Estimate
from onephase.statistics.roc import auc_statistic

PLAIN = DESCRIPTORS.index("log intensity mean to -7 mm")  # descriptors before the filter responses
GEOMETRY_SPREADS = (0.1, 0.3, 1.0)
TASKS: tuple[TaskName, ...] = get_args(TaskName)
WHOLE = "stage of the package"
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


Said: TypeAlias = PanelPosterior | OraclePosterior


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
class Ceiling:
    """How far a contestant comes from knowing nothing to the oracle, which is resampled with it."""

    events: Events
    oracle: OraclePosterior
    median: float
    resamples: Resamples

    @property
    def told(self) -> np.ndarray:
        """Cases with a percentage of Ki-67."""
        return np.asarray(has_percentage(self.events))

    def aucs(self, said: Said) -> list[Resampled]:
        """AUC of each receptor."""
        found = []
        for place, name in enumerate(RECEPTORS):
            status = self.events.status(name)
            known = status >= 0
            statistic = auc_statistic(said.marginals()[known, place], status[known] == 1)
            found.append(Resampled.of(statistic, self.resamples.take(known)))
        return found

    def error(self, median: np.ndarray) -> Resampled:
        """Mean absolute error of Ki-67 in points."""
        apart = 100 * np.abs(median[self.told] - ki67_reference(self.events)[self.told])
        return Resampled.of(mean_of(apart), self.resamples.take(self.told))

    def shares(self, said: Said) -> tuple[Resampled, Resampled]:
        """Mean over receptors of the way from chance to the oracle; of Ki-67's from the constant median."""
        reached = zip(self.aucs(said), self._best_aucs, strict=True)
        pairs = [(one.value, one.drawn, top.value, top.drawn) for one, top in reached]
        receptors = Resampled(
            float(np.mean([(value - 0.5) / (top - 0.5) for value, _, top, _ in pairs])),
            np.mean([(drawn - 0.5) / (tops - 0.5) for _, drawn, _, tops in pairs], axis=0),
            self.resamples,
        )
        error, best, constant = self.error(said.ki67_median()), self._best_error, self._constant_error
        ki67 = Resampled(
            (constant.value - error.value) / (constant.value - best.value),
            (constant.drawn - error.drawn) / (constant.drawn - best.drawn),
            self.resamples,
        )
        return receptors, ki67

    @cached_property
    def _best_aucs(self) -> list[Resampled]:
        return self.aucs(self.oracle)

    @cached_property
    def _best_error(self) -> Resampled:
        return self.error(self.oracle.ki67_median())

    @cached_property
    def _constant_error(self) -> Resampled:
        return self.error(np.full(len(self.oracle), self.median))


def print_table(cases: Part, answers: dict[str, PanelPosterior], *, lead: str, median: float) -> None:
    print(f"| | ER | PR | HER2 | share | Ki-67 MAE | share | panel | {lead} less this |\n|" + "---|" * 9)
    events, oracle = cases.events, oracle_posterior(cases.truth)
    resamples = Resamples.draw(cases.truth.case_ids, np.random.default_rng(1))
    ceiling = Ceiling(events, oracle, median, resamples)
    compared = {
        name: contender(name, events, answers_of(posterior, events, policy="ki67_20"), resamples=resamples)
        for name, posterior in answers.items()
    }
    shares = {name: ceiling.shares(posterior) for name, posterior in answers.items()}
    shown: dict[str, Said] = {"oracle": oracle, **answers}
    for name, posterior in shown.items():
        reached = " | ".join(f"{one.value:.3f}" for one in ceiling.aucs(posterior))
        error = ceiling.error(posterior.ki67_median()).value
        receptors, ki67 = shares[name] if name in shares else ceiling.shares(posterior)
        likely = posterior.log_probability(events).mean()
        row = f"| {name} | {reached} | {receptors.value:.3f} | {error:.2f} | {ki67.value:.3f} | {likely:.3f} |"
        if name not in (lead, "oracle"):
            apart = {
                "share": compare(shares[lead][0], receptors).difference,
                "Ki-67 share": compare(shares[lead][1], ki67).difference,
            }
            figures = versus(compared[lead], compared[name]).figures
            apart |= {label: figures[label].difference for label in SHOWN}
            row += " " + ", ".join(f"{label} {_written(difference)}" for label, difference in apart.items())
        print(row + " |")


def _written(difference: Estimate) -> str:
    if difference.value is None or difference.low is None:  # too few of a class
        return "-"
    return f"{difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})"
