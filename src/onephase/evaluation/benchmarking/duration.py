"""How long a benchmark will take, from a training step that is timed on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from onephase.evaluation.benchmarking.plan import Plan, Run
from onephase.evaluation.contestants import RADIOMICS
from onephase.settings import Settings

AROUND_TRAINING_S = 25.0
"""Around the epochs of a network: descriptors, export, bundle, answers (docs/log.md)."""
RIVAL_S = 8.0
"""A contestant that is no network, as measured there for hundreds of cases."""
RADIOMICS_A_CASE_S = 1.6
"""Measuring the radiomics features of a case (docs/log.md); they are kept, and fitted as any other."""


def seconds_a_case(settings: Settings) -> float:
    """Return how long a training step takes a case, on noise, as a worker trains: on one core, or alone on the GPU.

    Raises:
        TrainingError: If this is one process of several under ``torchrun``.
    """
    from onephase.learning.device import refuse_several  # torch is half the time of a dry run, and only needed here
    from onephase.learning.rehearsal import seconds_a_step

    refuse_several("a benchmark")
    with threadpool_limits(1):
        return seconds_a_step(settings) / settings.learning.batch_size


@dataclass(frozen=True, slots=True)
class Duration:
    """How long some runs will take.

    Attributes:
        least_s: Seconds, where no epoch is better than the start and training soon stops.
        most_s: Seconds, where every training goes to its last epoch.
    """

    least_s: float
    most_s: float


def estimate(plan: Plan, runs: Sequence[Run], settings: Settings, *, workers: int) -> Duration:
    """Return how long some runs of a plan will take.

    Args:
        plan: The whole plan.
        runs: Those that are still to be done.
        settings: Of the network in full; the other forms cost no more.
        workers: Number of processes.
    """
    networks = [run for run in runs if run.changes is not None]
    an_epoch = 0.0
    if networks:
        trained = {part.name: part.count("train") for part in plan.parts}
        an_epoch = seconds_a_case(settings) * sum(trained[run.part] for run in networks)
    measured = len(plan.parts[0].split_of) if any(run.contestant in RADIOMICS for run in runs) else 0
    around = AROUND_TRAINING_S * len(networks) + RIVAL_S * (len(runs) - len(networks)) + RADIOMICS_A_CASE_S * measured
    least = min(settings.learning.patience, settings.learning.epochs)
    return Duration(*((around + epochs * an_epoch) / workers for epochs in (least, settings.learning.epochs)))
