import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.biomarkers.gradient import event_gradient  # noqa: E402
from onephase.biomarkers.panel import CELLS, Events  # noqa: E402
from onephase.biomarkers.posterior import PanelPosterior  # noqa: E402
from onephase.biomarkers.potentials import Potentials  # noqa: E402
from onephase.learning.likelihood import panel_log_probability  # noqa: E402

pytestmark = pytest.mark.torch

NAMES = ("unary", "ki67_mu", "ki67_sigma", "coupling", "shift")
PLAIN = Potentials(
    np.array([[0.7, 0.2, -1.1]]),
    np.array([-1.3]),
    np.array([0.9]),
    np.array([0.8, -0.1, 0.05]),
    np.array([-0.3, -0.1, 0.2]),
)


def _events(cells, ki67):
    return Events(np.array([cells], dtype=bool), np.array([ki67], dtype=np.float64), np.array([-1], dtype=np.int8))


def _in_torch(potentials, events):
    """Return the log probability and, by name, the gradient of each parameter."""
    parameters = {name: torch.tensor(getattr(potentials, name), requires_grad=True) for name in NAMES}
    value = panel_log_probability(**parameters, cells=torch.tensor(events.cells), ki67=torch.tensor(events.ki67))
    value.sum().backward()
    return value.detach().numpy(), {name: parameter.grad.numpy() for name, parameter in parameters.items()}


def _number(size):
    return st.floats(-size, size, allow_subnormal=False)


potentials = st.builds(
    lambda unary, mu, log_sigma, coupling, shift: Potentials(
        np.array([unary]), np.array([mu]), np.exp([log_sigma]), np.array(coupling), np.array(shift)
    ),
    st.tuples(*[_number(500)] * 3),
    _number(500),
    st.floats(np.log(1e-3), np.log(1e3)),
    st.tuples(*[_number(20)] * 3),
    st.tuples(*[_number(20)] * 3),
)
events = st.builds(
    lambda cells, start, width: _events(cells, (start / 1000, min(1, (start + width) / 1000))),
    st.lists(st.booleans(), min_size=8, max_size=8).filter(any),
    st.integers(0, 999),
    st.integers(1, 1000),
)


@given(potentials, events)
def test_the_numbers_are_those_of_numpy(parameters, event):
    """Extreme parameters included: means of +-500, deviations of 0.001 to 1000."""
    value, gradients = _in_torch(parameters, event)
    np.testing.assert_allclose(
        value, PanelPosterior.from_potentials(parameters).log_probability(event), rtol=1e-9, atol=1e-11
    )
    assert value <= 0
    assert all(np.isfinite(gradient).all() for gradient in gradients.values())


@given(potentials, events)
def test_the_gradients_are_those_of_the_closed_form(parameters, event):
    _, gradients = _in_torch(parameters, event)
    closed = event_gradient(parameters, event)
    scale = 1 + np.abs(closed.ki67_mu) + np.abs(closed.log_ki67_sigma / parameters.ki67_sigma)
    for name in ("unary", "ki67_mu", "coupling", "shift"):
        np.testing.assert_allclose(
            gradients[name], getattr(closed, name).reshape(gradients[name].shape), rtol=1e-5, atol=1e-6 * scale[0]
        )


@pytest.mark.parametrize("mu", [-500.0, 0.0, 500.0])
@pytest.mark.parametrize("sigma", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("ki67", [(0, 1), (0, 0.001), (0.999, 1), (0.5, 1), (0, 0.14), (0.18, 0.19), (0.18, 0.1801)])
def test_extreme_corners(mu, sigma, ki67):
    parameters = Potentials(
        np.array([[500.0, -500.0, 500.0]]), np.array([mu]), np.array([sigma]), np.full(3, 5.0), np.full(3, -5.0)
    )
    event = _events([True, False, True, True, False, True, True, False], ki67)
    value, gradients = _in_torch(parameters, event)
    np.testing.assert_allclose(value, PanelPosterior.from_potentials(parameters).log_probability(event), rtol=1e-9)
    assert all(np.isfinite(gradient).all() for gradient in gradients.values())


@given(potentials)
def test_what_is_not_known_costs_exactly_nothing(parameters):
    value, gradients = _in_torch(parameters, Events.unknown(1))
    assert value == 0
    assert all((gradient == 0).all() for gradient in gradients.values())


def test_a_missing_biomarker_gives_its_potential_no_gradient():
    only_her2 = _events(CELLS[:, 2], (0, 1))
    gradients = _in_torch(
        Potentials(PLAIN.unary, PLAIN.ki67_mu, PLAIN.ki67_sigma, np.zeros(3), np.zeros(3)), only_her2
    )[1]
    np.testing.assert_allclose(gradients["unary"][0, :2], 0, atol=1e-16)
    assert gradients["unary"][0, 2] > 0
    for name in ("ki67_mu", "ki67_sigma", "shift"):
        assert (gradients[name] == 0).all()


def test_hr_positive_pulls_er_and_pr_without_naming_either():
    gradient = _in_torch(PLAIN, _events(CELLS[:, 0] | CELLS[:, 1], (0, 1)))[1]["unary"][0]
    assert gradient[0] > 0
    assert gradient[1] > 0


def test_a_wider_event_is_never_less_probable():
    narrow, wide = _events(CELLS[:, 0] & CELLS[:, 1], (0.1, 0.2)), _events(CELLS[:, 0], (0.05, 0.4))
    assert _in_torch(PLAIN, narrow)[0] < _in_torch(PLAIN, wide)[0]


def test_single_precision_from_the_network_is_taken_up_in_double():
    parameters = {name: torch.tensor(getattr(PLAIN, name), dtype=torch.float32) for name in NAMES}
    event = _events(CELLS[:, 0], (0.18, 0.19))
    value = panel_log_probability(**parameters, cells=torch.tensor(event.cells), ki67=torch.tensor(event.ki67))
    assert value.dtype == torch.float64
    np.testing.assert_allclose(value.numpy(), PanelPosterior.from_potentials(PLAIN).log_probability(event), rtol=1e-6)
