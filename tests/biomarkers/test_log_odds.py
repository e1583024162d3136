import numpy as np
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from onephase.biomarkers.log_odds import expit, logit


@given(share=st.floats(0, 1), log_odds=st.floats(-1e3, 1e3))
def test_there_and_back_as_scipy_goes(share: float, log_odds: float):
    np.testing.assert_allclose(logit(np.array([share])), scipy.special.logit(share), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(expit(np.array([log_odds])), scipy.special.expit(log_odds), rtol=1e-12, atol=1e-300)


def test_what_is_certain_has_infinite_odds_and_no_warning():
    assert logit(np.array([0.0, 0.5, 1.0])).tolist() == [-np.inf, 0.0, np.inf]
    assert expit(np.array([-np.inf, 0.0, np.inf])).tolist() == [0.0, 0.5, 1.0]
