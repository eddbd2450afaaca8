import numpy as np
import torch

from dina.models.core import Core, CoreReadout, places_of_neurons
from dina.models.features import bank_maps
from dina.models.gabor import GaborBank


def ready(n_neurons=3, channels=4, size=16):
    torch.manual_seed(0)
    network = CoreReadout(n_neurons, channels, size)
    torch.nn.init.normal_(network.channel)
    return network.eval()


def test_each_neuron_reads_the_maps_at_its_place():
    network = ready()
    # Centres of the cells (row 5, column 2), (0, 0) and (7, 7) of maps of 8 × 8.
    cells = torch.tensor([[2.0, 5.0], [0.0, 0.0], [7.0, 7.0]])
    network.start_at((2 * cells + 1) / 8 - 1)
    pictures = torch.randn(5, 16, 16)
    with torch.no_grad():
        maps, found = network.core(pictures), network(pictures)
    for neuron, (column, row) in enumerate(cells.long().tolist()):
        expected = maps[:, :, row, column] @ network.channel[neuron]
        torch.testing.assert_close(found[:, neuron], expected, rtol=1e-4, atol=1e-5)


def test_places_are_drawn_while_training_only():
    network, pictures = ready(), torch.randn(2, 16, 16)
    network.core.eval()
    assert torch.equal(network(pictures), network(pictures))
    network.training = True
    assert not torch.equal(network(pictures), network(pictures))


def test_the_first_place_is_where_responses_go_with_the_maps(small_gabor):
    rng = np.random.default_rng(0)
    images = rng.random((200, 32, 32), np.float32)
    maps = bank_maps(GaborBank(small_gabor, (32, 32)), images).numpy()
    rows, columns = np.array([0, 1, 3]), np.array([2, 0, 3])
    responses = np.stack([maps[:, 4, r, c] for r, c in zip(rows, columns, strict=True)], 1)
    places = places_of_neurons(small_gabor, images, responses).numpy()
    np.testing.assert_allclose(places, (2 * np.stack([columns, rows], 1) + 1) / 4 - 1, atol=1e-6)


def test_a_place_can_be_learned():
    """Gradients reach a neuron from half a picture away, by way of its spread."""
    network = ready(n_neurons=1, size=32)
    pictures = torch.randn(64, 32, 32)
    network.core.layers[0].weight.data.abs_()  # smooth maps
    wanted = torch.tensor([[0.3, -0.2]])
    network.start_at(wanted)
    with torch.no_grad():
        target = network(pictures)
    network.start_at(wanted + 0.25)
    network.training = True
    optimiser = torch.optim.Adam([network.place], 0.02)
    for _ in range(150):
        optimiser.zero_grad()
        ((network(pictures) - target) ** 2).mean().backward()
        optimiser.step()
    torch.testing.assert_close(network.place.data, wanted, atol=0.06, rtol=0)


def test_the_core_sees_block_means_in_the_training_images_unit():
    core = Core(channels=4, size=16).eval()
    core.mean.fill_(0.5)
    core.sd.fill_(0.2)
    images = torch.rand(3, 64, 64)
    means = images.unflatten(1, (16, 4)).unflatten(3, (16, 4)).mean((2, 4))
    with torch.no_grad():
        torch.testing.assert_close(core(images), core.layers((means[:, None] - 0.5) / 0.2))


def test_combined_neurons_are_weights_of_the_maps():
    network = ready(n_neurons=7)
    network.start_at(torch.rand(7, 2) * 2.4 - 1.2)  # some beyond the edge
    torch.nn.init.normal_(network.bias)
    coefficients = torch.randn(3, 7)
    images = np.random.default_rng(0).random((70, 32, 32), np.float32)
    weights, bias = network.combined(coefficients)
    with torch.no_grad():
        found = network.core(torch.from_numpy(images)).flatten(1) @ weights.T + bias
    torch.testing.assert_close(found, network.predict(images) @ coefficients.T, rtol=1e-4, atol=1e-4)
