"""How far a training is: a bar on a terminal, a line every few per cent in a log."""

from __future__ import annotations

import sys

from tqdm import tqdm


def say(text: str) -> None:
    """A line for the log, or above the bar."""
    tqdm.write(text, file=sys.stderr)
