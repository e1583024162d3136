import numpy as np
import pytest
from scipy.stats import sem

from onephase.statistics.bootstrap import Resamples, mean_of
from onephase.statistics.standard_error import mean_and_error


def test_with_one_lesion_a_patient_it_is_the_usual_one():
    values = np.random.default_rng(1).normal(size=37)
    mean, error = mean_and_error(values, [str(case) for case in range(37)])
    assert mean == pytest.approx(values.mean())
    assert error == pytest.approx(sem(values))


def test_with_several_it_is_that_of_patients_drawn_anew():
    rng = np.random.default_rng(2)
    patient = np.repeat(np.arange(120), rng.integers(1, 5, size=120))
    values = rng.normal(size=120)[patient] + 0.3 * rng.normal(size=len(patient))
    names = [f"p{number}" for number in patient]
    _, error = mean_and_error(values, names)
    drawn = mean_of(values)(Resamples.draw(names, rng, resamples=4000).counts.astype(float))
    assert error == pytest.approx(drawn.std(), rel=0.06)
    assert error > 1.4 * sem(values)  # lesions that resemble each other tell less


def test_a_lone_patient_tells_nothing_of_the_error():
    assert mean_and_error(np.array([1.0, 2.0]), ["a", "a"]) == (1.5, None)
