"""Attributions of linear towers are their weights."""

import torch
from torch import nn

from dina.models.gradients import Readout, integrated_gradients, mean_gradient


def linear_readout(n_inputs=12, n_maps=8, n_units=5):
    generator = torch.Generator().manual_seed(0)
    tower = nn.Sequential(nn.Flatten(), nn.Linear(n_inputs, n_maps), nn.Unflatten(1, (2, 2, 2)))
    for parameter in tower.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    weights = torch.randn(n_units, n_maps, generator=generator)
    return Readout(tower, weights), weights @ tower[1].weight.detach(), generator


def test_gradient_of_a_linear_tower_is_its_weights():
    readout, expected, generator = linear_readout()
    images = torch.randn(70, 3, 4, generator=generator)
    found = mean_gradient(readout, images, absolute=False)
    torch.testing.assert_close(found, expected.view(5, 3, 4), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(mean_gradient(readout, images, absolute=True), expected.abs().view(5, 3, 4))


def test_integrated_gradient_of_a_linear_tower_is_weight_times_input():
    readout, expected, generator = linear_readout()
    z = torch.randn(60, 12, generator=generator)
    found = integrated_gradients(readout, z, torch.zeros_like(z), 4)
    torch.testing.assert_close(found, expected[:, None] * z, atol=1e-4, rtol=1e-4)
    own = integrated_gradients(readout, z[:5], torch.zeros_like(z[:5]), 4, own=True)
    torch.testing.assert_close(own, expected * z[:5], atol=1e-4, rtol=1e-4)


def test_magnitudes_are_averaged_not_cancelled():
    class Square(nn.Module):
        def forward(self, x):
            return x.square()

    readout = Readout(Square(), torch.eye(2))
    x = torch.tensor([[1.0, -2.0], [-1.0, 2.0]])
    torch.testing.assert_close(mean_gradient(readout, x, absolute=True), torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
    torch.testing.assert_close(mean_gradient(readout, x, absolute=False), torch.zeros(2, 2))
