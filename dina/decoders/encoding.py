"""An encoding model, from Gabor features to responses, that decodes by what it predicts for each candidate."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch

from dina.decoders.base import Decoder, best_on_validation
from dina.decoders.prediction import Score, noise_and_scores, response_scores
from dina.models.features import FeatureSpace, fit_feature_space, restore_feature_space
from dina.models.noise import Noise, restore_noise
from dina.recordings.trials import TRAIN, TrialResponses
from dina.settings import GaborSettings, RidgeSettings

FITTED = ("coefficients", "intercept", "penalty")


class EncodingDecoder(Decoder):
    """Linear responses; candidates are scored by the responses that they should evoke.

    Response and predictions are whitened by the noise that training trials leave unexplained. The score is the Gaussian
    log-likelihood of the response, up to a constant, or its cosine or correlation with the prediction over neurons,
    which an overall gain does not move; the validation images choose. It yields neither pixels nor features.

    Attributes
    ----------
    space : FeatureSpace
    coefficients : (components, neurons)
    intercept, penalty : (neurons,)
    noise : Noise
    score : "cosine", "correlation" or "likelihood"
    """

    name = "encoding"

    def __init__(
        self,
        space: FeatureSpace,
        coefficients: np.ndarray,
        intercept: np.ndarray,
        penalty: np.ndarray,
        noise: Noise,
        score: Score,
    ):
        self.space, self.coefficients, self.intercept = space, coefficients, intercept
        self.penalty, self.noise, self.score = penalty, noise, score

    def represent(self, images: np.ndarray) -> np.ndarray:
        """Components (m, components)."""
        return self.space.components(images)

    def compare(self, z: np.ndarray, represented: np.ndarray) -> np.ndarray:
        """Likelihood, cosine or correlation."""
        return response_scores(z, self._responses(represented), self.noise, self.score)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Linear responses to the images' components."""
        return self._responses(self.represent(images))

    def _responses(self, represented: np.ndarray) -> np.ndarray:
        return represented @ self.coefficients + self.intercept

    def tensors(self) -> dict[str, torch.Tensor]:
        """Coefficients, intercept, penalties, noise and the feature space."""
        fitted = {name: torch.from_numpy(getattr(self, name)) for name in FITTED}
        return fitted | self.noise.tensors() | self.space.tensors()

    def description(self) -> dict[str, Any]:
        """The bank, and the score that the validation images chose."""
        return {
            "gabor": self.space.bank.settings.model_dump(mode="json"),
            "image_shape": list(self.space.bank.image_shape),
            "score": self.score,
        }

    @classmethod
    def restore(cls, description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Self:
        """From a checkpoint."""
        space = restore_feature_space(GaborSettings(**description["gabor"]), description["image_shape"], tensors)
        fitted = (tensors[name].cpu().numpy() for name in FITTED)
        return cls(space, *fitted, noise=restore_noise(tensors), score=description["score"])


def fit_encoding(
    trials: TrialResponses, settings: RidgeSettings, gabor: GaborSettings, device: torch.device
) -> EncodingDecoder:
    """Fit on training trials; each neuron has a penalty of its own, and the validation images choose noise and score.

    Cost is that of the features, and images × components × neurons for each penalty; memory images × neurons.
    """
    train, ids = trials.trials(TRAIN), trials.image_ids(TRAIN)
    space, scores = fit_feature_space(gabor, trials.images[ids], settings.n_encoding_components, device)
    coefficients, intercept, penalty = fit_neurons(trials, scores, settings.penalties)
    predicted = scores @ coefficients + intercept
    residuals = trials.standardised(train) - predicted[np.searchsorted(ids, trials.image_index[train])]
    candidates = (
        EncodingDecoder(space, coefficients, intercept, penalty, noise, score)
        for noise, score in noise_and_scores(residuals)
    )
    return best_on_validation(trials, candidates)


def fit_neurons(
    trials: TrialResponses, scores: np.ndarray, penalties: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ridge under the penalty with the neuron's least error on training images left out one by one.

    An image's showings are averaged, so that none of them tells of another, and it weighs as often as it was shown.
    In a closed set, where other showings of the image are known, trials are left out instead.

    Parameters
    ----------
    scores : (training images, components)

    Returns
    -------
    coefficients (components, neurons), intercept (neurons,) and penalty (neurons,), float32.
    """
    from sklearn.linear_model import RidgeCV

    train, ids = trials.trials(TRAIN), trials.image_ids(TRAIN)
    shown = np.searchsorted(ids, trials.image_index[train])
    if trials.is_closed_set:
        response, scores, count = trials.standardised(train), scores[shown], np.ones(len(train), int)
    else:
        response, count = trials.averaged(TRAIN)[0], np.bincount(shown)
    unit = float(count @ np.mean(scores.astype(np.float64) ** 2, axis=1))
    ridge = RidgeCV(alphas=[penalty * unit for penalty in penalties], alpha_per_target=True)
    ridge.fit(scores, response, sample_weight=count)
    coefficients = ridge.coef_.reshape(-1, scores.shape[1]).T  # of a single neuron it comes flat
    fitted = (coefficients, np.atleast_1d(ridge.intercept_), np.atleast_1d(ridge.alpha_ / unit))
    return tuple(np.ascontiguousarray(values, np.float32) for values in fitted)
