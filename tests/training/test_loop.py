import numpy as np
import pytest
import torch
from torch import nn

from dina.errors import TrainingError
from dina.settings import ConvolutionalSettings
from dina.training.loop import Validation, train


def schedule(**changes):
    usual = {"epochs": 10, "learning_rate": 0.1, "weight_decay": 0.0, "patience": 3}
    return ConvolutionalSettings(**(usual | changes))


def run(losses, settings):
    model, seen = nn.Linear(1, 1), []

    def validate():
        seen.append(model.weight.detach().clone())
        return Validation(loss=losses[len(seen) - 1], top1=0.0)

    history = train(model, lambda: [torch.arange(2)], lambda _: model(torch.ones(1, 1)).sum(), validate, settings)
    return model, seen, history


def test_stops_when_patience_ends_and_keeps_the_best_state():
    model, seen, history = run([5.0, 4.0, 3.0, 9, 9, 9, 9, 9, 9, 9, 9], schedule())
    assert [row["epoch"] for row in history] == [0, 1, 2, 3, 4, 5]
    assert torch.equal(model.weight, seen[2])
    assert not torch.equal(model.weight, seen[-1])


def test_keeps_the_start_when_training_never_helps():
    model, seen, history = run([1.0, 2, 2, 2, 2], schedule())
    assert torch.equal(model.weight, seen[0])
    assert history[0]["train_loss"] is None
    assert [row["is_best"] for row in history] == [True, False, False, False]


def weights_after_steps(gradients, **changes):
    """A weight that starts at 0 and has the given gradients, one a step, two a pass; all validations equal."""
    model, left = nn.Linear(1, 1, bias=False), list(gradients)
    nn.init.zeros_(model.weight)
    settings = schedule(epochs=len(left) // 2, patience=99, learning_rate=1e-2, **changes)
    seen = []

    def validate():
        seen.append(float(model.weight.detach()))
        return Validation(loss=-float(len(seen)), top1=0.0)

    train(model, lambda: [torch.arange(2)] * 2, lambda _: model.weight.sum() * left.pop(0), validate, settings)
    return model, seen


def test_clipping_bounds_a_gradient_and_leaves_small_ones():
    usual = weights_after_steps([1.0, 0.5, 1.0, 0.25])[1]
    assert weights_after_steps([1.0, 0.5, 1.0, 0.25], gradient_clip=1.5)[1] == usual
    wild = [1.0, 50.0, 1.0, 0.25]
    clipped = weights_after_steps(wild, gradient_clip=1.0)[1]
    np.testing.assert_allclose(clipped, weights_after_steps([1.0, 1.0, 1.0, 0.25])[1], rtol=1e-5)
    assert clipped != weights_after_steps(wild)[1]


def test_warmup_starts_slowly():
    # The first step of AdamW is the learning rate itself; the second epoch starts where warm-up ends.
    slow, usual = (weights_after_steps([1.0] * 8, warmup_share=share)[1] for share in (0.25, 0.0))
    np.testing.assert_allclose(usual[1], -0.02, rtol=1e-4)
    np.testing.assert_allclose(slow[1], -0.015, rtol=1e-4)
    np.testing.assert_allclose(slow[2] - slow[1], -0.02, rtol=1e-4)


def test_averaged_weights_are_validated_and_kept():
    gradients = [1.0, -1.0, 1.0, 1.0]
    model, seen = weights_after_steps(gradients, weight_average=0.5)
    steps = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.AdamW([steps], 1e-2, weight_decay=0)
    average, expected = 0.0, [0.0]
    for index, gradient in enumerate(gradients):
        optimiser.param_groups[0]["lr"] = (1e-2, 5e-3)[index // 2]
        steps.grad = torch.tensor([gradient])
        optimiser.step()
        average = 0.5 * average + 0.5 * float(steps.detach())
        expected += [average] * (index % 2)
    np.testing.assert_allclose(seen, expected, atol=1e-7)
    np.testing.assert_allclose(float(model.weight.detach()), expected[-1], atol=1e-7)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_by_name(bad):
    with pytest.raises(TrainingError, match=r"epoch 2, batch 1 of 2, learning rate 0\.00\d+: .*Lower learning_rate"):
        weights_after_steps([1.0, 1.0, bad, 1.0])


def test_a_weight_that_is_not_finite_stops_even_after_the_last_batch():
    model = nn.Linear(1, 1)

    def root(_):  # a loss of 0 whose gradient is not finite
        return (model.weight * 0).sqrt().sum()

    with pytest.raises(TrainingError, match="epoch 1, batch 1 of 1, .*a weight"):
        train(model, lambda: [torch.arange(2)], root, lambda: Validation(1.0, 0.0), schedule())


def test_a_validation_loss_that_is_not_finite_stops_by_name():
    with pytest.raises(TrainingError, match="epoch 1, validation"):
        run([1.0, float("nan")], schedule())
