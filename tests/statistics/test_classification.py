import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, roc_auc_score

from onephase.statistics.bootstrap import Resamples
from onephase.statistics.classification import confusion, one_versus_rest


def _cases(n: int = 120) -> tuple[np.ndarray, np.ndarray, Resamples]:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 4, size=n)
    logits = rng.normal(size=(n, 4)) + np.eye(4)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probabilities, truth, Resamples.draw([str(case) for case in range(n)], rng, resamples=400)


def test_agrees_with_scikit_learn() -> None:
    probabilities, truth, resamples = _cases()
    result = one_versus_rest(probabilities, truth, resamples=resamples)
    assert result.macro.value == pytest.approx(roc_auc_score(truth, probabilities, multi_class="ovr"))
    assert result.macro.low < result.macro.value < result.macro.high
    answer = probabilities.argmax(axis=1)
    assert (confusion(truth, answer, classes=4) == confusion_matrix(truth, answer)).all()


def test_a_class_without_cases_is_left_out_of_the_mean() -> None:
    probabilities, truth, resamples = _cases()
    truth = np.where(truth == 3, 0, truth)
    result = one_versus_rest(probabilities, truth, resamples=resamples)
    assert result.per_class[3].reason == "no case is positive"
    assert result.macro.value == pytest.approx(np.mean([one.value for one in result.per_class[:3]]))


def test_one_class_only_is_absent_with_a_reason() -> None:
    probabilities, truth, resamples = _cases()
    result = one_versus_rest(probabilities, np.full_like(truth, 2), resamples=resamples)
    assert result.macro.reason == "every case is of one class"
    nothing = resamples.take(np.zeros(0, dtype=int))
    assert one_versus_rest(probabilities[:0], truth[:0], resamples=nothing).macro.reason == "there is no case"
