from types import SimpleNamespace

import torch
from torch import nn

from dina.training.loop import Validation, train


def schedule(**changes):
    return SimpleNamespace(**({"epochs": 10, "learning_rate": 0.1, "weight_decay": 0.0, "patience": 3} | changes))


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
