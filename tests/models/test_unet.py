import torch

from dina.models.unet import UNet


def test_starts_as_the_identity_and_learns_away_from_it():
    torch.manual_seed(0)
    network, pictures = UNet(2), torch.randn(3, 1, 16, 16)
    network.start_as_identity()
    assert torch.equal(network(pictures), pictures)
    network(pictures).square().mean().backward()
    assert network.last.weight.grad.abs().max() > 0
    torch.nn.init.ones_(network.last.weight)
    assert not torch.allclose(network(pictures), pictures, atol=1e-3)


def test_sees_the_whole_of_a_small_picture():
    """Three scales carry what stands in one corner to pixels that convolutions at full size would not reach."""
    torch.manual_seed(0)
    network, pictures = UNet(4), torch.zeros(1, 1, 16, 16, requires_grad=True)
    network(pictures)[0, 0, 4, 4].backward()
    assert pictures.grad[0, 0, 14, 14] != 0
