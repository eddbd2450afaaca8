"""Canonical correlation analysis between responses and Gabor features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import torch

from dina.decoders.base import Decoder, best_on_validation
from dina.models.features import FeatureSpace, fit_feature_space, restore_feature_space
from dina.models.similarity import cosine
from dina.recordings.trials import TRAIN, TrialResponses
from dina.settings import CcaSettings, GaborSettings

EXPONENTS = (1.0, 1.5, 2.0)  # of the correlations as weights of their components; validation images choose


class CcaDecoder(Decoder):
    """Canonical variates of both sides, compared by the cosine over pairs, each weighted by its correlation.

    Attributes
    ----------
    space : FeatureSpace
    neural_weights : (neurons, pairs), of responses around ``mean_response``
    image_weights : (components, pairs)
    mean_response : (neurons,)
    chosen : what the validation images chose, by name
    """

    name = "cca"

    def __init__(
        self,
        space: FeatureSpace,
        neural_weights: np.ndarray,
        image_weights: np.ndarray,
        mean_response: np.ndarray,
        chosen: dict[str, float],
    ):
        self.space, self.neural_weights, self.image_weights = space, neural_weights, image_weights
        self.mean_response, self.chosen = mean_response, chosen

    def represent(self, images: np.ndarray) -> np.ndarray:
        """Components (m, components)."""
        return self.space.components(images)

    def compare(self, z: np.ndarray, represented: np.ndarray) -> np.ndarray:
        """Cosine of weighted canonical variates."""
        return cosine(self.features(z), represented @ self.image_weights)

    def features(self, z: np.ndarray) -> np.ndarray:
        """Weighted canonical variates of responses (n, pairs)."""
        return (z - self.mean_response) @ self.neural_weights

    def tensors(self) -> dict[str, torch.Tensor]:
        """Both sides' weights, the mean response and the feature space."""
        names = ("neural_weights", "image_weights", "mean_response")
        return {name: torch.from_numpy(getattr(self, name)) for name in names} | self.space.tensors()

    def description(self) -> dict[str, Any]:
        """The bank, and what the validation images chose."""
        return {
            "gabor": self.space.bank.settings.model_dump(mode="json"),
            "image_shape": list(self.space.bank.image_shape),
            "chosen": self.chosen,
        }

    @classmethod
    def restore(cls, description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Self:
        """From a checkpoint."""
        space = restore_feature_space(GaborSettings(**description["gabor"]), description["image_shape"], tensors)
        fitted = (tensors[name].cpu().numpy() for name in ("neural_weights", "image_weights", "mean_response"))
        return cls(space, *fitted, chosen=description["chosen"])


def fit_cca(trials: TrialResponses, settings: CcaSettings, gabor: GaborSettings, device: torch.device) -> CcaDecoder:
    """Fit on training trials; the validation images choose both penalties and the weights' exponent.

    Cost grows with trials × neurons² + neurons³ and with neurons × components² for each pair of penalties; memory with
    neurons².

    References
    ----------
    Hotelling 1936, Biometrika 28:321; Vinod 1976, J. Econometrics 4:147 (a ridge on either side).
    """
    train, ids = trials.trials(TRAIN), trials.image_ids(TRAIN)
    space, scores = fit_feature_space(gabor, trials.images[ids], settings.n_components, device)
    z = trials.standardised(train)
    shown = scores[np.searchsorted(ids, trials.image_index[train])]
    candidates = (
        CcaDecoder(space, a * r**exponent, b * r**exponent, z.mean(0), {**penalties, "exponent": exponent})
        for penalties, a, b, r in canonical_ridge(z, shown, settings)
        for exponent in EXPONENTS
    )
    return best_on_validation(trials, candidates)


def canonical_ridge(
    x: np.ndarray, y: np.ndarray, settings: CcaSettings
) -> Iterator[tuple[dict[str, float], np.ndarray, np.ndarray, np.ndarray]]:
    """Pairs of directions ``a, b`` in which x and y correlate most, under a penalty on each side.

    ``max aᵀ C_xy b`` with ``aᵀ (C_xx + λ_x I) a = bᵀ (C_yy + λ_y I) b = 1``, by the singular values of
    ``L_x⁻¹ C_xy L_y⁻ᵀ`` with the penalised covariances' Cholesky factors; penalties in units of the mean variance.

    Parameters
    ----------
    x : (samples, p)
    y : (samples, q)

    Yields
    ------
    penalties, a (p, pairs) float32, b (q, pairs) float32, correlations (pairs,) float32 in falling order
    """
    from scipy.linalg import solve_triangular

    x, y = ((side - side.mean(0)).astype(np.float64) for side in (x, y))
    of_x, of_y, between = x.T @ x / len(x), y.T @ y / len(x), x.T @ y / len(x)
    for response_penalty in settings.response_penalties:
        x_factor = _factor(of_x, response_penalty)
        half = solve_triangular(x_factor, between, lower=True)
        for image_penalty in settings.image_penalties:
            y_factor = _factor(of_y, image_penalty)
            whitened = solve_triangular(y_factor, half.T, lower=True).T
            left, correlations, right = np.linalg.svd(whitened, full_matrices=False)
            a = solve_triangular(x_factor.T, left[:, : settings.n_pairs])
            b = solve_triangular(y_factor.T, right[: settings.n_pairs].T)
            penalties = {"response_penalty": response_penalty, "image_penalty": image_penalty}
            yield penalties, *(v.astype(np.float32) for v in (a, b, correlations[: settings.n_pairs]))


def _factor(covariance: np.ndarray, penalty: float) -> np.ndarray:
    unit = max(np.trace(covariance) / len(covariance), np.finfo(np.float32).tiny)
    return np.linalg.cholesky(covariance + penalty * unit * np.eye(len(covariance)))
