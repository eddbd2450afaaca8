"""The stimulus protocol: which image is shown when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dina.settings import ProtocolSettings
from dina.simulate.crops import TEST, TRAIN, VALIDATION
from dina.simulate.seeds import generator


@dataclass(frozen=True)
class Protocol:
    """Trials in order of time.

    Attributes
    ----------
    image : (trials,) int32, index of the image shown
    repeat : (trials,) int16, 0 for an image's first showing
    onset_s : (trials,) float64, from the start of the recording
    duration_s : float, time that an image is on
    total_s : float, length of the recording
    """

    image: np.ndarray
    repeat: np.ndarray
    onset_s: np.ndarray
    duration_s: float
    total_s: float

    def __len__(self) -> int:
        """Number of trials."""
        return len(self.image)


def draw_protocol(settings: ProtocolSettings, split: np.ndarray, seed: int) -> Protocol:
    """Order all showings at random, with no image twice in a row, and set their onsets.

    Parameters
    ----------
    split : (images,) index into ``dina.simulate.crops.SPLITS``
    """
    rng = generator(seed, "protocol")
    image = _shuffle_apart(np.repeat(np.arange(len(split)), _showings(settings, split, rng)), rng)
    gaps = settings.gap_s + settings.gap_jitter_s * rng.uniform(-1, 1, len(image))
    cycle = settings.duration_s + np.maximum(gaps, 0)
    onset = settings.lead_s + np.r_[0, np.cumsum(cycle)]
    return Protocol(
        image=image.astype(np.int32),
        repeat=_count_earlier(image).astype(np.int16),
        onset_s=onset[:-1],
        duration_s=settings.duration_s,
        total_s=float(onset[-1] + settings.lead_s),
    )


def _showings(settings: ProtocolSettings, split: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(images,) how often each image is shown."""
    showings = np.ones(len(split), int)
    showings[split == TEST] = settings.test_repeats
    for code, share in ((TRAIN, settings.share_train_repeated), (VALIDATION, settings.share_validation_repeated)):
        members = np.flatnonzero(split == code)
        showings[rng.permutation(members)[: round(share * len(members))]] = 2
    return showings


def _shuffle_apart(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random order in which no image follows itself, as long as there are others."""
    image = rng.permutation(image)
    if len(np.unique(image)) < 3:
        return image
    while True:
        twice = np.flatnonzero(image[1:] == image[:-1]) + 1
        if not len(twice):
            return image
        partners = rng.integers(len(image), size=len(twice))
        for trial, partner in zip(twice, partners, strict=True):
            image[[trial, partner]] = image[[partner, trial]]


def _count_earlier(image: np.ndarray) -> np.ndarray:
    """(trials,) how often the trial's image was shown before."""
    order = np.argsort(image, kind="stable")
    starts = np.r_[0, np.cumsum(np.bincount(image))][image[order]]
    earlier = np.empty(len(image), int)
    earlier[order] = np.arange(len(image)) - starts
    return earlier
