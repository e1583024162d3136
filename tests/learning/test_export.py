import itertools
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

import onephase.learning.export as export_module  # noqa: E402
from onephase.biomarkers.prior import fit_prior  # noqa: E402
from onephase.errors import TrainingError  # noqa: E402
from onephase.inference.engine import Engine, open_engine  # noqa: E402
from onephase.learning.export import export_network, largest_difference, refuse_another_posterior  # noqa: E402
from onephase.learning.loop import predict_potentials  # noqa: E402
from onephase.learning.step import panel_nll  # noqa: E402
from onephase.network.network import build_network  # noqa: E402

pytestmark = pytest.mark.torch


def _network(settings, *, dataset, seed=0):
    torch.manual_seed(seed)
    network = build_network(settings.network, settings.regions, settings.imaging)
    network.head.start_from(fit_prior(dataset.events))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "votes" in name or "gate" in name or "branches" in name:
                parameter.normal_(std=0.5)  # these start at or near 0, where nothing could be seen
    return network.eval()


@pytest.mark.slow
@pytest.mark.parametrize("sampling", ["volume", "stack"])
def test_the_exported_network_gives_the_same_posterior_for_any_number_of_cases(make_dataset, make_settings, sampling):
    dataset = make_dataset(3, seed=1)
    network = _network(make_settings(sampling=sampling), dataset=dataset)
    content = export_network(network, dataset)
    engine = open_engine(content, source="test", threads=1)
    assert engine.session.get_inputs()[0].shape[0] == "case"
    for cases in (1, 5):
        other = make_dataset(cases, seed=2)
        assert largest_difference(content, network, checked_on=other) < 1e-5
        raw = engine.run(other.image.float().numpy(), other.distance_mm.float().numpy(), other.descriptors.numpy())
        np.testing.assert_allclose(raw["region_weights"].sum(axis=2), 1, rtol=1e-5)
        np.testing.assert_allclose(raw["attention"].max(axis=(1, 2, 3)), 1, rtol=1e-5)
    assert not re.search(rb"[a-z_]{4,}\.py|stack_trace", content)  # nothing of the machine where it was trained
    with pytest.raises(TrainingError, match="differs from the trained one by"):
        refuse_another_posterior(
            content, _network(make_settings(sampling=sampling), dataset=dataset, seed=1), checked_on=dataset
        )


@pytest.mark.slow
def test_the_check_takes_no_more_memory_for_more_cases(make_dataset, make_settings, monkeypatch):
    dataset, sizes, run = make_dataset(40, seed=1), [], Engine.run

    def counted(engine, images, distance_mm, descriptors):
        sizes.append(len(images))
        return run(engine, images, distance_mm, descriptors)

    monkeypatch.setattr(Engine, "run", counted)
    export_network(_network(make_settings(), dataset=dataset), dataset)
    assert sizes == [16, 16, 8]


@pytest.mark.slow
def test_a_network_of_one_task_without_regions_attention_and_couplings_is_exported(make_dataset, make_settings):
    dataset = make_dataset(4, seed=1)
    least = {"tasks": ("er",), "scales": (1,), "regions": ("whole",), "attention": False, "couplings": False}
    assert export_network(_network(make_settings(network=least), dataset=dataset), dataset)


TASKS = [("er",), ("ki67",), ("er", "pr"), ("er", "pr", "her2", "ki67")]
REGIONS = [("core",), ("core", "rim"), ("core", "rim", "shell"), ("whole",)]
SCALES = [(1,), (0, 1)]
SWITCHES = list(itertools.product([True, False], repeat=2))


@pytest.mark.parametrize(
    ("tasks", "regions", "scales", "attention", "couplings"),
    [
        # all four with each of the tasks, each of the regions and each of the scales
        (tasks, regions, scales, *SWITCHES[(one + other + 2 * third) % 4])
        for one, tasks in enumerate(TASKS)
        for other, regions in enumerate(REGIONS)
        for third, scales in enumerate(SCALES)
    ],
)
def test_each_ablation_learns(make_dataset, make_settings, *, tasks, scales, regions, attention, couplings):
    settings = make_settings(
        network={"tasks": tasks, "scales": scales, "regions": regions, "attention": attention, "couplings": couplings}
    )
    dataset = make_dataset(6, seed=1)
    torch.manual_seed(0)
    network = build_network(settings.network, settings.regions, settings.imaging)
    network.head.start_from(fit_prior(dataset.events))
    batch = dataset.batch(slice(None))
    output = network(batch.image, batch.distance_mm, batch.descriptors)
    panel_nll(output, network, batch).backward()
    assert output.region_weights.shape == (6, len(tasks), len(regions))
    untouched = set() if couplings and len(tasks) > 1 else {"head.coupling", "head.shift"}  # they stay 0
    lone = {"weighting.constant", "weighting.gate.weight"} if len(regions) == 1 else set()  # nothing to weigh against
    learning = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert {name for name, _ in network.named_parameters()} - learning.keys() == untouched
    assert {name for name, parameter in learning.items() if parameter.grad is None} == set()
    assert {name for name, parameter in learning.items() if not parameter.grad.any()} == lone
    assert all(parameter.grad.isfinite().all() for parameter in learning.values())
    assert any(name.startswith("attention.") for name in learning) == attention
    assert len(predict_potentials(network.eval(), dataset)) == 6


def test_a_network_that_looks_away_from_a_region_is_exported(make_dataset, make_settings):
    """Every voxel of it counts next to nothing, and they are weighed against each other: a trained network did so."""
    dataset = make_dataset(4, seed=1)
    two = {"tasks": ("ki67", "her2"), "regions": ("core", "rim"), "scales": (0,), "widths": (4,)}
    network = _network(make_settings(network=two), dataset=dataset)
    for vote in network.attention.votes:
        torch.nn.init.normal_(vote.weight, mean=-30.0, std=10.0)
    assert export_network(network, dataset)


def test_a_network_that_differs_is_not_exported(make_dataset, make_settings, monkeypatch):
    dataset = make_dataset(3, seed=1)
    network = _network(make_settings(network={"attention": False, "scales": (0,), "widths": (4,)}), dataset=dataset)
    monkeypatch.setattr(export_module, "_onnx_of", lambda *_, **__: b"")
    monkeypatch.setattr(export_module, "largest_difference", lambda *_, **__: 3e-4)
    with pytest.raises(TrainingError, match=r"differs from the trained one by 3\.0e-04 in its posterior"):
        export_network(network, dataset)
