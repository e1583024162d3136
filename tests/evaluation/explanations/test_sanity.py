from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from onephase.evaluation.explanations import sanity
from onephase.evaluation.explanations.sanity import alike, randomised, sanity_of
from onephase.inference.bundle import Bundle
from onephase.settings import Settings
from onephase.statistics.bootstrap import Resamples

CASES = 30
PATTERN = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [2.0, 3.0, 1.0], [2.0, 1.0, 3.0]])


@pytest.fixture(scope="module")
def drawn() -> Resamples:
    return Resamples.draw([str(row) for row in range(CASES)], np.random.default_rng(2), resamples=200)


def _noisy(means: np.ndarray, seed: int) -> np.ndarray:
    return means + np.random.default_rng(seed).normal(0, 0.1, size=(CASES, 4, 3))


def test_alike_is_the_correlation_over_regions() -> None:
    one, other = _noisy(PATTERN, 1), _noisy(PATTERN, 2)
    expected = [np.mean([np.corrcoef(one[c, t], other[c, t])[0, 1] for t in range(4)]) for c in range(CASES)]
    np.testing.assert_allclose(alike(one, other), expected)
    assert np.isnan(alike(one, np.ones_like(one))).all()


def test_what_depends_on_learning_holds(drawn: Resamples) -> None:
    others = [_noisy(np.random.default_rng(seed).permuted(PATTERN, axis=1), seed) for seed in range(40)]
    check = sanity_of(_noisy(PATTERN, 1), others, _noisy(-PATTERN + 4, 2), resamples=drawn)
    assert check.faults == ()
    assert check.shuffled_labels is not None
    assert check.shuffled_labels.value == pytest.approx(-1, abs=0.05)


def test_what_stays_without_learning_means_nothing(drawn: Resamples) -> None:
    same = [_noisy(PATTERN, seed) for seed in range(3, 9)]
    faults = sanity_of(_noisy(PATTERN, 1), same, _noisy(PATTERN, 2), resamples=drawn).faults
    assert faults == ("random weights give much the same", "shuffled labels give much the same")


def test_what_is_even_means_nothing(drawn: Resamples) -> None:
    even = 1 + 0.01 * _noisy(PATTERN, 1)
    others = [_noisy(np.random.default_rng(seed).permuted(PATTERN, axis=1), seed) for seed in range(40)]
    assert sanity_of(even, others, None, resamples=drawn).faults == ("it is even: no region stands out by a tenth",)


def test_what_is_told_of_one_task_is_not_even_for_want_of_the_others(drawn: Resamples) -> None:
    of_er, nothing = _noisy(PATTERN, 1), np.zeros((CASES, 4, 3))
    of_er[:, 1:] = 0.0
    others = [_noisy(np.random.default_rng(seed).permuted(PATTERN, axis=1), seed) for seed in range(40)]
    assert sanity_of(of_er, others, None, resamples=drawn).contrast.value == pytest.approx(0.5, abs=0.1)
    assert sanity_of(nothing, others, None, resamples=drawn).faults == ("it is even: no region stands out by a tenth",)


def test_what_tells_no_region_from_another_is_no_likeness(drawn: Resamples) -> None:
    check = sanity_of(_noisy(PATTERN, 1), [np.ones((CASES, 4, 3))] * 3, np.ones((CASES, 4, 3)), resamples=drawn)
    assert check.faults == ()
    assert check.random_weights.value is None
    assert check.random_weights.reason == "regions are never told apart"


def test_permuted_weights_keep_their_size_and_lose_their_order(
    toy_bundle: Callable[..., Bundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = np.arange(24, dtype=np.float32).reshape(4, 6)
    tensors = [
        numpy_helper.from_array(weights, "weights"),
        numpy_helper.from_array(np.float32(7), "single"),
        numpy_helper.from_array(np.array([1, 2, 3]), "shape"),
    ]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["weights"], ["out"])],
        "g",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [4, 6])],
        initializer=tensors,
    )
    (tmp_path / "network.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    seen: list[dict[str, np.ndarray]] = []

    def opened(content: bytes, **_: Any) -> object:
        model = onnx.load_model_from_string(content)
        seen.append({one.name: numpy_helper.to_array(one) for one in model.graph.initializer})
        return toy.engine

    toy = toy_bundle(SimpleNamespace(run=list), Settings())
    monkeypatch.setattr(sanity, "open_engine", opened)
    randomised(toy, tmp_path, rng=np.random.default_rng(1))
    found = seen[0]
    assert (found["weights"] != weights).any()
    np.testing.assert_array_equal(np.sort(found["weights"].ravel()), weights.ravel())
    assert found["single"] == 7
    assert found["shape"].tolist() == [1, 2, 3]
