"""The prior art: a convolutional network from responses to pixels, trained on squared error."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from dina.decoders.base import Decoder, best_on_validation
from dina.decoders.pictures import shrink, similarity, whitenings
from dina.models.dual_tower import initialise
from dina.models.ranking import rivals_ahead
from dina.models.similarity import correlation
from dina.recordings.trials import TRAIN, VALIDATION, TrialResponses
from dina.settings import ConvolutionalSettings
from dina.training.batches import generator_on, shuffled_batches, silence_neurons
from dina.training.loop import Validation, train

SEED_SIZE = 8  # positions a side that the read-in fills; doubled until the picture's size


class ConvolutionalNetwork(nn.Module):
    """A dense read-in to 8 × 8 maps, then convolutions that halve the channels at each doubling of the size."""

    def __init__(self, n_neurons: int, channels: int, size: int):
        super().__init__()
        self.channels, self.size = channels, size
        self.read_in = nn.Linear(n_neurons, channels * SEED_SIZE**2)
        layers: list[nn.Module] = [nn.GELU()]
        for _ in range(max(0, math.ceil(math.log2(size / SEED_SIZE)))):
            narrower = max(channels // 2, 1)
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(channels, narrower, 3, padding=1), nn.GELU()]
            channels = narrower
        self.body = nn.Sequential(*layers, nn.Conv2d(channels, 1, 3, padding=1), nn.AdaptiveAvgPool2d(size))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """(n, size²) pictures, standardised, of (n, neurons) responses."""
        return self.body(self.read_in(z).unflatten(1, (self.channels, SEED_SIZE, SEED_SIZE))).flatten(1)


class ConvolutionalDecoder(Decoder):
    """Pixels by a network; candidates are scored by similarity, the mean training image taken off both.

    Attributes
    ----------
    network : ConvolutionalNetwork
    mean : (pixels,) of the training images
    sd : float, of the training pixels around it
    whitening : (components, pixels), of :func:`dina.decoders.pictures.similarity`
    """

    name = "convolutional"

    def __init__(self, network: ConvolutionalNetwork, mean: torch.Tensor, sd: float, whitening: torch.Tensor):
        self.network, self.mean, self.sd, self.whitening = network.eval(), mean, sd, whitening

    def represent(self, images: np.ndarray) -> np.ndarray:
        """Pixels (m, size²) around the mean image."""
        return shrink(images, self.network.size) - self.mean.cpu().numpy()

    def compare(self, z: np.ndarray, represented: np.ndarray) -> np.ndarray:
        """Correlation over pixels, or cosine of whitened components."""
        return similarity(self.features(z) - self.mean.cpu().numpy(), represented, self.whitening.cpu().numpy())

    def reconstruct(self, z: np.ndarray) -> np.ndarray:
        """(n, size, size) pictures."""
        return self.features(z).reshape(-1, self.network.size, self.network.size)

    def features(self, z: np.ndarray) -> np.ndarray:
        """The reconstructed pixels (n, size²)."""
        with torch.no_grad():
            pictures = self.network(torch.from_numpy(np.ascontiguousarray(z, np.float32)).to(self.mean.device))
        return (self.mean + self.sd * pictures).cpu().numpy()

    def tensors(self) -> dict[str, torch.Tensor]:
        """The network's weights, the mean image and the metric."""
        return self.network.state_dict() | {"mean": self.mean, "whitening": self.whitening}

    def description(self) -> dict[str, Any]:
        """Sizes, and the unit of the network's output."""
        return {
            "n_neurons": self.network.read_in.in_features,
            "channels": self.network.channels,
            "size": self.network.size,
            "sd": self.sd,
        }

    @classmethod
    def restore(cls, description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Self:
        """From a checkpoint."""
        weights = dict(tensors)
        mean, whitening = weights.pop("mean"), weights.pop("whitening")
        network = ConvolutionalNetwork(description["n_neurons"], description["channels"], description["size"])
        network.load_state_dict(weights)
        return cls(network.to(mean.device), mean, description["sd"], whitening)


def fit_convolutional(
    trials: TrialResponses, settings: ConvolutionalSettings, *, seed: int, device: torch.device
) -> ConvolutionalDecoder:
    """Train on training trials until the validation images' squared error stops falling; they choose the metric too.

    Cost grows with trials × epochs × (neurons × channels · 64 + pixels × channels²); the read-in
    holds neurons × channels · 64 numbers, which is the limit for 100,000 neurons (0.8 GB).
    """
    generator = torch.Generator().manual_seed(seed)
    network = ConvolutionalNetwork(trials.n_neurons, settings.channels, settings.size_px)
    initialise(network, generator)
    network.to(device)
    mean = shrink(trials.images[trials.image_ids(TRAIN)], settings.size_px).mean(0)
    pixels = shrink(trials.images, settings.size_px) - mean
    sd = float(pixels[trials.image_ids(TRAIN)].std()) or 1.0
    z, target = _on_device(trials, TRAIN, pixels / sd, device)
    dropout = generator_on(device, generator)

    def batch_loss(batch: torch.Tensor) -> torch.Tensor:
        batch = batch.to(device)
        predicted = network(silence_neurons(z[batch], settings.neuron_dropout, dropout))
        return nn.functional.mse_loss(predicted, target[batch])

    train(
        network,
        batches=lambda: shuffled_batches(len(z), settings.batch_trials, generator),
        batch_loss=batch_loss,
        validate=_validation(network, trials, pixels / sd, device),
        settings=settings,
    )
    on_device = torch.from_numpy(mean).to(device)
    metrics = whitenings(pixels[trials.image_ids(TRAIN)])
    candidates = (ConvolutionalDecoder(network, on_device, sd, torch.from_numpy(w).to(device)) for w in metrics)
    return best_on_validation(trials, candidates)


def _on_device(trials: TrialResponses, split: int, pixels: np.ndarray, device: torch.device):
    """Responses of a split's trials and the pixels that each shows."""
    chosen = trials.trials(split)
    arrays = (trials.standardised(chosen), pixels[trials.image_index[chosen]])
    return tuple(torch.from_numpy(values).to(device) for values in arrays)


def _validation(network: ConvolutionalNetwork, trials: TrialResponses, pixels: np.ndarray, device: torch.device):
    """Squared error on validation trials, which decides, and identification among their images."""
    z, target = _on_device(trials, VALIDATION, pixels, device)
    ids = trials.image_ids(VALIDATION)
    true = np.searchsorted(ids, trials.image_index[trials.trials(VALIDATION)])

    def validate() -> Validation:
        predicted = network(z)
        ahead = rivals_ahead(correlation(predicted.cpu().numpy(), pixels[ids]), true)
        loss = float(nn.functional.mse_loss(predicted, target))
        return Validation(loss=loss, top1=float(np.mean(np.clip(1 - ahead, 0, 1))))

    return validate
