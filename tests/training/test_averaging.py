import torch

from dina.training.averaging import WeightAverage


def test_the_average_follows_its_formula_and_the_weights_come_back():
    weight = torch.nn.Parameter(torch.tensor([4.0, -2.0]))
    average, expected = WeightAverage([weight], 0.75), torch.tensor([4.0, -2.0])
    for step in range(5):
        with torch.no_grad():
            weight.add_(step)
        average.update()
        expected = 0.75 * expected + 0.25 * weight.detach()
    last = weight.detach().clone()
    with average.in_place():
        torch.testing.assert_close(weight.detach(), expected)
    assert torch.equal(weight.detach(), last)
    torch.testing.assert_close(average.values[0], expected)
