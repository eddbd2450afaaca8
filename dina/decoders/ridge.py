"""Ridge regression from responses to pixels."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch

from dina.decoders.base import Decoder, best_on_validation
from dina.decoders.pictures import shrink
from dina.models.ridge import ridge_path
from dina.models.similarity import correlation
from dina.recordings.trials import TRAIN, TrialResponses
from dina.settings import RidgeSettings


class RidgeDecoder(Decoder):
    """Linear pixels; candidates are scored by correlation with the reconstruction, the mean image taken off both.

    Attributes
    ----------
    coefficients : (neurons, pixels)
    intercept : (pixels,)
    mean : (pixels,) of the training images
    penalty : float
    """

    name = "ridge"

    def __init__(self, coefficients: np.ndarray, intercept: np.ndarray, mean: np.ndarray, size: int, penalty: float):
        self.coefficients, self.intercept, self.mean = coefficients, intercept, mean
        self.size, self.penalty = size, penalty

    def scores(self, z: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Correlation over pixels."""
        return correlation(self.features(z) - self.mean, shrink(images, self.size) - self.mean)

    def reconstruct(self, z: np.ndarray) -> np.ndarray:
        """(n, size, size) pictures."""
        return self.features(z).reshape(-1, self.size, self.size)

    def features(self, z: np.ndarray) -> np.ndarray:
        """The reconstructed pixels (n, size²)."""
        return z @ self.coefficients + self.intercept

    def tensors(self) -> dict[str, torch.Tensor]:
        """Coefficients, intercept and mean image."""
        return {name: torch.from_numpy(getattr(self, name)) for name in ("coefficients", "intercept", "mean")}

    def description(self) -> dict[str, Any]:
        """Size and the chosen penalty."""
        return {"size": self.size, "penalty": self.penalty}

    @classmethod
    def restore(cls, description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Self:
        """From a checkpoint."""
        arrays = {name: value.cpu().numpy() for name, value in tensors.items()}
        return cls(**arrays, size=description["size"], penalty=description["penalty"])


def fit_ridge(trials: TrialResponses, settings: RidgeSettings) -> RidgeDecoder:
    """Fit on training trials; the validation images choose the penalty.

    Cost grows with the cube of the smaller of trials and neurons; the coefficients are neurons × pixels.
    """
    train = trials.trials(TRAIN)
    pixels = shrink(trials.images[trials.image_ids(TRAIN)], settings.size_px)
    shown = np.searchsorted(trials.image_ids(TRAIN), trials.image_index[train])
    path = ridge_path(trials.standardised(train), pixels[shown], settings.penalties)
    mean = pixels.mean(0)
    return best_on_validation(
        trials, (RidgeDecoder(b, intercept, mean, settings.size_px, penalty) for penalty, b, intercept in path)
    )
