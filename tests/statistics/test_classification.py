import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn.metrics import confusion_matrix, roc_auc_score

from onephase.statistics.bootstrap import Resampled, Resamples, compare
from onephase.statistics.classification import confusion, macro_auc_statistic, one_versus_rest


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


def test_in_a_resample_too_it_agrees_with_scikit_learn() -> None:
    """A patient who was drawn twice counts as two rows."""
    probabilities, truth, resamples = _cases()
    drawn = Resampled.of(macro_auc_statistic(probabilities, truth), resamples).drawn
    for counts, found in zip(resamples.counts[:20], drawn, strict=False):
        rows = np.repeat(np.arange(len(truth)), counts)
        assert found == pytest.approx(roc_auc_score(truth[rows], probabilities[rows], multi_class="ovr"))


def test_a_paired_difference_agrees_with_the_bootstrap_of_scipy() -> None:
    probabilities, truth, _ = _cases()
    duller = 0.5 * probabilities + 0.5 * np.random.default_rng(5).dirichlet(np.ones(4), size=len(truth))

    def difference(rows: np.ndarray) -> float:
        first, second = (roc_auc_score(truth[rows], told[rows], multi_class="ovr") for told in (probabilities, duller))
        return float(first - second)

    theirs = bootstrap(
        (np.arange(len(truth)),),
        difference,
        vectorized=False,
        n_resamples=1500,
        method="percentile",
        rng=np.random.default_rng(6),
    ).confidence_interval
    resamples = Resamples.draw([str(case) for case in range(len(truth))], np.random.default_rng(7), resamples=1500)
    ours = compare(
        *(Resampled.of(macro_auc_statistic(told, truth), resamples) for told in (probabilities, duller))
    ).difference
    assert ours.value == pytest.approx(difference(np.arange(len(truth))))
    wide = theirs.high - theirs.low  # ours are expanded for 120 patients, by a hundredth
    assert [ours.low, ours.high] == pytest.approx([theirs.low, theirs.high], abs=0.06 * wide)


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
