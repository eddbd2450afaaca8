import sys

import pytest
import torch

from dina.training.progress import Progress


def told(capsys, epochs=40, done=0, batches=10, stop_at=None, **options):
    """Lines of a training whose batches of 64 take a second each."""
    now = iter(range(10**6))
    clock = {"s": 0.0}
    progress = Progress(epochs, done, clock=lambda: clock["s"], **options)
    for epoch in range(done + 1, (stop_at or epochs) + 1):
        progress.validated(epoch / 100)
        for batch in range(1, batches + 1):
            clock["s"] = 1.0 + next(now)
            progress.stepped(epoch - 1 + batch / batches, 64, torch.tensor(1.5))
    progress.finished(stop_at or epochs, 3)
    return capsys.readouterr().err.splitlines()


def test_a_log_gets_a_line_every_twentieth(capsys):
    lines = told(capsys)
    assert len(lines) == 21
    assert lines[4] == (
        "training:  25 % of 40 epochs, loss 1.500, validation top-1 0.10; 01:40 elapsed, at most 05:00 left"
    )
    assert lines[-1] == "training: ended after epoch 40 of 40, the best is 3; 06:40, 64 trials/s"


def test_few_long_epochs_get_lines_within_them(capsys):
    assert len(told(capsys, epochs=2, batches=1000)) == 21


def test_time_left_of_a_resumed_training_counts_its_own_epochs_alone(capsys):
    lines = told(capsys, done=20)
    assert "55 %" in lines[0] and "00:20 elapsed, at most 03:00 left" in lines[0]


def test_training_that_ends_early_says_so(capsys):
    assert told(capsys, stop_at=12)[-1].startswith("training: ended after epoch 12 of 40, the best is 3;")


def test_other_processes_are_silent(capsys):
    assert told(capsys, silent=True) == []


@pytest.mark.parametrize("epochs", [3])
def test_a_terminal_gets_a_bar(capsys, monkeypatch, epochs):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    lines = told(capsys, epochs=epochs)
    assert any("loss 1.500, validation top-1 0.0" in line and "|" in line for line in lines)
