import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.imaging.descriptors import DESCRIPTORS  # noqa: E402
from onephase.network.network import PanelNetwork  # noqa: E402
from onephase.network.region_weighting import memberships  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("sampling", ["volume", "stack"])
def test_shapes(make_network, patches, sampling):
    output = make_network(sampling=sampling)(*patches)
    assert output.unary.shape == (3, 3)
    assert output.ki67_mu.shape == output.ki67_log_sigma.shape == (3,)
    assert output.attention.shape == (3, 8, 12, 16)
    assert output.region_weights.shape == (3, 4, 3)
    assert ((output.attention >= 0) & (output.attention <= 1)).all()


def test_a_patch_need_not_be_whole_blocks(make_network):
    network = make_network(widths=(4, 6, 8), scales=(1, 2))
    output = network(torch.randn(2, 1, 5, 9, 6), torch.randn(2, 1, 5, 9, 6) * 4, torch.randn(2, len(DESCRIPTORS)))
    assert output.attention.shape == (2, 5, 9, 6)
    assert torch.equal(output.attention.amax(dim=(1, 2, 3)), torch.ones(2))
    assert all(torch.isfinite(part).all() for part in output)


def test_what_extends_a_patch_is_of_no_region(make_network):
    """A patch that is whole blocks already, its far ends blank, and the same without those ends."""
    network = make_network(widths=(4, 6), scales=(1,), regions=("whole",), attention=False)
    seen = []
    network.weighting.register_forward_hook(lambda _, told, __: seen.append(told[1]))
    image, distance_mm, facts = torch.randn(1, 1, 4, 8, 6), torch.randn(1, 1, 4, 8, 6), torch.randn(1, len(DESCRIPTORS))
    network(image, distance_mm, facts)
    assert seen[0].item() == 4 * 8 * 6


def test_a_lesion_without_core_gives_its_core_no_weight(make_network, patches):
    weights = make_network()(*patches).region_weights
    assert (weights[0, :, 0] == 0).all()
    assert (weights[1:] > 0).all()
    torch.testing.assert_close(weights.sum(2), torch.ones(3, 4))


def test_no_region_at_all_still_gives_a_defined_answer(make_network, patches):
    output = make_network(regions=("core",))(*patches)
    assert (output.region_weights[0] == 0).all()
    assert all(torch.isfinite(part).all() for part in output)


def test_cases_of_a_batch_do_not_see_each_other(make_network, patches):
    network = make_network()
    together = network(*patches)
    for case in range(3):
        alone = network(*(part[[case]] for part in patches))
        for part, whole in zip(alone, together, strict=True):
            torch.testing.assert_close(part[0], whole[case], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("axis", [2, 3, 4])
def test_a_mirrored_patch_has_mirrored_attention_and_the_same_potentials(make_network, patches, axis):
    """With mirrored kernels; in general the network learns which directions matter."""
    network = make_network()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 5:
                parameter.copy_((parameter + parameter.flip(axis)) / 2)
    straight = network(*patches)
    image, distance_mm, descriptors = patches
    mirrored = network(image.flip(axis), distance_mm.flip(axis), descriptors)
    torch.testing.assert_close(mirrored.attention, straight.attention.flip(axis - 1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(mirrored.unary, straight.unary, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(mirrored.region_weights, straight.region_weights, rtol=1e-4, atol=1e-5)


def test_the_attention_that_is_shown_is_the_one_that_weighs(make_network, patches):
    network, (image, distance_mm, descriptors) = make_network(scales=(0,)), patches
    seen: list[torch.Tensor] = []
    network.attention.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    shown = network(image, distance_mm, descriptors).attention
    fine = torch.nn.functional.interpolate(seen[0], scale_factor=2, mode="trilinear")[:, 0]
    member = memberships(distance_mm, names=network.settings.regions, regions=network.regions).sum(dim=1)
    assert (shown[member == 0] == 0).all()
    for map_, weighing in zip(shown, fine * member, strict=True):
        torch.testing.assert_close(map_, weighing / weighing.max())


def test_switched_off_attention_is_flat(make_network, patches):
    network = make_network(attention=False, regions=("whole",))
    assert torch.equal(network(*patches).attention, torch.ones(3, 8, 12, 16))


@pytest.mark.parametrize("scales", [(0, 1), (0,), (1,)])
def test_every_parameter_learns(make_network, patches, scales):
    """Several processes that train together wait for the gradient of each."""
    network: PanelNetwork = make_network(scales=scales).train()
    output = network(*patches)
    loss = output.unary.square().sum() + output.ki67_mu.square().sum() + output.ki67_log_sigma.square().sum()
    (loss + network.coupling.square().sum() + network.shift.sum()).backward()
    for name, parameter in network.named_parameters():
        if name.startswith("facts."):  # the phenotype stage was taught elsewhere and is no longer changed
            assert not parameter.requires_grad, name
            continue
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
