"""An encoding model, from Gabor features to responses, that decodes by what it predicts for each candidate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Self

import numpy as np
import torch

from dina.decoders.base import Decoder, best_on_validation
from dina.models.features import FeatureSpace, fit_feature_space, restore_feature_space
from dina.models.ridge import ridge_path
from dina.models.similarity import correlation
from dina.recordings.trials import TRAIN, TrialResponses
from dina.settings import GaborSettings, RidgeSettings

Score = Literal["correlation", "likelihood"]
MIN_RESIDUAL_SD = 0.05  # a neuron cannot be surer than this share of a typical response


class EncodingDecoder(Decoder):
    """Linear responses; candidates are scored by the responses that they should evoke.

    The score is the Gaussian log-likelihood of the response, up to a constant, or its correlation
    with the prediction over neurons in units of their residual; the validation images choose.
    It yields neither pixels nor features.

    Attributes
    ----------
    space : FeatureSpace
    coefficients : (components, neurons)
    intercept, residual_sd : (neurons,)
    """

    name = "encoding"

    def __init__(
        self,
        space: FeatureSpace,
        coefficients: np.ndarray,
        intercept: np.ndarray,
        residual_sd: np.ndarray,
        penalty: float,
        score: Score,
    ):
        self.space, self.coefficients, self.intercept = space, coefficients, intercept
        self.residual_sd, self.penalty, self.score = residual_sd, penalty, score

    def represent(self, images: np.ndarray) -> np.ndarray:
        """Components (m, components)."""
        return self.space.components(images)

    def compare(self, z: np.ndarray, represented: np.ndarray) -> np.ndarray:
        """Log-likelihood or correlation."""
        predicted = (represented @ self.coefficients + self.intercept) / self.residual_sd
        observed = z / self.residual_sd
        if self.score == "correlation":
            return correlation(observed, predicted)
        return observed @ predicted.T - 0.5 * np.sum(predicted**2, axis=1)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Coefficients, intercept, residual and the feature space."""
        names = ("coefficients", "intercept", "residual_sd")
        return {name: torch.from_numpy(getattr(self, name)) for name in names} | self.space.tensors()

    def description(self) -> dict[str, Any]:
        """The bank, and what the validation images chose."""
        return {
            "gabor": self.space.bank.settings.model_dump(mode="json"),
            "image_shape": list(self.space.bank.image_shape),
            "penalty": self.penalty,
            "score": self.score,
        }

    @classmethod
    def restore(cls, description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Self:
        """From a checkpoint."""
        space = restore_feature_space(GaborSettings(**description["gabor"]), description["image_shape"], tensors)
        fitted = (tensors[name].cpu().numpy() for name in ("coefficients", "intercept", "residual_sd"))
        return cls(space, *fitted, penalty=description["penalty"], score=description["score"])


def fit_encoding(
    trials: TrialResponses, settings: RidgeSettings, gabor: GaborSettings, device: torch.device
) -> EncodingDecoder:
    """Fit on training trials; the validation images choose penalty and score.

    Cost is that of the features and of a ridge regression; the coefficients are components × neurons.
    """
    ids = trials.image_ids(TRAIN)
    space, scores = fit_feature_space(gabor, trials.images[ids], settings.n_encoding_components, device)
    return best_on_validation(trials, _candidates(trials, space, scores, settings))


def _candidates(
    trials: TrialResponses, space: FeatureSpace, scores: np.ndarray, settings: RidgeSettings
) -> Iterator[EncodingDecoder]:
    train = trials.trials(TRAIN)
    z = trials.standardised(train)
    shown = scores[np.searchsorted(trials.image_ids(TRAIN), trials.image_index[train])]
    for penalty, coefficients, intercept in ridge_path(shown, z, settings.penalties):
        residual = np.std(z - shown @ coefficients, axis=0)
        residual_sd = np.maximum(residual, MIN_RESIDUAL_SD).astype(np.float32)
        for score in ("correlation", "likelihood"):
            yield EncodingDecoder(space, coefficients, intercept, residual_sd, penalty, score)
