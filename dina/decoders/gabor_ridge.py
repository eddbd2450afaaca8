"""Ridge regression from responses to whitened principal components of the Gabor features."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch

from dina.decoders.base import Decoder, best_on_validation
from dina.models.features import FeatureSpace, fit_feature_space, restore_feature_space
from dina.models.ridge import ridge_path
from dina.models.similarity import cosine
from dina.recordings.trials import TRAIN, TrialResponses
from dina.settings import GaborSettings, RidgeSettings


class GaborRidgeDecoder(Decoder):
    """Linear features; candidates are scored by the cosine of whitened components.

    Attributes
    ----------
    space : FeatureSpace, shared with DINA's image tower up to the components
    coefficients : (neurons, components)
    intercept : (components,)
    penalty : float
    """

    name = "gabor_ridge"

    def __init__(self, space: FeatureSpace, coefficients: np.ndarray, intercept: np.ndarray, penalty: float):
        self.space, self.coefficients, self.intercept, self.penalty = space, coefficients, intercept, penalty

    def represent(self, images: np.ndarray) -> np.ndarray:
        """Whitened components (m, components)."""
        return self.space.whitened(images)

    def compare(self, z: np.ndarray, represented: np.ndarray) -> np.ndarray:
        """Cosine of predicted and true components."""
        return cosine(self.features(z), represented)

    def features(self, z: np.ndarray) -> np.ndarray:
        """Predicted whitened components (n, components)."""
        return z @ self.coefficients + self.intercept

    def tensors(self) -> dict[str, torch.Tensor]:
        """Coefficients, intercept and the feature space."""
        fitted = {name: torch.from_numpy(getattr(self, name)) for name in ("coefficients", "intercept")}
        return fitted | self.space.tensors()

    def description(self) -> dict[str, Any]:
        """The bank and the chosen penalty."""
        return {
            "gabor": self.space.bank.settings.model_dump(mode="json"),
            "image_shape": list(self.space.bank.image_shape),
            "penalty": self.penalty,
        }

    @classmethod
    def restore(cls, description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Self:
        """From a checkpoint."""
        space = restore_feature_space(GaborSettings(**description["gabor"]), description["image_shape"], tensors)
        coefficients, intercept = (tensors[name].cpu().numpy() for name in ("coefficients", "intercept"))
        return cls(space, coefficients, intercept, description["penalty"])


def fit_gabor_ridge(
    trials: TrialResponses, settings: RidgeSettings, gabor: GaborSettings, device: torch.device
) -> GaborRidgeDecoder:
    """Fit on training trials; the validation images choose the penalty.

    Cost is that of the features (:func:`dina.models.features.fit_feature_space`) and of a ridge regression.
    """
    train, ids = trials.trials(TRAIN), trials.image_ids(TRAIN)
    space, scores = fit_feature_space(gabor, trials.images[ids], settings.n_components, device)
    target = (scores / space.deviation.cpu().numpy())[np.searchsorted(ids, trials.image_index[train])]
    path = ridge_path(trials.standardised(train), target, settings.penalties)
    return best_on_validation(
        trials, (GaborRidgeDecoder(space, b, intercept, penalty) for penalty, b, intercept in path)
    )
