"""The part of the image that a population sees: pixels that its responses tell anything about."""

from __future__ import annotations

import numpy as np

from dina.decoders.pictures import shrink
from dina.models.ridge import ridge_path
from dina.recordings.trials import TRAIN, VALIDATION, TrialResponses

PENALTIES = (0.3, 3.0, 30.0)
LEAST_EXPLAINED = 0.02  # of a pixel's variance; chance fluctuates around 0
FEWEST_SHARE = 0.05  # of the pixels, below which there is no field to speak of


def population_field(trials: TrialResponses, size: int) -> np.ndarray:
    """Pixels of which ridge regression from responses explains some variance on validation images.

    Fitted on training trials; test trials play no part. Cost is that of a ridge regression with size² targets.

    Returns
    -------
    (size, size) bool; all True where hardly any pixel passes, since nothing can then be told of the field.
    """
    train, validation = trials.trials(TRAIN), trials.trials(VALIDATION)
    pixels = shrink(trials.images, size)
    shown, held_out = pixels[trials.image_index[train]], pixels[trials.image_index[validation]]
    z, held_out_z = trials.standardised(train), trials.standardised(validation)
    total = np.mean((held_out - shown.mean(0)) ** 2, axis=0)
    explained = [
        1 - np.mean((held_out_z @ coefficients + intercept - held_out) ** 2, axis=0) / np.maximum(total, 1e-12)
        for _, coefficients, intercept in ridge_path(z, shown, PENALTIES)
    ]
    field = max(explained, key=np.mean) > LEAST_EXPLAINED
    return (field if field.mean() >= FEWEST_SHARE else np.ones_like(field)).reshape(size, size)
