"""An encoding model, from Gabor features to responses, that decodes by what it predicts for each candidate."""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

import numpy as np
import torch

from dina.decoders.base import Decoder, best_on_validation
from dina.models.features import FeatureSpace, fit_feature_space, restore_feature_space
from dina.models.similarity import correlation
from dina.recordings.trials import TRAIN, TrialResponses
from dina.settings import GaborSettings, RidgeSettings

Score = Literal["correlation", "likelihood"]
FITTED = ("coefficients", "intercept", "residual_sd", "penalty")
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
    intercept, residual_sd, penalty : (neurons,)
    score : "correlation" or "likelihood"
    """

    name = "encoding"

    def __init__(
        self,
        space: FeatureSpace,
        coefficients: np.ndarray,
        intercept: np.ndarray,
        residual_sd: np.ndarray,
        penalty: np.ndarray,
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
        """Coefficients, intercept, residual, penalties and the feature space."""
        return {name: torch.from_numpy(getattr(self, name)) for name in FITTED} | self.space.tensors()

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
        return cls(space, *(tensors[name].cpu().numpy() for name in FITTED), score=description["score"])


def fit_encoding(
    trials: TrialResponses, settings: RidgeSettings, gabor: GaborSettings, device: torch.device
) -> EncodingDecoder:
    """Fit on training trials; each neuron has a penalty of its own, and the validation images choose the score.

    Cost is that of the features, and images × components × neurons for each penalty; memory images × neurons.
    """
    ids = trials.image_ids(TRAIN)
    space, scores = fit_feature_space(gabor, trials.images[ids], settings.n_encoding_components, device)
    fitted = _fit_neurons(trials, scores, settings.penalties)
    return best_on_validation(trials, (EncodingDecoder(space, *fitted, score=score) for score in get_args(Score)))


def _fit_neurons(trials: TrialResponses, scores: np.ndarray, penalties: tuple[float, ...]) -> tuple[np.ndarray, ...]:
    """``FITTED``: ridge under the penalty with the neuron's least error on training images left out one by one.

    An image's showings are averaged, so that none of them tells of another, and it weighs as often as it was shown.
    """
    from sklearn.linear_model import RidgeCV

    train = trials.trials(TRAIN)
    response, ids = trials.averaged(TRAIN)
    shown = np.searchsorted(ids, trials.image_index[train])
    count = np.bincount(shown)
    unit = float(count @ np.mean(scores.astype(np.float64) ** 2, axis=1))
    ridge = RidgeCV(alphas=[penalty * unit for penalty in penalties], alpha_per_target=True)
    ridge.fit(scores, response, sample_weight=count)
    coefficients = np.ascontiguousarray(ridge.coef_.T, np.float32)
    residual = np.std(trials.standardised(train) - scores[shown] @ coefficients, axis=0)
    residual_sd = np.maximum(residual, MIN_RESIDUAL_SD)
    return coefficients, *(values.astype(np.float32) for values in (ridge.intercept_, residual_sd, ridge.alpha_ / unit))
