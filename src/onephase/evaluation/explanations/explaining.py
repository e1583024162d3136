"""Every network's explanations of every case: one small file a case, so that nothing is done twice."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

import onephase
from onephase.cohort.cutting import CutPatch, cut_patch
from onephase.cohort.records import Record, sources_of
from onephase.cohort.source_key import source_key
from onephase.errors import ImageError
from onephase.evaluation.case_files import stored, stream_of
from onephase.evaluation.explanations.looking import Explanations, explained, scenes_of
from onephase.evaluation.explanations.sanity import randomised
from onephase.imaging.patch import Patch
from onephase.inference.bundle import Bundle
from onephase.inference.cohort_prediction import folder_name
from onephase.inference.opened_bundle import opened_bundle
from onephase.progress import Progress, silent
from onephase.settings import Settings
from onephase.storage import write_faults
from onephase.work.workers import Workers, all_in_order

ANSWERS = "explained"
OWN, UNLEARNED, MISLED = "own", "random weights", "shuffled labels"
DONORS = 4
"""Others of whom one can be read, or a case has nobody to exchange with (our choice)."""


@dataclass(frozen=True, slots=True)
class SealedBundle:
    """A bundle that workers open.

    Attributes:
        folder: Where it stands.
        identity: Its seal.
    """

    folder: Path
    identity: str


@dataclass(frozen=True, slots=True)
class Explaining:
    """What all cases share; small, for it travels to every worker.

    Attributes:
        bundle: Whose answers are explained.
        misled: The same trained on shuffled labels, or None.
        out: Folder of the explanations.
        permutations: Networks with random weights.
        seed: Decides every draw.
    """

    bundle: SealedBundle
    misled: SealedBundle | None
    out: Path
    permutations: int
    seed: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A case, and those that may give it tissue: the first of them that can be read does."""

    record: Record
    donors: tuple[Record, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """What became of one case.

    Attributes:
        record: The case.
        networks: Explanations of one case: of the network (:data:`OWN`), of those with random weights
            (:data:`UNLEARNED`), of that taught by shuffled labels (:data:`MISLED`; empty where there is none).
        problem: Why it has none, in one sentence; empty when it has.
    """

    record: Record
    networks: dict[str, list[Explanations]]
    problem: str = ""


def explain_cases(
    explaining: Explaining, records: Sequence[Record], *, workers: Workers = 1, progress: Progress = silent
) -> list[Explained]:
    """Explain every case with every network; what an earlier run has explained is read.

    Args:
        explaining: What is asked of every case.
        records: The cases.
        workers: Who works.
        progress: Told after each case.

    Raises:
        WorkerError: If a worker was killed; started again, the work goes on where it stopped.
        StorageError: If a file cannot be written.
        BundleError: If a bundle is broken, or not the one that was asked for.
    """
    with write_faults(explaining.out):
        explaining.out.mkdir(parents=True, exist_ok=True)  # now, so that a cluster is asked whether it sees the folder
    bundles = [one.folder for one in (explaining.bundle, explaining.misled) if one]
    turns, sees = turns_of(records, seed=explaining.seed), (*bundles, explaining.out, *sources_of(records))
    return all_in_order(
        partial(explain_case, explaining), turns, task="cases", workers=workers, sees=sees, progress=progress
    )


def turns_of(records: Sequence[Record], *, seed: int) -> list[Turn]:
    """Return each case with those before it in a ring of all, which the seed draws: so nobody gives to herself."""
    order = np.random.default_rng([seed, 0]).permutation(len(records))
    ring, place = [records[row] for row in order], np.argsort(order)
    steps = range(1, min(DONORS + 1, len(ring)))
    return [Turn(record, tuple(ring[own - step] for step in steps)) for record, own in zip(records, place, strict=True)]


def explain_case(explaining: Explaining, turn: Turn) -> Explained:
    """Explain one case with every network, unless its file holds these very explanations; what a worker does."""
    case_id = turn.record.case_id
    path = explaining.out / ANSWERS / f"{folder_name(case_id)}.json"
    try:
        told = stored(path, _depends_on(explaining, turn), partial(_answered, explaining, turn))
    except ImageError as fault:
        named = str(fault).startswith(f"case {case_id}")
        return Explained(turn.record, {}, problem=str(fault) if named else f"case {case_id}: {fault}")
    networks = told["networks"].items()
    return Explained(turn.record, {name: [Explanations.from_json(one) for one in some] for name, some in networks})


@lru_cache(maxsize=1)  # a worker of a cluster outlives the command, and need not keep them all
def networks_of(explaining: Explaining) -> dict[str, list[Bundle]]:
    """Return the networks that explain, opened once for all cases."""
    bundle, misled = explaining.bundle, explaining.misled
    own = opened_bundle(bundle.folder, bundle.identity)
    draws = [np.random.default_rng([explaining.seed, 1, draw]) for draw in range(explaining.permutations)]
    return {
        OWN: [own],
        UNLEARNED: [randomised(own, bundle.folder, rng=rng) for rng in draws],
        MISLED: [opened_bundle(misled.folder, misled.identity)] if misled else [],
    }


def _answered(explaining: Explaining, turn: Turn) -> dict[str, Any]:
    networks = networks_of(explaining)
    settings = networks[OWN][0].settings
    rng = stream_of(explaining.seed, turn.record.case_id)
    scenes = scenes_of(_patch(turn.record, settings), _donated(turn, settings), settings.regions, rng=rng)
    return {"networks": {name: [explained(one, scenes).to_json() for one in some] for name, some in networks.items()}}


def _donated(turn: Turn, settings: Settings) -> Patch:
    for record in turn.donors:
        with suppress(ImageError):
            return _patch(record, settings)
    message = f"none of the {len(turn.donors)} others that it could exchange tissue with can be read"
    raise ImageError(message)


def _patch(record: Record, settings: Settings) -> Patch:
    cut = cut_patch(record, settings=settings)
    if isinstance(cut, CutPatch):
        return cut.patch
    raise cut


def _depends_on(explaining: Explaining, turn: Turn) -> tuple[object, ...]:
    """Return everything that the explanations depend on, digests of the bytes of images and masks included."""
    misled = explaining.misled and explaining.misled.identity
    asked = (explaining.bundle.identity, misled, explaining.permutations, explaining.seed, onephase.__version__)
    donors = [_key(record) for record in turn.donors]
    return *asked, turn.record.case_id, source_key(turn.record), donors


def _key(record: Record) -> str:
    """Return what the patch of a donor is made from; nothing where its files cannot be read."""
    with suppress(ImageError):
        return source_key(record)
    return ""
