"""The repeat-to-repeat template: a reference whose gallery is the other showing of each test image."""

from __future__ import annotations

import numpy as np

from dina.models.similarity import correlation
from dina.recordings.reliability import repeat_pairs
from dina.recordings.trials import TEST, TrialResponses


def template_scores(trials: TrialResponses) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of each test response with the other showing of every test image.

    It has seen the true image's other response, which no decoder may, and its gallery is as noisy as its query:
    a reference, not a bound. Images shown once are left out.

    Returns
    -------
    scores : (2 · images, images) both showings as queries, the other as the gallery; empty if no test image repeats
    image : (images,) ids of the gallery, ascending; query q shows image ``q % images``

    References
    ----------
    Stringer et al. 2019, Nature 571:361.
    """
    first, second = repeat_pairs(trials.image_index, trials.repeat, trials.trials(TEST))
    image = trials.image_index[first]
    if not len(first):
        return np.empty((0, 0)), image
    one, two = trials.standardised(first), trials.standardised(second)
    return np.concatenate([correlation(one, two), correlation(two, one)]), image
