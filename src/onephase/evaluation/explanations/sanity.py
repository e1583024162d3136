"""When an explanation means nothing: it is even, or it stays what it was once the network has unlearned everything.

The test of randomised weights and labels is that of Adebayo et al. 2018 (arXiv:1810.03292); its criterion here is our
choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from onephase.arrays import Float64
from onephase.evaluation.explanations.looking import ByRegion
from onephase.inference.bundle import Bundle
from onephase.inference.engine import open_engine
from onephase.inference.prediction import EVEN
from onephase.statistics.bootstrap import RESAMPLES, Resamples, bootstrap, mean_of
from onephase.statistics.estimate import Estimate

ALIKE = 0.5
"""Correlation from which on an explanation counts as unchanged."""
SMALL = 1e-9


@dataclass(frozen=True, slots=True)
class SanityCheck:
    """Whether one explanation can mean anything.

    Attributes:
        contrast: How far regions lie from their mean at most, as a share of it; mean over cases and over the tasks of
            which the explanation tells anything.
        random_weights: Correlation over regions with the explanation of networks whose weights were permuted: mean
            over cases and tasks, the interval over permutations. Absent where these tell no region from another, which
            is no likeness.
        shuffled_labels: The same with a network that was trained on shuffled labels, the interval over patients;
            None where none was trained.
    """

    contrast: Estimate
    random_weights: Estimate
    shuffled_labels: Estimate | None

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the explanation means nothing; empty where nothing speaks against it."""
        found = []
        if self.contrast.value is None or self.contrast.value < EVEN:
            found.append("it is even: no region stands out by a tenth")
        for words, other in (("random weights", self.random_weights), ("shuffled labels", self.shuffled_labels)):
            if other is not None and other.value is not None and max(other.value, other.high or -1.0) >= ALIKE:
                found.append(f"{words} give much the same")
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "contrast": self.contrast.to_json(),
            "random_weights": self.random_weights.to_json(),
            "shuffled_labels": self.shuffled_labels and self.shuffled_labels.to_json(),
            "faults": list(self.faults),
        }


def sanity_of(
    values: ByRegion, randomised: Sequence[ByRegion], shuffled: ByRegion | None, *, resamples: Resamples, seed: int = 1
) -> SanityCheck:
    """Check one explanation.

    Args:
        values: Of the network itself.
        randomised: Of networks with permuted weights, for the same cases.
        shuffled: Of a network trained on shuffled labels, for the same cases.
        resamples: Drawn patients.
        seed: Of the bootstrap over permutations.
    """
    draws = np.array([_mean(alike(values, other)) for other in randomised])
    named = [str(draw) for draw in range(len(draws))]
    over_draws = Resamples.draw(named, np.random.default_rng(seed), resamples=RESAMPLES)
    return SanityCheck(
        contrast=_estimate(_contrast(values), resamples),
        random_weights=_estimate(draws, over_draws),
        shuffled_labels=None if shuffled is None else _estimate(alike(values, shuffled), resamples),
    )


def alike(values: ByRegion, other: ByRegion) -> Float64[np.ndarray, " case"]:
    """Return the correlation of two explanations over the regions, case by case, averaged over tasks.

    A task counts where both tell regions apart in the case; a case in which none does is NaN.
    """
    one, two = (each - each.mean(axis=2, keepdims=True) for each in (values, other))
    lengths = np.linalg.norm(one, axis=2) * np.linalg.norm(two, axis=2)  # (case, task)
    told = lengths > SMALL
    correlation = np.divide((one * two).sum(axis=2), lengths, out=np.zeros_like(lengths), where=told)
    counted = told.sum(axis=1)
    never = np.full(len(values), np.nan)
    return np.asarray(np.divide(correlation.sum(axis=1), counted, out=never, where=counted > 0))


def randomised(bundle: Bundle, folder: Path, *, rng: np.random.Generator) -> Bundle:
    """Return the bundle with the weights of its network permuted within each tensor: every size stays, nothing learned.

    Args:
        bundle: A loaded bundle.
        folder: Where it stands, for its ``network.onnx``.
        rng: Source of randomness.

    Raises:
        ModuleNotFoundError: If onnx is not installed; ``onephase[train]`` brings it.
    """
    import onnx

    model = onnx.load_model_from_string((folder / "network.onnx").read_bytes())
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > 1:
            permuted = rng.permutation(values.ravel()).reshape(values.shape)
            tensor.CopyFrom(onnx.numpy_helper.from_array(permuted, tensor.name))
    engine = open_engine(model.SerializeToString(), source="the permuted network", threads=1)
    return replace(bundle, engine=engine)


def _contrast(values: ByRegion) -> Float64[np.ndarray, " case"]:
    mean = values.mean(axis=2)  # (case, task)
    told = mean > 0  # of a task that the network has not learned every region is 0
    farthest = np.abs(values - mean[:, :, None]).max(axis=2) / np.where(told, mean, 1)
    never = np.full(len(values), np.nan)
    return np.asarray(np.divide((farthest * told).sum(axis=1), told.sum(axis=1), out=never, where=told.any(axis=1)))


def _mean(values: Float64[np.ndarray, " case"]) -> float:
    told = values[~np.isnan(values)]
    return float(told.mean()) if len(told) else np.nan


def _estimate(values: Float64[np.ndarray, " each"], resamples: Resamples) -> Estimate:
    rows = np.flatnonzero(~np.isnan(values))
    if len(rows) == 0:
        return Estimate.absent("regions are never told apart", n=0, level=resamples.level)
    return bootstrap(mean_of(values[rows]), resamples.take(rows))
