import copy

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from lightning.fabric import Fabric  # noqa: E402

from onephase.learning import step as step_module  # noqa: E402
from onephase.learning.batches import ALL  # noqa: E402
from onephase.learning.checkpoint import optimizer_tensors  # noqa: E402
from onephase.learning.dataset import PatchBatch  # noqa: E402
from onephase.learning.device import open_fabric  # noqa: E402
from onephase.learning.run_state import seeded  # noqa: E402
from onephase.learning.step import ReplayedStep, coupling_penalty, open_step, panel_nll, share_of_told  # noqa: E402
from onephase.network.network import build_network  # noqa: E402

pytestmark = pytest.mark.torch


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


def _opened(settings, *, precision="f32"):
    """Return a step of an untrained network, the same each time, with couplings that its prior pulls on."""
    fabric = open_fabric(precision)
    with seeded(1, epoch=0):
        network = build_network(settings.network, settings.regions, settings.imaging)
    with torch.no_grad():
        network.coupling.fill_(0.4)
        network.shift.fill_(-0.3)
    return open_step(fabric, network, learning=settings.learning, cases=24)


def _batches(step, dataset, *, size=8):
    dataset = dataset.to(step.fabric.device)
    terms = torch.linspace(-1, 1, 4 * size, device=step.fabric.device).reshape(size, 4)
    return [(dataset.batch(slice(row, row + size)), terms) for row in range(0, len(dataset), size)]


def _walked(step, batches):
    """Step through some batches at a changing pace; return what each said."""
    return [
        float(step(batch, terms, learning_rate=0.01 / (1 + place), decay=0.5 + 0.1 * place))
        for place, (batch, terms) in enumerate(batches)
    ]


def test_a_step_is_that_of_adam_on_a_clipped_gradient(make_dataset, make_settings, monkeypatch):
    """After the first step its first moment is a tenth of the gradient, its second a thousandth of its square."""
    monkeypatch.setattr(step_module, "LARGEST_GRADIENT", 0.1)
    settings = make_settings(weight_decay=0.1, coupling_sd=0.2, network={"dropout": 0.0})
    step = _opened(settings)
    ((batch, terms),) = _batches(step, make_dataset(8, seed=1))
    reference = copy.deepcopy(step.state.network).train()
    before = {name: weight.detach().clone() for name, weight in reference.named_parameters()}
    nll = panel_nll(reference(batch.image, batch.distance_mm, batch.descriptors, start=terms), reference, batch)
    (nll + (reference.coupling.square().sum() + reference.shift.square().sum()) / (2 * 0.2**2) / 24).backward()
    gradients = {name: weight.grad for name, weight in reference.named_parameters() if weight.grad is not None}
    norm = float(sum(gradient.square().sum() for gradient in gradients.values()).sqrt())
    assert norm > 0.1
    assert float(step(batch, terms, learning_rate=0.01, decay=0.75)) == pytest.approx(float(nll.detach()), rel=1e-5)
    held = optimizer_tensors(step.state.optimizer, step.state.network)
    for name, gradient in gradients.items():
        clipped = gradient * 0.1 / norm
        torch.testing.assert_close(held[f"exp_avg/{name}"], 0.1 * clipped, atol=1e-7, rtol=1e-3)
        torch.testing.assert_close(held[f"exp_avg_sq/{name}"], 0.001 * clipped.square(), atol=1e-9, rtol=1e-3)
    for name, weight in step.state.network.named_parameters():
        if name in gradients:
            shrunk = before[name] * (1 - 0.01 * (0.1 if weight.ndim > 1 else 0.0))
            mean, square = held[f"exp_avg/{name}"] / 0.1, held[f"exp_avg_sq/{name}"] / 0.001
            torch.testing.assert_close(weight, shrunk - 0.01 * mean / (square.sqrt() + 1e-8), atol=1e-6, rtol=1e-4)
        kept = dict(step.state.averaged.named_parameters())[name]
        torch.testing.assert_close(kept, before[name].lerp(weight, 0.25))


def _fields(batch):
    return batch.image, batch.distance_mm, batch.descriptors, batch.cells, batch.ki67


class _SomeProcesses(Fabric):
    """Fabric that every process has told how many of its cases are known."""

    def __init__(self, told):
        self.counts = told

    @property
    def world_size(self):
        return len(self.counts)

    def all_reduce(self, data, *, reduce_op):
        assert reduce_op == "sum"
        return torch.full_like(data, sum(self.counts))


@pytest.mark.parametrize("told", [(6, 2), (8, 0), (1, 0), (0, 0)])
def test_processes_that_are_told_of_unlike_numbers_give_the_gradient_of_the_whole_batch(
    make_dataset, make_settings, told
):
    whole = make_dataset(8 * len(told), seed=1).batch(ALL)
    known = torch.cat([torch.arange(8) < count for count in told])
    whole.cells[~known] = True
    whole.ki67[~known] = torch.tensor([0.0, 1.0], dtype=torch.float64)
    parts = [PatchBatch(*(field[start : start + 8] for field in _fields(whole))) for start in range(0, len(known), 8)]
    network = _opened(make_settings()).state.averaged  # normalised by what it has kept, not by its batch

    def gradient(shares, batches):
        network.zero_grad()
        for share, batch in zip(shares, batches, strict=True):
            (share * panel_nll(network(batch.image, batch.distance_mm, batch.descriptors), network, batch)).backward()
        return torch.cat([weight.grad.flatten() for weight in network.parameters() if weight.grad is not None])

    fabric = _SomeProcesses(told)
    shares = [share_of_told(fabric, part) / len(told) for part in parts]  # gradients are averaged
    torch.testing.assert_close(gradient(shares, parts), gradient([1.0], [whole]), atol=1e-6, rtol=1e-4)


def test_a_batch_of_another_size_is_refused(make_dataset):
    whole, part = (make_dataset(4, seed=1).batch(slice(cases)) for cases in (4, 1))
    with pytest.raises(ValueError, match="a batch of 1 cases, expected 4"):
        whole.clone().copy_(part)


@needs_gpu
@pytest.mark.parametrize(
    "shape", [{}, {"attention": False, "scales": (1,)}, {"regions": ("whole",)}, {"tasks": ("er",)}]
)
@pytest.mark.parametrize("sampling", ["volume", "stack"])
def test_capturing_a_step_changes_nothing_of_the_run(make_dataset, make_settings, shape, sampling):
    step = _opened(make_settings(network=shape, sampling=sampling))
    batches = _batches(step, make_dataset(16, seed=1))
    _walked(step, batches)
    before = {name: tensor.clone() for name, tensor in step.state.tensors().items()}
    ReplayedStep.captured(step, *batches[0])
    after = step.state.tensors()
    assert set(after) == set(before)
    assert all(torch.equal(before[name], after[name]) for name in after)


@needs_gpu
@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_a_replayed_step_goes_where_the_step_itself_goes(make_dataset, make_settings, tmp_path, resumed, precision):
    """Also where the optimiser has its moments from a checkpoint."""
    settings, dataset = make_settings(network={"dropout": 0.0}), make_dataset(40, seed=1)
    launched, captured = (_opened(settings, precision=precision) for _ in range(2))
    batches = _batches(launched, dataset)
    if resumed:
        _walked(launched, batches[:2])
        launched.state.write(tmp_path, run_id="a run")
        captured.state.restore(tmp_path, run_id="a run")
    replayed, start = ReplayedStep.captured(captured, *batches[-1]), _weights(launched)
    assert _walked(replayed, batches) == pytest.approx(_walked(launched, batches), rel=1e-2)
    apart, walked = (_weights(launched) - other for other in (_weights(captured), start))
    assert apart.norm() < 0.05 * walked.norm()  # on a GPU sums are taken in any order, and Adam enlarges small ones


def _weights(step):
    return torch.cat([weight.detach().flatten() for weight in step.state.network.parameters()])


@needs_gpu
def test_a_replayed_step_hides_other_units_each_time(make_dataset, make_settings):
    step = _opened(make_settings(network={"dropout": 0.5}))
    batches = _batches(step, make_dataset(8, seed=1))
    replayed = ReplayedStep.captured(step, *batches[0])
    said = []
    for seed in (1, 1, 2):
        with seeded(seed, epoch=1):
            said += [float(replayed(*batches[0], learning_rate=0.0, decay=1.0)) for _ in range(2)]
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
