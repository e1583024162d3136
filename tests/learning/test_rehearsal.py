import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.learning.rehearsal import noise, seconds_a_step  # noqa: E402

pytestmark = pytest.mark.torch


def test_noise_has_every_label(make_settings):
    dataset = noise(make_settings(), cases=6)
    assert dataset.image.shape == dataset.distance_mm.shape == (6, 6, 8, 10)
    assert (dataset.cells.sum(dim=1) == 1).all()
    assert (dataset.ki67[:, 1] - dataset.ki67[:, 0]).numpy() == pytest.approx([0.01] * 6)


def test_a_step_in_a_precision_that_others_have_is_timed_in_our_own(make_settings, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    assert 0 < seconds_a_step(make_settings(precision="bf16")) < 30
