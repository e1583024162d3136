"""From a bundle and a cohort to explanations that were tested."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64

import onephase
from onephase.cohort.case_of import case_of
from onephase.cohort.records import Record
from onephase.errors import CohortError, ImageError
from onephase.evaluation.explanations.agreement import RegionTruth, agreement_with
from onephase.evaluation.explanations.checked import ByTask, CheckedExplanation, CheckedExplanations
from onephase.evaluation.explanations.looking import (
    PROFILE_EDGES_MM,
    REGIONS,
    ByRegion,
    Explanations,
    explained,
    scenes_of,
)
from onephase.evaluation.explanations.region_truth import TASKS, information_lost
from onephase.evaluation.explanations.sanity import randomised, sanity_of
from onephase.imaging.patch import Patch
from onephase.imaging.preprocessing import prepare_patch
from onephase.inference.bundle import Bundle
from onephase.progress import Progress, silent
from onephase.statistics.bootstrap import RESAMPLES, Counts, Resamples, bootstrap, mean_of, ratio
from onephase.statistics.estimate import Estimate

FEWEST_CASES = 2
PERMUTATIONS = 8
"""Networks with random weights, enough that one of them cannot decide (our choice)."""


def check_explanations(  # noqa: PLR0913 - each is a choice of whoever asks
    bundle: Bundle,
    folder: Path,
    records: Sequence[Record],
    *,
    shuffled: Bundle | None = None,
    seed: int = 1,
    resamples: int = RESAMPLES,
    progress: Progress = silent,
) -> CheckedExplanations:
    """Explain the answers for some cases in every way, and test each of them.

    Args:
        bundle: What answers.
        folder: Where it stands.
        records: The cases, none of which it has learned from, one lesion a patient.
        shuffled: The same trained on shuffled labels; that check is left out without it.
        seed: Of every draw.
        resamples: Bootstrap resamples.
        progress: Told of each step.

    Raises:
        CohortError: If fewer than two cases can be read.
        ImageError: If a patch shows nothing beyond the shell.
    """
    steps = 3 + PERMUTATIONS
    progress("explanations", 0, steps)
    patches, read, problems = _patches(bundle, records)
    scenes = scenes_of(patches, bundle.settings.regions, rng=np.random.default_rng([seed, 0]))
    progress("explanations", 1, steps)
    own = explained(bundle, scenes)
    progress("explanations", 2, steps)
    unlearned = []
    for draw in range(PERMUTATIONS):
        unlearned.append(explained(randomised(bundle, folder, rng=np.random.default_rng([seed, 1, draw])), scenes))
        progress("explanations", 3 + draw, steps)
    misled = None if shuffled is None else explained(shuffled, scenes)
    drawn = Resamples.draw([one.identity for one in read], np.random.default_rng(seed), resamples=resamples)
    simulated = sum(record.provenance == "simulated" for record in read)
    truth = RegionTruth.of(information_lost(seed=seed), resamples=resamples) if simulated == len(read) else None
    progress("explanations", steps, steps)
    return CheckedExplanations(
        bundle=bundle.identity,
        cases=len(read),
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


def _patches(bundle: Bundle, records: Sequence[Record]) -> tuple[list[Patch], list[Record], tuple[str, ...]]:
    """Prepare the cases; one that cannot be read is a problem and stops no other."""
    settings, patches, read, problems = bundle.settings, [], [], []
    for record in records:
        try:
            patches.append(prepare_patch(case_of(record), imaging=settings.imaging, regions=settings.regions))
        except ImageError as fault:
            problems.append(str(fault))
        else:
            read.append(record)
    if len(read) < FEWEST_CASES:
        message = f"explanations are tested on at least {FEWEST_CASES} patients, {len(read)} can be read: name more"
        raise CohortError(message)
    return patches, read, tuple(problems)


def _tested(
    name: str,
    values: ByRegion,
    unlearned: Sequence[Explanations],
    misled: Explanations | None,
    *,
    truth: RegionTruth | None,
    drawn: Resamples,
) -> CheckedExplanation:
    others = [one.kinds()[name] for one in unlearned]
    return CheckedExplanation(
        figures={
            task: {region: bootstrap(mean_of(values[:, row, column]), drawn) for column, region in enumerate(REGIONS)}
            for row, task in enumerate(TASKS)
        },
        sanity=sanity_of(values, others, None if misled is None else misled.kinds()[name], resamples=drawn),
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
