"""From a bundle and a cohort to explanations that were tested."""

import itertools
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

import onephase
from onephase.arrays import Float64
from onephase.cohort.records import Record
from onephase.errors import CohortError
from onephase.evaluation.explanations.agreement import RegionTruth, agreement_with
from onephase.evaluation.explanations.checked import ByTask, CheckedExplanation, CheckedExplanations
from onephase.evaluation.explanations.explaining import (
    MISLED,
    OWN,
    UNLEARNED,
    Explained,
    Explaining,
    SealedBundle,
    explain_cases,
)
from onephase.evaluation.explanations.looking import PROFILE_EDGES_MM, REGIONS, ByRegion, Explanations
from onephase.evaluation.explanations.region_truth import TASKS, information_lost
from onephase.evaluation.explanations.sanity import sanity_of
from onephase.progress import Progress, silent
from onephase.statistics.bootstrap import RESAMPLES, Counts, Resamples, bootstrap, mean_of, ratio
from onephase.statistics.estimate import Estimate
from onephase.work.workers import Workers

FEWEST_CASES = 2
PERMUTATIONS = 8
"""Networks with random weights, enough that one of them cannot decide (our choice)."""


def check_explanations(  # noqa: PLR0913 - each is a choice of whoever asks
    bundle: SealedBundle,
    records: Sequence[Record],
    *,
    out: Path,
    shuffled: SealedBundle | None = None,
    tasks: Collection[str] = TASKS,
    seed: int = 1,
    resamples: int = RESAMPLES,
    workers: Workers = 1,
    progress: Progress = silent,
) -> CheckedExplanations:
    """Explain the answers for some cases in every way, and test each of them.

    Args:
        bundle: What answers.
        records: The cases, none of which it has learned from, one lesion a patient.
        out: Folder for one small file a case, by which a broken run goes on.
        shuffled: The same trained on shuffled labels; that check is left out without it.
        tasks: Which the bundle has learned; only of these can an explanation find where the truth lies.
        seed: Of every draw.
        resamples: Bootstrap resamples.
        workers: Who works.
        progress: Told after each case.

    Raises:
        CohortError: If fewer than two cases can be explained.
        WorkerError: If a worker was killed.
        BundleError: If a bundle is broken.
        StorageError: If a file cannot be written.
    """
    explaining = Explaining(bundle, shuffled, out, PERMUTATIONS, seed)
    every = explain_cases(explaining, records, workers=workers, progress=progress)
    told, problems = [one for one in every if not one.problem], tuple(one.problem for one in every if one.problem)
    if len(told) < FEWEST_CASES:
        message = (
            f"explanations are tested on at least {FEWEST_CASES} patients, {len(told)} of {len(every)} can be "
            f"explained ({problems[0]}): name more"
        )
        raise CohortError(message)
    (own,), unlearned, misled = (_stacked(told, name) for name in (OWN, UNLEARNED, MISLED))
    patients = [one.record.identity for one in told]
    drawn = Resamples.draw(patients, np.random.default_rng(seed), resamples=resamples)
    simulated = sum(one.record.provenance == "simulated" for one in told)
    truth = (
        RegionTruth.of(information_lost(seed=seed), resamples=resamples).about(tasks)
        if simulated == len(told)
        else None
    )
    return CheckedExplanations(
        bundle=bundle.identity,
        cases=len(told),
        simulated=simulated,
        problems=problems,
        kinds={
            name: _tested(name, values, unlearned, misled, truth=truth, drawn=drawn)
            for name, values in own.kinds().items()
            if not np.isnan(values).any()
        },
        transfer=_transfer(own, drawn),
        profile=_profile(own.profile, drawn),
        truth=truth,
        facts={"onephase": onephase.__version__, "seed": seed, "permutations": PERMUTATIONS, "resamples": resamples},
    )


def _stacked(told: Sequence[Explained], name: str) -> list[Explanations]:
    """Return the explanations of all cases, network by network."""
    return [Explanations.stack(some) for some in zip(*(one.networks[name] for one in told), strict=True)]


def _tested(
    name: str,
    values: ByRegion,
    unlearned: Sequence[Explanations],
    misled: Sequence[Explanations],
    *,
    truth: RegionTruth | None,
    drawn: Resamples,
) -> CheckedExplanation:
    others, shuffled = ([one.kinds()[name] for one in some] for some in (unlearned, misled))
    return CheckedExplanation(
        figures={
            task: {region: bootstrap(mean_of(values[:, row, column]), drawn) for column, region in enumerate(REGIONS)}
            for row, task in enumerate(TASKS)
        },
        sanity=sanity_of(values, others, shuffled[0] if shuffled else None, resamples=drawn),
        agreement=None if truth is None else agreement_with(truth, values, drawn),
    )


def _transfer(own: Explanations, drawn: Resamples) -> ByTask:
    """Return the slope of what a swap adds on what would have to be added, through the origin."""

    def slope(row: int, column: int) -> Estimate:
        moved, wanted = own.moved[:, row, column], own.wanted[:, row]

        def statistic(counts: Counts) -> Float64[np.ndarray, " resample"]:
            return ratio(counts @ (moved * wanted), counts @ wanted**2)

        if not wanted.any():
            return Estimate.absent("all lesions have one potential", n=len(wanted), level=drawn.level)
        return bootstrap(statistic, drawn)

    return {
        task: {region: slope(row, column) for column, region in enumerate(REGIONS)} for row, task in enumerate(TASKS)
    }


def _profile(profile: Float64[np.ndarray, "case depth"], drawn: Resamples) -> tuple[tuple[float, Estimate], ...]:
    points = []
    for column, (start, stop) in enumerate(itertools.pairwise(PROFILE_EDGES_MM)):
        rows = np.flatnonzero(~np.isnan(profile[:, column]))
        if len(rows):
            points.append(((start + stop) / 2, bootstrap(mean_of(profile[rows, column]), drawn.take(rows))))
    return tuple(points)
