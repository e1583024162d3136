import numpy as np
import pytest

from onephase.biomarkers.fitting import maximise
from onephase.errors import TrainingError


def test_a_normal_likelihood_meets_its_prior_in_closed_form():
    data, noise = np.array([2.0, 3.0, 4.0]), 0.5

    def log_likelihood(parameters):
        residual = data - parameters[0]
        return float(-(residual**2).sum() / (2 * noise**2)), np.array([residual.sum() / noise**2])

    found = maximise(log_likelihood, centre=np.array([1.0]), spread=np.array([2.0]))
    weight, prior_weight = 3 / noise**2, 1 / 2.0**2
    assert found[0] == pytest.approx((weight * 3.0 + prior_weight * 1.0) / (weight + prior_weight), rel=1e-6)


def test_a_search_that_does_not_arrive_is_an_error():
    def misleading(parameters):
        return 0.0, np.full_like(parameters, 50.0)

    with pytest.raises(TrainingError, match="did not arrive: a slope of"):
        maximise(misleading, centre=np.zeros(2), spread=np.ones(2))
