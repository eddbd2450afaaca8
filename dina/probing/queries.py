"""Test responses as queries, and how often the shown image comes first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dina.models.ranking import rivals_ahead
from dina.recordings.trials import TEST, TrialResponses


@dataclass(frozen=True)
class Queries:
    """Test responses of one trial mode.

    Attributes
    ----------
    z : (queries, neurons) standardised and weighted
    true : (queries,) row of the gallery, which holds every test image once, by ascending index
    """

    z: np.ndarray
    true: np.ndarray


def single_trials(trials: TrialResponses) -> Queries:
    """Each showing by itself."""
    shown = trials.trials(TEST)
    true = np.searchsorted(trials.image_ids(TEST), trials.image_index[shown])
    return Queries(trials.standardised(shown), true)


def averaged_trials(trials: TrialResponses) -> Queries:
    """The mean over the showings of each image."""
    z, ids = trials.averaged(TEST)
    return Queries(z, np.arange(len(ids)))


def top1_by_image(scores: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Share of each image's queries whose true image comes first; a tie of two for the first place counts half.

    Parameters
    ----------
    scores : (queries, images), higher is better
    true : (queries,) the shown image

    Returns
    -------
    (images,)
    """
    first = np.clip(1 - rivals_ahead(scores, true), 0, 1)
    n_images = scores.shape[1]
    return np.bincount(true, first, n_images) / np.bincount(true, minlength=n_images)
