import pytest
import torch

from dina.training.schedule import cosine_rates


@pytest.mark.parametrize("epochs", [1, 2, 7, 30])
def test_rates_are_those_of_torch_to_the_last_bit(epochs):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    expected = []
    for _ in range(epochs):
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert cosine_rates(0.02, epochs) == expected
