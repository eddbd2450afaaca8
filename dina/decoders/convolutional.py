"""The prior art: a linear read-in from responses to a picture, and a convolutional network that completes it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from torch import nn

from dina.decoders.base import Decoder, best_on_validation
from dina.decoders.pictures import shrink, similarity, whitenings
from dina.models.dual_tower import initialise
from dina.models.ranking import rivals_ahead
from dina.models.ridge import ridge_path
from dina.models.similarity import correlation
from dina.models.unet import UNet
from dina.recordings.trials import TRAIN, VALIDATION, TrialResponses
from dina.settings import ConvolutionalSettings
from dina.training.batches import shuffled_batches
from dina.training.loop import Validation, train

BATCH_PICTURES = 256
N_FOLDS = 5
LAYOUT = torch.channels_last  # in memory, of the network: its convolutions take two thirds of the time


class ConvolutionalDecoder(Decoder):
    """Pixels by a network; candidates are scored by similarity, the mean training image taken off both.

    Attributes
    ----------
    coefficients : (neurons, pixels), of the read-in
    intercept : (pixels,)
    network : UNet, of pictures around ``mean`` in units of ``sd``
    mean : (pixels,) of the training images
    sd : float, of the training pixels around it
    whitening : (components, pixels), of :func:`dina.decoders.pictures.similarity`
    size : height and width, pixels
    """

    name = "convolutional"

    def __init__(
        self,
        coefficients: np.ndarray,
        intercept: np.ndarray,
        network: UNet,
        mean: np.ndarray,
        sd: float,
        whitening: np.ndarray,
        size: int,
    ):
        self.coefficients, self.intercept, self.network = coefficients, intercept, network.eval()
        self.mean, self.sd, self.whitening, self.size = mean, sd, whitening, size

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
        linear = as_pictures(z @ self.coefficients + self.intercept, self.size)
        return self.mean + self.sd * complete(self.network, linear)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The read-in, the network's weights, the mean image and the metric."""
        network = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        names = ("coefficients", "intercept", "mean", "whitening")
        return network | {name: torch.from_numpy(getattr(self, name)) for name in names}

    def description(self) -> dict[str, Any]:
        """Sizes, and the unit of the network's output."""
        return {"channels": self.network.last.in_channels, "size": self.size, "sd": self.sd}

    @classmethod
    def restore(cls, description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Self:
        """From a checkpoint."""
        network, prefix = UNet(description["channels"]), "network."
        network.load_state_dict({n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)})
        network.to(tensors["mean"].device, memory_format=LAYOUT)
        names = ("coefficients", "intercept", "mean", "whitening")
        arrays = {name: tensors[name].cpu().numpy() for name in names}
        return cls(**arrays, network=network, sd=description["sd"], size=description["size"])


def fit_convolutional(
    trials: TrialResponses, settings: ConvolutionalSettings, *, seed: int, device: torch.device
) -> ConvolutionalDecoder:
    """Fit the read-in by ridge regression and train the network until validation images' squared error stops falling.

    The network learns on pictures that the read-in makes without the image's own trials, as it will see of unseen
    images. The validation images choose penalty and metric too. Cost grows with the cube of the smaller of trials and
    neurons, and with trials × epochs × pixels × channels².

    References
    ----------
    Parthasarathy et al. 2017, NeurIPS (a linear decoder, then a network trained on its pictures).
    """
    generator = torch.Generator().manual_seed(seed)
    ids, chosen = trials.image_ids(TRAIN), trials.trials(TRAIN)
    mean = shrink(trials.images[ids], settings.size_px).mean(0)
    pixels = shrink(trials.images, settings.size_px) - mean
    sd = float(pixels[ids].std()) or 1.0
    target = pixels / sd
    penalty, coefficients, intercept = _read_in(trials, target, settings)
    linear = linear_pictures(trials, target, penalty)
    network = UNet(settings.channels)
    initialise(network, generator)
    network.start_as_identity()
    network.to(device, memory_format=LAYOUT)
    shown = as_pictures(target[trials.image_index[chosen]], settings.size_px).to(device)
    made = as_pictures(linear, settings.size_px).to(device)

    def batch_loss(batch: torch.Tensor) -> torch.Tensor:
        batch = batch.to(device)
        return nn.functional.mse_loss(network(made[batch]), shown[batch])

    held_out = trials.standardised(trials.trials(VALIDATION)) @ coefficients + intercept
    train(
        network,
        batches=lambda: shuffled_batches(len(made), settings.batch_trials, generator),
        batch_loss=batch_loss,
        validate=_validation(network, trials, as_pictures(held_out, settings.size_px), target),
        settings=settings,
    )
    candidates = (
        ConvolutionalDecoder(coefficients, intercept, network, mean, sd, whitening, settings.size_px)
        for whitening in whitenings(pixels[ids])
    )
    return best_on_validation(trials, candidates)


def as_pictures(pixels: np.ndarray, size: int) -> torch.Tensor:
    """(n, 1, size, size) of (n, size²)."""
    return torch.from_numpy(np.ascontiguousarray(pixels, np.float32)).reshape(-1, 1, size, size)


def complete(network: UNet, pictures: torch.Tensor) -> np.ndarray:
    """(n, size²) of (n, 1, size, size) pictures on any device."""
    device = network.last.weight.device
    with torch.no_grad():
        done = [network(batch.to(device)).flatten(1) for batch in pictures.split(BATCH_PICTURES)]
    return torch.cat(done).cpu().numpy()


def _read_in(
    trials: TrialResponses, target: np.ndarray, settings: ConvolutionalSettings
) -> tuple[float, np.ndarray, np.ndarray]:
    """Penalty, coefficients and intercept of the ridge regression with the least error on validation trials."""
    train_trials, validation = trials.trials(TRAIN), trials.trials(VALIDATION)
    z, shown = trials.standardised(validation), target[trials.image_index[validation]]

    def error(fitted: tuple[float, np.ndarray, np.ndarray]) -> float:
        return float(np.mean((z @ fitted[1] + fitted[2] - shown) ** 2))

    path = ridge_path(trials.standardised(train_trials), target[trials.image_index[train_trials]], settings.penalties)
    return min(path, key=error)


def linear_pictures(trials: TrialResponses, target: np.ndarray, penalty: float) -> np.ndarray:
    """(training trials, pixels) that ridge makes of a trial without its image, or in a closed set without its cycle."""
    chosen = trials.trials(TRAIN)
    z, image = trials.standardised(chosen), trials.image_index[chosen]
    group = trials.repeat[chosen] if trials.is_closed_set else np.searchsorted(trials.image_ids(TRAIN), image)
    fold = group % N_FOLDS
    made = np.empty((len(z), target.shape[1]), np.float32)
    for out in range(N_FOLDS):
        kept = fold != out
        ((_, coefficients, intercept),) = ridge_path(z[kept], target[image[kept]], (penalty,))
        made[~kept] = z[~kept] @ coefficients + intercept
    return made


def _validation(network: UNet, trials: TrialResponses, linear: torch.Tensor, target: np.ndarray):
    """Squared error on validation trials, which decides, and identification among their images."""
    ids = trials.image_ids(VALIDATION)
    true = np.searchsorted(ids, trials.image_index[trials.trials(VALIDATION)])

    def validate() -> Validation:
        predicted = complete(network, linear)
        ahead = rivals_ahead(correlation(predicted, target[ids]), true)
        loss = float(np.mean((predicted - target[ids][true]) ** 2))
        return Validation(loss=loss, top1=float(np.mean(np.clip(1 - ahead, 0, 1))))

    return validate
