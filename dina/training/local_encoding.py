"""An encoding model with local receptive fields, neuron by neuron: what DINA's towers start from.

Each neuron's response is regressed on the image's Gabor components under a Gaussian prior that is centred somewhere in
the image; the best centre, width and penalty have the least leave-one-out error on training images.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from dina.models.features import FeatureSpace
from dina.recordings.trials import TRAIN, TrialResponses
from dina.settings import DinaModelSettings

CENTRE_STEP = 0.25  # between the priors' centres, share of the image; half of it gains nothing measurable
EDGE = 0.125  # outermost centres, share of the image
RANK_FLOOR = 1e-4  # directions of the prior below this share of its largest variance are left out
MAX_LEVERAGE = 0.999  # keeps the leave-one-out formula finite
CHUNK_NEURONS = 4096  # whose predictions are compared at a time: 0.5 GB for 2,800 images


@dataclass
class LocalEncoding:
    """Weights of every neuron on the image components, and predictions that no own trial entered.

    Attributes
    ----------
    weights : (components, neurons) float32
    held_out : (images, neurons) float32, leave-one-out predictions for the training images
    error : (neurons,) leave-one-out mean square error
    centre : (neurons, 2) y, x of the chosen prior, share of the image; NaN where none is local
    """

    weights: torch.Tensor
    held_out: torch.Tensor
    error: torch.Tensor
    centre: torch.Tensor

    def of_neurons(self, neurons: torch.Tensor) -> LocalEncoding:
        """Of some neurons, given by their indices; each was fitted without regard to the others."""
        some = neurons.to(self.error.device)
        return LocalEncoding(self.weights[:, some], self.held_out[:, some], self.error[some], self.centre[some])


def fit_local_encoding(
    trials: TrialResponses,
    space: FeatureSpace,
    scores: np.ndarray,
    settings: DinaModelSettings,
    covariance: np.ndarray | None = None,
) -> LocalEncoding:
    """Fit every neuron under the prior that predicts it best, on the feature space's device.

    Errors are those of images left out; in a closed set, where images are known, of trials left out.

    Cost grows with priors × (images × components² + components³ + images × components × neurons);
    memory with images × neurons, and with ``CHUNK_NEURONS`` of them several times over.

    Parameters
    ----------
    scores : (training images, components)
    covariance : (components, components) of weights of neurons like these; each prior is then tried in its metric too

    References
    ----------
    Park & Pillow 2011, PLoS Comput Biol 7:e1002219 (locality as a prior);
    Allen 1974, Technometrics 16:125 (leave-one-out error of a ridge regression).
    """
    device = space.deviation.device
    response = torch.from_numpy(trials.averaged(TRAIN, weighted=False)[0]).to(device)
    left_out = _LeftOut.of(trials, response)
    scores = torch.from_numpy(scores).to(device)
    n_neurons = response.shape[1]
    best = LocalEncoding(
        weights=response.new_zeros(scores.shape[1], n_neurons),
        held_out=torch.zeros_like(response),
        error=response.new_full((n_neurons,), torch.inf),
        centre=response.new_full((n_neurons, 2), torch.nan),
    )
    root = None if covariance is None else _square_root(torch.from_numpy(covariance).to(device))
    for centre, prior in _priors(space, settings.field_widths):
        for tried in (prior,) if root is None else (prior, root @ prior @ root):
            _improve(best, tried, centre, scores, response, left_out, settings.penalties)
    return best


def _priors(space: FeatureSpace, widths: tuple[float, ...]) -> Iterator[tuple[tuple[float, float], torch.Tensor]]:
    """Prior covariances (components, components): first without a place, then one for each place and width."""
    grid = space.bank.grid
    per_position = space.loadings.unflatten(1, (-1, grid * grid)).permute(2, 0, 1)
    products = per_position @ per_position.transpose(1, 2)
    yield (math.nan, math.nan), products.sum(0)
    axis = (torch.arange(grid).to(products) + 0.5) / grid
    centres = np.arange(EDGE, 1 - EDGE + 1e-9, CENTRE_STEP).tolist()
    for width in widths:
        bumps = [torch.exp(-((axis - centre) ** 2) / (2 * width**2)) for centre in centres]
        for y, rows in zip(centres, bumps, strict=True):
            for x, columns in zip(centres, bumps, strict=True):
                yield (y, x), torch.tensordot(torch.outer(rows, columns).flatten(), products, 1)


@dataclass
class _LeftOut:
    """What one cross-validation step leaves out: an image with all its showings, or in a closed set one showing.

    A showing has ``1 / parts`` of its image's leverage, and an error around the image's mean besides.
    """

    count: torch.Tensor  # (images, 1) showings
    parts: torch.Tensor  # (images, 1)
    spread: torch.Tensor  # (images, neurons) variance over showings that are left out one by one

    @classmethod
    def of(cls, trials: TrialResponses, response: torch.Tensor) -> _LeftOut:
        """``response`` (training images, neurons) are the means over showings."""
        train = trials.trials(TRAIN)
        _, image, count = np.unique(trials.image_index[train], return_inverse=True, return_counts=True)
        count = torch.from_numpy(count).to(response)[:, None]
        spread = torch.zeros_like(response)
        if not trials.is_closed_set:
            return cls(count, torch.ones_like(count), spread)
        image = torch.from_numpy(image).to(response.device)
        z = torch.from_numpy(trials.standardised(train, weighted=False)).to(response)
        return cls(count, count, spread.index_add_(0, image, (z - response[image]).square()) / count)


def _improve(
    best: LocalEncoding,
    prior: torch.Tensor,
    centre: tuple[float, float],
    scores: torch.Tensor,
    response: torch.Tensor,
    left_out: _LeftOut,
    penalties: tuple[float, ...],
) -> None:
    """Replace the neurons that this prior predicts better; an image shown n times weighs n."""
    variance, vectors = torch.linalg.eigh(prior)
    kept = variance > RANK_FLOOR * variance[-1]
    root = vectors[:, kept] * variance[kept].sqrt()
    x = scores @ root
    unit = x.square().sum().div(len(x)).sqrt()
    x, root = x / unit, root / unit
    weight = left_out.count.sqrt()
    weighted = x * weight
    power, basis = torch.linalg.eigh(weighted.T @ weighted)
    rotated = weighted @ basis
    for start in range(0, response.shape[1], CHUNK_NEURONS):
        some = slice(start, start + CHUNK_NEURONS)
        target = rotated.T @ (response[:, some] * weight)
        for penalty in penalties:
            shrink = 1 / (power.clamp(min=0) + penalty)
            leverage = (rotated.square() @ shrink)[:, None] / left_out.parts
            kept_out = 1 - leverage.clamp(max=MAX_LEVERAGE)
            predicted = (rotated * shrink) @ target / weight
            missed = response[:, some] - predicted
            held_out = response[:, some] - missed / kept_out
            error = ((missed.square() + left_out.spread[:, some]) * left_out.count / kept_out.square()).mean(0)
            better = error < best.error[some]
            where = start + better.nonzero()[:, 0]
            best.error[where] = error[better]
            best.centre[where] = best.centre.new_tensor(centre)
            best.held_out[:, where] = held_out[:, better]
            best.weights[:, where] = root @ ((basis * shrink) @ target[:, better])


def _square_root(covariance: torch.Tensor) -> torch.Tensor:
    variance, vectors = torch.linalg.eigh(covariance)
    return (vectors * variance.clamp(min=0).sqrt()) @ vectors.T
