"""Ridge regression from responses to pixels."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch

from dina.decoders.base import Decoder, best_on_validation
from dina.decoders.pictures import shrink, similarity, whitenings
from dina.models.ridge import ridge_path
from dina.recordings.trials import TRAIN, TrialResponses
from dina.settings import RidgeSettings


class RidgeDecoder(Decoder):
    """Linear pixels; candidates are scored by similarity with the reconstruction, the mean image taken off both.

    Attributes
    ----------
    coefficients : (neurons, pixels)
    intercept : (pixels,)
    mean : (pixels,) of the training images
    whitening : (components, pixels), of :func:`dina.decoders.pictures.similarity`
    penalty : float
    """

    name = "ridge"

    def __init__(
        self,
        coefficients: np.ndarray,
        intercept: np.ndarray,
        mean: np.ndarray,
        whitening: np.ndarray,
        size: int,
        penalty: float,
    ):
        self.coefficients, self.intercept, self.mean, self.whitening = coefficients, intercept, mean, whitening
        self.size, self.penalty = size, penalty

    def represent(self, images: np.ndarray) -> np.ndarray:
        """Pixels (m, size²) around the mean image."""
        return shrink(images, self.size) - self.mean

    def compare(self, z: np.ndarray, represented: np.ndarray) -> np.ndarray:
        """Correlation over pixels, or cosine of whitened components."""
        return similarity(self.features(z) - self.mean, represented, self.whitening)

    def reconstruct(self, z: np.ndarray) -> np.ndarray:
        """(n, size, size) pictures."""
        return self.features(z).reshape(-1, self.size, self.size)

    def features(self, z: np.ndarray) -> np.ndarray:
        """The reconstructed pixels (n, size²)."""
        return z @ self.coefficients + self.intercept

    def tensors(self) -> dict[str, torch.Tensor]:
        """Coefficients, intercept, mean image and metric."""
        names = ("coefficients", "intercept", "mean", "whitening")
        return {name: torch.from_numpy(getattr(self, name)) for name in names}

    def description(self) -> dict[str, Any]:
        """Size and the chosen penalty."""
        return {"size": self.size, "penalty": self.penalty}

    @classmethod
    def restore(cls, description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Self:
        """From a checkpoint."""
        arrays = {name: value.cpu().numpy() for name, value in tensors.items()}
        return cls(**arrays, size=description["size"], penalty=description["penalty"])


def fit_ridge(trials: TrialResponses, settings: RidgeSettings) -> RidgeDecoder:
    """Fit on training trials; the validation images choose the penalty and the metric.

    Cost grows with the cube of the smaller of trials and neurons; the coefficients are neurons × pixels.
    """
    train = trials.trials(TRAIN)
    pixels = shrink(trials.images[trials.image_ids(TRAIN)], settings.size_px)
    shown = np.searchsorted(trials.image_ids(TRAIN), trials.image_index[train])
    path = ridge_path(trials.standardised(train), pixels[shown], settings.penalties)
    mean = pixels.mean(0)
    metrics = list(whitenings(pixels - mean))
    candidates = (
        RidgeDecoder(b, intercept, mean, whitening, settings.size_px, penalty)
        for penalty, b, intercept in path
        for whitening in metrics
    )
    return best_on_validation(trials, candidates)
