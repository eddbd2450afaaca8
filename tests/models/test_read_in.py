import numpy as np
import pytest
import torch

from dina.models.read_in import CHUNK_NEURONS, RetinotopicReadIn, build_read_in
from dina.settings import ReadInSettings
from dina.training.retinotopy import fit_lobes, start_retinotopic

LAYOUT = (3, 8, 8)
KINDS = ("dense", "low_rank", "retinotopic")
LIMIT_BYTES = 4 * 2**30


def read_in(kind, n_neurons=20, n_lobes=1, learning=0.05, layout=LAYOUT):
    return build_read_in(ReadInSettings(kind=kind, n_lobes=n_lobes), learning, n_neurons, 5, layout)


def responses(n, n_neurons, seed=0):
    return torch.randn(n, n_neurons, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_maps_are_linear_in_responses_and_gains(kind):
    module = read_in(kind)
    module.initialise(torch.Generator().manual_seed(0))
    z, gain = responses(4, 20), torch.rand(20, generator=torch.Generator().manual_seed(1))
    found = module(z, gain)
    assert found.shape == (4, 3 * 64) and found.abs().max() > 0
    torch.testing.assert_close(module(2 * z, gain), 2 * found)
    torch.testing.assert_close(module(z * gain, torch.ones(20)), found)
    torch.testing.assert_close(module(z, gain * 0), 0 * found)


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_learns_and_returns_to_its_start(kind):
    module = read_in(kind)
    module.initialise(torch.Generator().manual_seed(0))
    z, gain = responses(4, 20), torch.ones(20)
    start = module(z, gain).detach()
    optimiser = torch.optim.AdamW(module.parameters(), 0.1)
    module(z, gain).square().sum().backward()
    optimiser.step()
    assert all(part.deviation.abs().max() > 0 for part in module.children())
    assert not torch.allclose(module(z, gain), start)
    for part in module.children():
        part.return_to_start()
    assert torch.equal(module(z, gain), start)


@pytest.mark.parametrize("kind", KINDS)
def test_without_learning_nothing_is_trained_or_kept_twice(kind):
    module = read_in(kind, learning=0)
    assert not list(module.parameters())


def test_a_neuron_fills_its_place_with_its_channels():
    module = read_in("retinotopic", n_neurons=2)
    module.position.start_at(torch.tensor([[[0.25, 0.75]], [[0.5, 0.5]]]))
    module.log_spread.start_at(torch.tensor([[0.1], [0.2]]).log())
    module.channel.start_at(torch.tensor([[[1.0, 0.0, -2.0]], [[0.0, 1.0, 0.0]]]))
    maps = module(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.ones(2)).detach().unflatten(1, LAYOUT)
    axis = (torch.arange(8) + 0.5) / 8
    expected = torch.exp(-((axis[:, None] - 0.25) ** 2 + (axis - 0.75) ** 2) / (2 * 0.1**2))
    torch.testing.assert_close(maps[0, 0], expected)
    torch.testing.assert_close(maps[0, 2], -2 * expected)
    assert maps[0, 1].abs().max() == 0
    assert maps[1, 1, 3, 3] == maps[1, 1].max()


def test_neurons_in_chunks_add_up():
    n_neurons = CHUNK_NEURONS + 3
    module = read_in("retinotopic", n_neurons=n_neurons, layout=(2, 4, 4))
    module.initialise(torch.Generator().manual_seed(0))
    z = responses(2, n_neurons)
    full = module.matrix(module.position(), module.log_spread(), module.channel())
    torch.testing.assert_close(module(z, torch.ones(n_neurons)), z @ full, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["low_rank", "retinotopic"])
def test_a_hundred_thousand_neurons_need_less_than_four_gib_to_train(kind):
    with torch.device("meta"):
        module = build_read_in(ReadInSettings(kind=kind, n_lobes=2), 0.05, 100_000, 200, (32, 8, 8))
    learned = sum(p.numel() * p.element_size() for p in module.parameters())
    fixed = sum(b.numel() * b.element_size() for b in module.buffers())
    chunk = 4 * CHUNK_NEURONS * 32 * 64  # of the matrix and its gradient, each with a factor of its own
    assert 4 * learned + fixed + 4 * chunk < LIMIT_BYTES  # the values, their gradients and AdamW's two moments


def test_lobes_are_found_where_they_are():
    rng = np.random.default_rng(0)
    axis = (np.arange(8) + 0.5) / 8
    place, spread = rng.uniform(0.3, 0.7, (6, 2)), rng.uniform(0.1, 0.16, 6)
    channel = rng.standard_normal((6, 3))
    squared = (axis[:, None] - place[:, 0, None, None]) ** 2 + (axis - place[:, 1, None, None]) ** 2
    weights = channel[:, :, None, None] * np.exp(-squared / (2 * spread[:, None, None] ** 2))[:, None]
    found_place, found_spread, found_channel = fit_lobes(weights, 1)
    np.testing.assert_allclose(found_place[:, 0], place, atol=0.03)
    np.testing.assert_allclose(np.exp(found_spread[:, 0]), spread, rtol=0.2)
    np.testing.assert_allclose(found_channel[:, 0], channel, rtol=0.1, atol=0.02)


def test_a_second_lobe_describes_what_the_first_leaves():
    axis = (np.arange(8) + 0.5) / 8
    lobes = [np.exp(-((axis[:, None] - y) ** 2 + (axis - x) ** 2) / (2 * 0.1**2)) for y, x in ((0.2, 0.2), (0.8, 0.7))]
    weights = (2.0 * lobes[0] + 1.0 * lobes[1])[None, None]
    place, _, channel = fit_lobes(weights, 2)
    np.testing.assert_allclose(place[0], [[0.2, 0.2], [0.8, 0.7]], atol=0.07)
    assert channel[0, 0, 0] > channel[0, 1, 0] > 0.7


def test_the_retinotopic_start_gives_the_maps_asked_for_where_it_can():
    rng = np.random.default_rng(1)
    module = RetinotopicReadIn(30, LAYOUT, 1, 0.05)
    axis = (np.arange(8) + 0.5) / 8
    squared = (axis[:, None] - rng.uniform(0.2, 0.8, (30, 1, 1))) ** 2 + (axis - rng.uniform(0.2, 0.8, (30, 1, 1))) ** 2
    weights = (rng.standard_normal((30, 3, 1, 1)) * np.exp(-squared / 0.02)[:, None]).reshape(30, -1).astype(np.float32)
    z = rng.standard_normal((400, 30)).astype(np.float32)
    maps = z @ weights @ rng.standard_normal((192, 192)).astype(np.float32)
    start_retinotopic(module, weights, torch.from_numpy(z), torch.from_numpy(maps))
    fresh = rng.standard_normal((50, 30)).astype(np.float32)
    found = module(torch.from_numpy(z), torch.ones(30)).detach().numpy()
    assert np.corrcoef(found.ravel(), maps.ravel())[0, 1] > 0.99
    assert np.isfinite(module(torch.from_numpy(fresh), torch.ones(30)).detach().numpy()).all()
