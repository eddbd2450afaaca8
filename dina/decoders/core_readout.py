"""An encoding model with a convolutional core that all neurons share, and a Gaussian readout at each one's place."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch

from dina.decoders.base import Decoder, best_on_validation
from dina.decoders.pictures import shrink
from dina.decoders.prediction import Score, noise_and_scores, response_scores
from dina.models.core import CoreReadout, places_of_neurons
from dina.models.dual_tower import initialise
from dina.models.noise import Noise, restore_noise
from dina.models.ranking import rivals_ahead
from dina.models.similarity import correlation
from dina.recordings.trials import TRAIN, VALIDATION, TrialResponses
from dina.settings import CoreReadoutSettings, GaborSettings
from dina.training.batches import shuffled_batches
from dina.training.loop import Validation, train

BATCH_IMAGES = 64
LEAST_NOISE = 0.1  # share of a neuron's variance; none is trusted more


class CoreReadoutDecoder(Decoder):
    """Responses by a network; candidates are scored by the responses that they should evoke, as the encoding model's.

    Attributes
    ----------
    network : CoreReadout, of standardised, unweighted responses
    weights : (neurons,) by which responses come multiplied
    mean, sd : float, of the training images' pixels
    noise : Noise
    score : "cosine", "correlation" or "likelihood"
    """

    name = "core_readout"

    def __init__(self, network: CoreReadout, weights: np.ndarray, mean: float, sd: float, noise: Noise, score: Score):
        self.network, self.weights, self.mean, self.sd = network.eval(), weights, mean, sd
        self.noise, self.score = noise, score

    def represent(self, images: np.ndarray) -> np.ndarray:
        """The responses that images should evoke (m, neurons)."""
        pixels = (_square(images, self.network.size) - self.mean) / self.sd
        return _predict(self.network, torch.from_numpy(pixels)) * self.weights

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
        """Sizes, the pixels' unit, and the score that the validation images chose."""
        return {
            "n_neurons": len(self.weights),
            "channels": self.network.channels,
            "size": self.network.size,
            "mean": self.mean,
            "sd": self.sd,
            "score": self.score,
        }

    @classmethod
    def restore(cls, description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Self:
        """From a checkpoint."""
        about = dict(description)
        network = CoreReadout(about["n_neurons"], about["channels"], about["size"])
        network.load_state_dict({name: tensors[name] for name in network.state_dict()})
        weights = tensors["weights"]
        noise = restore_noise(tensors)
        network.to(weights.device)
        return cls(network, weights.cpu().numpy(), about["mean"], about["sd"], noise, about["score"])


def fit_core_readout(
    trials: TrialResponses, settings: CoreReadoutSettings, gabor: GaborSettings, *, seed: int, device: torch.device
) -> CoreReadoutDecoder:
    """Train on training trials until the validation trials' likelihood stops rising; they choose noise and score too.

    The likelihood is Gaussian, of stabilised responses, with the noise that repeats show: to second order that of
    Poisson counts where responses are spike-like, and of any others alike. Showings of an image are averaged, which
    loses nothing. Cost grows with images × epochs × (pixels × channels² + neurons × channels).

    References
    ----------
    Lurz et al. 2021, ICLR (core and Gaussian readout); Anscombe 1948, Biometrika 35:246 (stabilising).
    """
    generator = torch.Generator().manual_seed(seed)
    ids = trials.image_ids(TRAIN)
    network = CoreReadout(trials.n_neurons, settings.channels, settings.size_px)
    initialise(network, generator)
    network.generator = generator
    network.start_at(places_of_neurons(gabor, trials.images[ids], trials.averaged(TRAIN, weighted=False)[0]))
    network.to(device)
    pixels = _square(trials.images, settings.size_px)
    mean, sd = float(pixels[ids].mean()), float(pixels[ids].std()) or 1.0
    pixels = (pixels - mean) / sd
    precision = torch.from_numpy(1 / np.maximum(1 - trials.reliability, LEAST_NOISE)).float().to(device)
    images, response, count = _on_device(trials, TRAIN, pixels, device)

    def batch_loss(batch: torch.Tensor) -> torch.Tensor:
        batch = batch.to(device)
        error = ((network(images[batch]) - response[batch]) ** 2 * precision).mean(1)
        return (count[batch] * error).sum() / count[batch].sum() + settings.sparsity * network.sparsity()

    train(
        network,
        batches=lambda: shuffled_batches(len(images), settings.batch_trials, generator),
        batch_loss=batch_loss,
        validate=_validation(network, trials, pixels, precision, device),
        settings=settings,
    )
    chosen = trials.trials(TRAIN)
    predicted = _predict(network.eval(), images)[np.searchsorted(ids, trials.image_index[chosen])] * trials.weights
    candidates = (
        CoreReadoutDecoder(network, trials.weights, mean, sd, noise, score)
        for noise, score in noise_and_scores(trials.standardised(chosen) - predicted)
    )
    return best_on_validation(trials, candidates)


def _predict(network: CoreReadout, pictures: torch.Tensor) -> np.ndarray:
    """Standardised, unweighted responses (n, neurons) to pictures on any device."""
    device = network.bias.device
    with torch.no_grad():
        return torch.cat([network(batch.to(device)) for batch in pictures.split(BATCH_IMAGES)]).cpu().numpy()


def _square(images: np.ndarray, size: int) -> np.ndarray:
    return shrink(images, size).reshape(-1, 1, size, size)


def _on_device(trials: TrialResponses, split: int, pixels: np.ndarray, device: torch.device):
    """Images of a split, the mean response to each, and how often it was shown."""
    response, ids = trials.averaged(split, weighted=False)
    count = np.bincount(np.searchsorted(ids, trials.image_index[trials.trials(split)])).astype(np.float32)
    return tuple(torch.from_numpy(values).to(device) for values in (pixels[ids], response, count))


def _validation(
    network: CoreReadout, trials: TrialResponses, pixels: np.ndarray, precision: torch.Tensor, device: torch.device
):
    """Misfit on validation images, which decides, and their identification by single trials."""
    images, response, count = _on_device(trials, VALIDATION, pixels, device)
    chosen = trials.trials(VALIDATION)
    z, true = trials.standardised(chosen), np.searchsorted(trials.image_ids(VALIDATION), trials.image_index[chosen])

    def validate() -> Validation:
        predicted = _predict(network, images)
        error = ((torch.from_numpy(predicted).to(device) - response) ** 2 * precision).mean(1)
        ahead = rivals_ahead(correlation(z, predicted * trials.weights), true)
        return Validation(
            loss=float((count * error).sum() / count.sum()), top1=float(np.mean(np.clip(1 - ahead, 0, 1)))
        )

    return validate
