"""What training starts from: the panel of the descriptors, and what it says of cases that it has not seen."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.biomarkers.linear_panel import fit_linear_panel  # noqa: E402
from onephase.biomarkers.panel import Events  # noqa: E402
from onephase.biomarkers.posterior import PanelPosterior  # noqa: E402
from onephase.biomarkers.prior import fit_prior  # noqa: E402
from onephase.imaging.descriptors import DESCRIPTORS, descriptors_within  # noqa: E402
from onephase.learning import start as start_room  # noqa: E402
from onephase.learning.loop import predict_potentials  # noqa: E402
from onephase.learning.start import fit_start  # noqa: E402
from onephase.network.network import build_network  # noqa: E402

pytestmark = pytest.mark.torch
CASES = 40
TELLING = slice(0, 20)


@pytest.fixture(autouse=True)
def _few_candidates(monkeypatch):
    """With more descriptors than cases, a wide spread takes long to fit: Ki-67 is told all but exactly."""
    monkeypatch.setitem(start_room.SPREADS, "descriptors", (0.01, 0.02))


@pytest.fixture
def training(make_dataset):
    """Cases in which some descriptors tell ER."""
    dataset = make_dataset(CASES, seed=1)
    er = torch.tensor(dataset.events.status("er").astype(np.float32))[:, None]
    dataset.descriptors[:, TELLING] = 3 * er + 0.3 * dataset.descriptors[:, TELLING]
    return dataset


@pytest.fixture
def settings(make_settings):
    """A function that returns settings of a network that starts from the descriptors."""
    return lambda **network: make_settings(network={"start": "descriptors", **network})


def _start(training, settings):
    return fit_start(training, settings, prior=fit_prior(training.events))


def _like(training, **changed):
    return type(training)(*(changed.get(name, getattr(training, name)) for name in training.__slots__))


def test_a_network_starts_as_the_panel_of_the_descriptors(training, settings):
    chosen = settings()
    start = _start(training, chosen)
    network = build_network(chosen.network, chosen.regions, chosen.imaging)
    for branch in network.head.branches.values():
        torch.nn.init.zeros_(branch[-1].weight)
    network.head.start_from(start.constants)
    network.start_terms.tell(start.panel)
    features = training.descriptors.numpy().astype(np.float64)
    panel = fit_linear_panel(features, training.events, names=DESCRIPTORS, spread=start.panel.spread)
    ours = PanelPosterior.from_potentials(predict_potentials(network.eval(), training))
    theirs = PanelPosterior.from_potentials(panel.potentials(features))
    np.testing.assert_allclose(ours.cells(), theirs.cells(), atol=1e-4)
    np.testing.assert_allclose(ours.ki67_median(), theirs.ki67_median(), atol=1e-4)


def test_terms_come_from_panels_that_have_not_seen_the_case(training, settings):
    start = _start(training, settings())
    er = training.events.status("er") == 1
    assert start.terms[er, 0].min() > start.terms[~er, 0].max()  # what tells is found, however narrow the spread
    cells = training.events.cells.copy()
    cells[0] = cells[0][::-1]  # every receptor of the first case is turned round
    turned = Events(cells, training.events.ki67.copy(), training.events.pr_high.copy())
    again = _start(_like(training, events=turned), settings())
    assert again.panel.spread == start.panel.spread
    np.testing.assert_allclose(again.terms[0], start.terms[0], atol=1e-4)
    assert not np.allclose(again.terms[1:], start.terms[1:], atol=1e-3)


def test_lesions_of_a_patient_are_left_out_together(training, settings):
    twins = _like(training, patients=tuple(f"patient {row // 2}" for row in range(CASES)))
    assert not np.allclose(_start(twins, settings()).terms, _start(training, settings()).terms)


def test_tasks_and_regions_that_are_left_out_get_no_term(training, settings):
    start = _start(training, settings(tasks=("er",), regions=("core",)))
    assert start.terms[:, 0].any()
    assert not start.terms[:, 1:].any()
    assert not start.panel.weights[:, 1:].any()
    assert start.panel.names == tuple(DESCRIPTORS[place] for place in descriptors_within({"core"}))
    assert not start.panel.coupling.any()


@pytest.mark.parametrize("network", [{"start": "prior"}, {"regions": ("whole",)}])
def test_without_descriptors_training_starts_from_the_prior(training, settings, network):
    prior = fit_prior(training.events)
    start = fit_start(training, settings(**network), prior=prior)
    assert start.panel is None
    assert start.constants is prior
    assert not start.terms.any()


def test_too_few_patients_for_folds_start_from_the_prior(make_dataset, settings):
    assert _start(make_dataset(4, seed=1), settings()).panel is None
