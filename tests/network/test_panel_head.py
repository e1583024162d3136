import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.biomarkers.posterior import PanelPosterior  # noqa: E402
from onephase.biomarkers.potentials import Potentials  # noqa: E402
from onephase.network.panel_head import LOG_SIGMA_RANGE, PanelHead  # noqa: E402

pytestmark = pytest.mark.torch

TASKS = ("er", "pr", "her2", "ki67")


def _prior():
    return Potentials(
        np.array([[0.7, 0.2, -1.1]]),
        np.array([-1.3]),
        np.array([0.9]),
        np.array([0.8, -0.1, 0.05]),
        np.array([-0.3, -0.1, 0.2]),
    )


def test_each_branch_moves_its_own_potential():
    head = PanelHead(5, TASKS, couplings=True, dropout=0.0)
    for last in (head.branches[task][-1] for task in TASKS):
        torch.nn.init.normal_(last.weight)
    told = torch.randn(3, 4, 5)
    before = head(told)
    for place in range(3):
        changed = told.clone()
        changed[:, place] += 1
        moved = head(changed)
        assert ((moved.unary != before.unary).all(0) == (torch.arange(3) == place)).all()
        assert torch.equal(moved.ki67_mu, before.ki67_mu)
    changed = told.clone()
    changed[:, 3] += 1
    moved = head(changed)
    assert torch.equal(moved.unary, before.unary)
    assert not torch.equal(moved.ki67_mu, before.ki67_mu)


def test_a_task_left_out_has_a_constant():
    head = PanelHead(5, ("pr", "er"), couplings=True, dropout=0.0)
    torch.nn.init.normal_(head.branches["er"][-1].weight)
    torch.nn.init.normal_(head.branches["pr"][-1].weight)
    potentials = head(torch.randn(6, 2, 5))
    assert (potentials.unary[:, :2].std(0) > 0).all()
    for constant in (potentials.unary[:, 2], potentials.ki67_mu, potentials.ki67_log_sigma):
        assert (constant == constant[0]).all()
    potentials.ki67_mu.sum().backward()
    assert head.ki67_mu.grad == 6


@pytest.mark.parametrize(("tasks", "couplings"), [(TASKS, False), (("er",), True), (("ki67",), True)])
def test_couplings_are_zero_and_frozen_where_they_are_off(tasks, couplings):
    head = PanelHead(5, tasks, couplings=couplings, dropout=0.0)
    head.start_from(_prior())
    for parameter in (head.coupling, head.shift):
        assert (parameter == 0).all()
        assert not parameter.requires_grad


def test_training_starts_at_the_prior():
    head = PanelHead(5, TASKS, couplings=True, dropout=0.0)
    head.start_from(_prior())
    np.testing.assert_allclose(head.unary.detach().numpy(), _prior().unary[0], rtol=1e-6)
    np.testing.assert_allclose(head.ki67_log_sigma.detach().exp().numpy(), 0.9, rtol=1e-6)
    np.testing.assert_allclose(head.coupling.detach().numpy(), _prior().coupling, rtol=1e-6)


def test_without_couplings_training_starts_at_the_margins_of_the_prior():
    head = PanelHead(5, TASKS, couplings=False, dropout=0.0)
    head.start_from(_prior())
    posterior = PanelPosterior.from_potentials(_prior())
    np.testing.assert_allclose(torch.sigmoid(head.unary).detach().numpy(), posterior.marginals()[0], rtol=1e-6)
    rng = np.random.default_rng(0)
    _, fraction = posterior.sample(rng, 200_000)
    logits = np.log(fraction / (1 - fraction))
    assert abs(head.ki67_mu.item() - logits.mean()) < 0.01
    assert abs(head.ki67_log_sigma.exp().item() - logits.std()) < 0.01


def test_sigma_stays_within_its_range():
    head = PanelHead(5, TASKS, couplings=True, dropout=0.0)
    torch.nn.init.normal_(head.branches["ki67"][-1].weight, std=100)
    log_sigma = head(torch.randn(50, 4, 5)).ki67_log_sigma
    assert log_sigma.min() >= LOG_SIGMA_RANGE[0]
    assert log_sigma.max() <= LOG_SIGMA_RANGE[1]
