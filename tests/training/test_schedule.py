import numpy as np
import pytest
import torch

from dina.training.schedule import LearningRate


@pytest.mark.parametrize("epochs", [1, 2, 7, 30])
def test_without_warmup_the_rates_are_those_of_torch_to_the_last_bit(epochs):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    rate = LearningRate(0.02, epochs)
    for epoch in range(1, epochs + 1):
        assert {rate.at(epoch, batch, 3) for batch in (1, 2, 3)} == {optimiser.param_groups[0]["lr"]}
        optimiser.step()
        schedule.step()


def test_warmup_rises_linearly_and_the_cosine_takes_the_rest():
    rate = LearningRate(1.0, 10, warmup_share=0.25)
    steps = np.array([rate.at(epoch, batch, 4) for epoch in range(1, 11) for batch in range(1, 5)])
    np.testing.assert_allclose(steps[:10], np.arange(1, 11) / 10)
    np.testing.assert_allclose(steps[12::4], (1 + np.cos(np.pi * (np.arange(3, 10) - 2.5) / 7.5)) / 2)
    assert steps.max() == 1 and np.all(np.diff(steps[10:]) <= 0)
