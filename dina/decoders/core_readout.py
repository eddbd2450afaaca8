"""An encoding model with a convolutional core that all neurons share, and a Gaussian readout at each one's place."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch

from dina.decoders.base import Decoder, best_on_validation
from dina.decoders.prediction import Score, noise_and_scores, response_scores
from dina.models.core import CoreReadout
from dina.models.noise import Noise, restore_noise
from dina.recordings.trials import TRAIN, TrialResponses
from dina.settings import CoreReadoutSettings, GaborSettings
from dina.training.core import fit_core_readout


class CoreReadoutDecoder(Decoder):
    """Responses by a network; candidates are scored by the responses that they should evoke, as the encoding model's.

    Attributes
    ----------
    network : CoreReadout, of standardised, unweighted responses
    weights : (neurons,) by which responses come multiplied
    noise : Noise
    score : "cosine", "correlation" or "likelihood"
    """

    name = "core_readout"

    def __init__(self, network: CoreReadout, weights: np.ndarray, noise: Noise, score: Score):
        self.network, self.weights, self.noise, self.score = network.eval(), weights, noise, score

    def represent(self, images: np.ndarray) -> np.ndarray:
        """The responses that images should evoke (m, neurons)."""
        return self.network.predict(images).cpu().numpy() * self.weights

    def compare(self, z: np.ndarray, represented: np.ndarray) -> np.ndarray:
        """Likelihood, cosine or correlation."""
        return response_scores(z, represented, self.noise, self.score)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """What it compares."""
        return self.represent(images)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The network, the weights of neurons, and the noise."""
        return self.network.state_dict() | {"weights": torch.from_numpy(self.weights)} | self.noise.tensors()

    def description(self) -> dict[str, Any]:
        """Sizes, and the score that the validation images chose."""
        channels, half, _ = self.network.core.layout
        return {"n_neurons": len(self.weights), "channels": channels, "size": 2 * half, "score": self.score}

    @classmethod
    def restore(cls, description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Self:
        """From a checkpoint."""
        network = CoreReadout(description["n_neurons"], description["channels"], description["size"])
        network.load_state_dict({name: tensors[name] for name in network.state_dict()})
        weights = tensors["weights"]
        return cls(network.to(weights.device), weights.cpu().numpy(), restore_noise(tensors), description["score"])


def fit_core_readout_decoder(
    trials: TrialResponses, settings: CoreReadoutSettings, gabor: GaborSettings, *, seed: int, device: torch.device
) -> CoreReadoutDecoder:
    """Train the network, see :func:`dina.training.core.fit_core_readout`; validation images choose noise and score."""
    network = fit_core_readout(trials, settings, gabor, seed=seed, device=device)
    ids, chosen = trials.image_ids(TRAIN), trials.trials(TRAIN)
    predicted = network.predict(trials.images[ids]).cpu().numpy()[np.searchsorted(ids, trials.image_index[chosen])]
    candidates = (
        CoreReadoutDecoder(network, trials.weights, noise, score)
        for noise, score in noise_and_scores(trials.standardised(chosen) - predicted * trials.weights)
    )
    return best_on_validation(trials, candidates)
