"""Train a convolutional core with a Gaussian readout for every neuron: DINA's learned part, and a rival by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from dina.models.core import CoreReadout, places_of_neurons
from dina.models.dual_tower import initialise
from dina.models.ranking import rivals_ahead
from dina.models.similarity import correlation
from dina.recordings.trials import TRAIN, VALIDATION, TrialResponses
from dina.settings import CoreReadoutSettings, GaborSettings
from dina.training.batches import shuffled_batches
from dina.training.loop import Validation, train

LEAST_NOISE = 0.1  # share of a neuron's variance; none is trusted more


def fit_core_readout(
    trials: TrialResponses, settings: CoreReadoutSettings, gabor: GaborSettings, *, seed: int, device: torch.device
) -> CoreReadout:
    """Train on training trials until the validation trials' likelihood stops rising; predicts unweighted responses.

    The likelihood is Gaussian, of stabilised responses, with the noise that repeats show: to second order that of
    Poisson counts where responses are spike-like, and of any others alike. Showings of an image are averaged, which
    loses nothing. Cost grows with images × epochs × (pixels × channels² + neurons × channels).

    References
    ----------
    Lurz et al. 2021, ICLR (core and Gaussian readout); Anscombe 1948, Biometrika 35:246 (stabilising).
    """
    generator = torch.Generator().manual_seed(seed)
    pictures = trials.images[trials.image_ids(TRAIN)]
    network = CoreReadout(trials.n_neurons, settings.channels, settings.size_px)
    initialise(network, generator)
    network.generator = generator
    network.start_at(places_of_neurons(gabor, pictures, trials.averaged(TRAIN, weighted=False)[0]))
    network.to(device)
    images, response, count = _on_device(trials, TRAIN, device)
    _take_unit(network, images)
    precision = torch.from_numpy(1 / np.maximum(1 - trials.reliability, LEAST_NOISE)).float().to(device)

    def batch_loss(batch: torch.Tensor) -> torch.Tensor:
        batch = batch.to(device)
        error = ((network(images[batch]) - response[batch]) ** 2 * precision).mean(1)
        return (count[batch] * error).sum() / count[batch].sum() + settings.sparsity * network.sparsity()

    train(
        network,
        batches=lambda: shuffled_batches(len(images), settings.batch_trials, generator),
        batch_loss=batch_loss,
        validate=_validation(network, trials, precision, device),
        settings=settings,
    )
    return network.eval()


@torch.no_grad()
def _take_unit(network: CoreReadout, images: torch.Tensor) -> None:
    """The unit of the core's pictures, from the training images."""
    pixels = network.core.shrink(images[:, None])
    sd = pixels.std(correction=0)
    network.core.mean.copy_(pixels.mean())
    network.core.sd.copy_(torch.where(sd > 0, sd, 1))


def _on_device(trials: TrialResponses, split: int, device: torch.device) -> tuple[torch.Tensor, ...]:
    """Images of a split, the mean response to each, and how often it was shown."""
    response, ids = trials.averaged(split, weighted=False)
    count = np.bincount(np.searchsorted(ids, trials.image_index[trials.trials(split)])).astype(np.float32)
    return tuple(torch.from_numpy(values).to(device) for values in (trials.images[ids], response, count))


def _validation(
    network: CoreReadout, trials: TrialResponses, precision: torch.Tensor, device: torch.device
) -> Callable[[], Validation]:
    """Misfit on validation images, which decides, and their identification by single trials."""
    _, response, count = _on_device(trials, VALIDATION, device)
    chosen, ids = trials.trials(VALIDATION), trials.image_ids(VALIDATION)
    z, true = trials.standardised(chosen), np.searchsorted(ids, trials.image_index[chosen])

    def validate() -> Validation:
        predicted = network.predict(trials.images[ids])
        error = ((predicted - response) ** 2 * precision).mean(1)
        ahead = rivals_ahead(correlation(z, predicted.cpu().numpy() * trials.weights), true)
        return Validation(
            loss=float((count * error).sum() / count.sum()), top1=float(np.mean(np.clip(1 - ahead, 0, 1)))
        )

    return validate
