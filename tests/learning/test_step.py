import copy

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.learning.device import open_fabric  # noqa: E402
from onephase.learning.run_state import seeded  # noqa: E402
from onephase.learning.step import (  # noqa: E402
    LARGEST_GRADIENT,
    ReplayedStep,
    coupling_penalty,
    open_step,
    panel_nll,
)
from onephase.network.network import build_network  # noqa: E402

pytestmark = pytest.mark.torch


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


def _opened(settings):
    """Return a step of an untrained network, the same each time."""
    fabric = open_fabric("f32")
    with seeded(1, epoch=0):
        network = build_network(settings.network, settings.regions, settings.imaging)
    return open_step(fabric, network, learning=settings.learning, cases=24)


def _batches(step, dataset, *, size=8):
    dataset = dataset.to(step.fabric.device)
    terms = torch.linspace(-1, 1, 4 * size, device=step.fabric.device).reshape(size, 4)
    return [(dataset.batch(slice(row, row + size)), terms) for row in range(0, len(dataset), size)]


def _walked(step, batches):
    """Step through some batches at a changing pace; return what each said."""
    said = []
    for place, (batch, terms) in enumerate(batches):
        step.pace(learning_rate=0.01 / (1 + place), decay=0.5 + 0.1 * place)
        said.append(float(step(batch, terms)))
    return said


def test_a_step_is_that_of_adam_on_a_clipped_gradient(make_dataset, make_settings):
    """Its first step moves each weight against the sign of its gradient, by the learning rate."""
    settings = make_settings(weight_decay=0.0, coupling_sd=0.5, network={"dropout": 0.0})
    step = _opened(settings)
    ((batch, terms),) = _batches(step, make_dataset(8, seed=1))
    before = {name: weight.detach().clone() for name, weight in step.state.network.named_parameters()}
    reference = copy.deepcopy(step.state.network).train()
    output = reference(batch.image, batch.distance_mm, batch.descriptors, start=terms)
    nll = panel_nll(output, reference, batch)
    (nll + coupling_penalty(reference, sd=0.5) / 24).backward()
    gradients = {name: weight.grad for name, weight in reference.named_parameters() if weight.grad is not None}
    norm = float(sum(gradient.square().sum() for gradient in gradients.values()).sqrt())
    step.pace(learning_rate=0.01, decay=0.75)
    assert float(step(batch, terms)) == pytest.approx(float(nll.detach()), rel=1e-5)
    for name, weight in step.state.network.named_parameters():
        gradient = gradients.get(name)
        told = torch.zeros_like(weight) if gradient is None else gradient * min(1.0, LARGEST_GRADIENT / norm)
        moved = -0.01 * told / (told.abs() + 1e-8)
        torch.testing.assert_close(weight - before[name], moved, atol=2e-4, rtol=1e-3, msg=name)
        kept = dict(step.state.averaged.named_parameters())[name]
        torch.testing.assert_close(kept, before[name].lerp(weight, 0.25))


@needs_gpu
def test_capturing_a_step_changes_nothing_of_the_run(make_dataset, make_settings):
    step = _opened(make_settings())
    batches = _batches(step, make_dataset(16, seed=1))
    _walked(step, batches)
    before = {name: tensor.clone() for name, tensor in step.state.tensors().items()}
    ReplayedStep.captured(step, *batches[0])
    after = step.state.tensors()
    assert set(after) == set(before)
    assert all(torch.equal(before[name], after[name]) for name in after)


@needs_gpu
@pytest.mark.parametrize("begun", [False, True])
def test_a_replayed_step_goes_where_the_step_itself_goes(make_dataset, make_settings, begun):
    """Also where the optimiser has its moments already, as after a resumed run."""
    settings, dataset = make_settings(network={"dropout": 0.0}), make_dataset(40, seed=1)
    plain, captured = _opened(settings), _opened(settings)
    batches = _batches(plain, dataset)
    if begun:
        _walked(plain, batches[:2])
        _walked(captured, batches[:2])
    replayed = ReplayedStep.captured(captured, *batches[-1])
    start = _weights(plain)
    assert _walked(replayed, batches) == pytest.approx(_walked(plain, batches), rel=1e-3)
    apart, walked = (_weights(plain) - other for other in (_weights(captured), start))
    assert apart.norm() < 0.05 * walked.norm()  # on a GPU sums are taken in any order, and Adam enlarges small ones


def _weights(step):
    return torch.cat([weight.detach().flatten() for weight in step.state.network.parameters()])


@needs_gpu
def test_a_replayed_step_hides_other_units_each_time(make_dataset, make_settings):
    step = _opened(make_settings(network={"dropout": 0.5}))
    batches = _batches(step, make_dataset(8, seed=1))
    replayed = ReplayedStep.captured(step, *batches[0])
    replayed.pace(learning_rate=0.0, decay=1.0)
    said = []
    for seed in (1, 1, 2):
        with seeded(seed, epoch=1):
            said += [float(replayed(*batches[0])) for _ in range(2)]
    assert said[:2] == pytest.approx(said[2:4], rel=1e-5)  # the same seed, the same units
    assert len({round(value, 4) for value in said}) == 4


def test_a_batch_without_labels_costs_nothing_and_teaches_nothing(make_dataset, make_settings):
    settings = make_settings()
    network = build_network(settings.network, settings.regions, settings.imaging)
    batch = make_dataset(4, seed=1, known=False).batch(slice(None))
    loss = panel_nll(network(batch.image, batch.distance_mm, batch.descriptors), network, batch)
    loss.backward()
    assert loss == 0
    assert all((p.grad is None) or (p.grad == 0).all() for p in network.parameters())


def test_cases_without_labels_do_not_change_the_loss(make_dataset, make_settings):
    settings = make_settings()
    network = build_network(settings.network, settings.regions, settings.imaging).eval()
    known, unknown = make_dataset(4, seed=1).batch(slice(None)), make_dataset(3, seed=2, known=False).batch(slice(None))
    both = type(known)(*(torch.cat([getattr(part, name) for part in (known, unknown)]) for name in known.__slots__))
    losses = [
        panel_nll(network(batch.image, batch.distance_mm, batch.descriptors), network, batch).item()
        for batch in (known, both)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_the_penalty_is_that_of_a_normal_prior(make_settings):
    settings = make_settings()
    network = build_network(settings.network, settings.regions, settings.imaging)
    with torch.no_grad():
        network.coupling.copy_(torch.tensor([0.5, -0.3, 0.1]))
        network.shift.copy_(torch.tensor([0.2, 0.4, -0.6]))
    normal = torch.distributions.Normal(0, 0.7)
    constants = torch.cat([network.coupling, network.shift])
    expected = normal.log_prob(torch.zeros(6)).sum() - normal.log_prob(constants).sum()
    torch.testing.assert_close(coupling_penalty(network, sd=0.7), expected)
