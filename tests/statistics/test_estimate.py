import json

import pytest

from onephase.statistics.estimate import Comparison, Estimate


def test_refuses_nan_half_an_interval_and_silent_absence() -> None:
    with pytest.raises(ValueError, match="finite numbers or none"):
        Estimate(float("nan"), 0.1, 0.2, n=3)
    with pytest.raises(ValueError, match="both ends"):
        Estimate(0.5, 0.1, None, n=3)
    with pytest.raises(ValueError, match="reason exactly when"):
        Estimate(None, None, None, n=3)
    with pytest.raises(ValueError, match="reason exactly when"):
        Estimate(0.5, 0.1, 0.9, n=3, reason="none needed")
    with pytest.raises(ValueError, match="inverted"):
        Estimate(0.5, 0.9, 0.1, n=3)


def test_json_there_and_back() -> None:
    estimates = [Estimate(0.5, 0.25, 0.75, n=8, events=3), Estimate.absent("there is no case", n=0)]
    for estimate in estimates:
        assert Estimate.from_json(json.loads(json.dumps(estimate.to_json(), allow_nan=False))) == estimate
    comparison = Comparison(estimates[0], 0.04, "a test")
    assert Comparison.from_json(json.loads(json.dumps(comparison.to_json()))) == comparison


def test_excludes_needs_an_interval() -> None:
    assert Estimate(0.5, 0.25, 0.75, n=8).excludes(0.2)
    assert not Estimate(0.5, 0.25, 0.75, n=8).excludes(0.25)
    assert not Estimate(0.5, None, None, n=1, reason="one patient").excludes(0.0)


def test_sentence_of_a_value_without_interval() -> None:
    estimate = Estimate(2.0, None, None, n=1, reason="there are fewer than two patients")
    sentence = "The error is 2.0, without an interval: there are fewer than two patients (1 case)."
    assert estimate.sentence("The error", digits=1) == sentence
    assert estimate.text(digits=1) == "2.0"
