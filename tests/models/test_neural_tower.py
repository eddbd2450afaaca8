import math

import pytest
import torch

from dina.models.neural_tower import NeuralTower, openness
from dina.models.read_in import LowRankReadIn


def tower():
    read_in = LowRankReadIn(9, 3 * 16, 5, 0.05)
    read_in.initialise(torch.Generator().manual_seed(0))
    return NeuralTower(9, read_in, (3, 4, 4))


def test_a_closed_gate_leaves_its_neuron_out():
    one = tower()
    with torch.no_grad():
        one.gate_change[4] = -1.5
        z = torch.randn(2, 9, generator=torch.Generator().manual_seed(1))
        other = z.clone()
        other[:, 4] = 100.0
        assert one.gate[4] == 0
        assert torch.equal(one(z), one(other))


def test_undoing_training_opens_all_gates():
    one = tower()
    with torch.no_grad():
        torch.nn.init.zeros_(one.residual[-1].weight)
        torch.nn.init.zeros_(one.residual[-1].bias)
        z = torch.randn(2, 9, generator=torch.Generator().manual_seed(1))
        start = one(z)
        for parameter in one.parameters():
            parameter += 0.3
        assert not torch.allclose(one(z), start)
        one.return_to_start()
        assert torch.equal(one(z), start)


@pytest.mark.parametrize(("gate", "expected"), [([2.0] * 4, 1.0), ([0.0, 3.0, 0.0, 0.0], 0.5)])
def test_openness_runs_from_one_neuron_to_all_alike(gate, expected):
    assert math.isclose(float(openness(torch.tensor(gate))), expected, rel_tol=1e-6)


def test_the_penalty_closes_the_gates_that_matter_least():
    change = torch.linspace(-0.1, 0.1, 20).requires_grad_()
    optimiser = torch.optim.Adam([change], 0.02)
    for _ in range(200):
        optimiser.zero_grad()
        openness((1 + change).clamp(min=0)).backward()
        optimiser.step()
    closed = 1 + change.detach() <= 0
    assert 5 < closed.sum() < 20 and closed[:5].all() and not closed[-1]
