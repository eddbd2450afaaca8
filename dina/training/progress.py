"""How far a training is: a bar on a terminal, a line every few per cent in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch
from tqdm import tqdm

LINE_SHARE = 0.05  # of all epochs, between two lines of a log
REFRESH_S = 0.5  # between two looks at the loss on a terminal; a GPU must wait for each
BAR = "{desc} {percentage:3.0f}% |{bar}| {elapsed}<{remaining}, {postfix}"


def say(text: str) -> None:
    """A line for the log, or above the bar."""
    tqdm.write(text, file=sys.stderr)


class Progress:
    """Tells of a training on stderr; nothing of it enters any result.

    Time left is for all epochs, and training may stop before.

    Parameters
    ----------
    epochs : of the whole training
    done : epochs that a checkpoint spares this process
    silent : tell nothing, as all processes but the first do
    clock : seconds
    """

    def __init__(
        self, epochs: int, done: int = 0, *, silent: bool = False, clock: Callable[[], float] = time.monotonic
    ):
        self.epochs, self.done, self.silent, self._clock = epochs, done, silent, clock
        on_terminal = not silent and sys.stderr.isatty()
        self._bar = tqdm(total=epochs, initial=done, desc="training", bar_format=BAR, disable=not on_terminal)
        self._started = self._looked = clock()
        self._n_trials, self._top1, self._next = 0, float("nan"), done + LINE_SHARE * epochs

    def validated(self, top1: float) -> None:
        """Note the share of validation trials whose image ranks first."""
        self._top1 = top1

    def stepped(self, at: float, n_trials: int, loss: torch.Tensor) -> None:
        """Count a batch of ``n_trials`` after which ``at`` epochs are done; looks at its loss now and then."""
        self._n_trials += n_trials
        if self.silent:
            return
        if self._bar.disable:
            if at >= self._next - 1e-9:
                self._next = at + LINE_SHARE * self.epochs
                say(self._line(at, float(loss)))
        elif self._clock() - self._looked >= REFRESH_S:
            self._looked = self._clock()
            self._bar.set_postfix_str(f"loss {float(loss):.3f}, validation top-1 {self._top1:.2f}", refresh=False)
            self._bar.update(at - self._bar.n)

    def finished(self, epoch: int, best_epoch: int) -> None:
        """Tell where training ended, and how fast it was, validation included."""
        self._bar.close()
        if not self.silent:
            seconds = self._clock() - self._started
            speed = self._n_trials / seconds if seconds > 0 else 0.0
            say(
                f"training: ended after epoch {epoch} of {self.epochs}, the best is {best_epoch}; "
                f"{_duration(seconds)}, {speed:,.0f} trials/s"
            )

    def _line(self, at: float, loss: float) -> str:
        seconds = self._clock() - self._started
        left = seconds * (self.epochs - at) / (at - self.done)
        return (
            f"training: {100 * at / self.epochs:3.0f} % of {self.epochs} epochs, loss {loss:.3f}, "
            f"validation top-1 {self._top1:.2f}; {_duration(seconds)} elapsed, at most {_duration(left)} left"
        )


def _duration(seconds: float) -> str:
    return tqdm.format_interval(seconds)
