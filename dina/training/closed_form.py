"""The closed-form start of DINA's towers: an encoding model with local receptive fields, read as two towers.

Each neuron's response is regressed on the image's Gabor components under a Gaussian prior that is
centred somewhere in the image; the best centre, width and penalty have the least leave-one-out
error on training images. With ``B`` (neurons × map values) the fitted weights, ``L`` the whitening of the
noise that they leave, shared noise included, and ``L B = U S Vᵀ``, the cosine between a whitened response
and the predicted one is the cosine between ``Uᵀ L z`` and ``S Vᵀ φ(image)``: two towers that meet in maps
spread by ``V``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from dina.models.dual_tower import DualTower, build_dual_tower
from dina.models.features import FeatureSpace, fit_feature_space
from dina.models.neural_tower import NeuralTower
from dina.models.noise import fit_noise
from dina.models.read_in import DenseReadIn, LowRankReadIn, RetinotopicReadIn
from dina.recordings.trials import TRAIN, TrialResponses
from dina.settings import DinaModelSettings, GaborSettings
from dina.training.retinotopy import start_retinotopic
from dina.training.shared import NeuronPrior

CENTRE_STEP = 0.25  # between the priors' centres, share of the image; half of it gains nothing measurable
EDGE = 0.125  # outermost centres, share of the image
RANK_FLOOR = 1e-4  # directions of the prior below this share of its largest variance are left out
NOISE_FACTORS = 3  # that all neurons share; one does nearly as well
LEAST_NOISE_SD = 0.05  # of a typical response
RELIABILITY_POWER = 0.25
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


def start_in_closed_form(
    trials: TrialResponses,
    settings: DinaModelSettings,
    gabor: GaborSettings,
    device: torch.device,
    shared: NeuronPrior | None = None,
) -> tuple[DualTower, torch.Tensor]:
    """Build towers whose read-in and metric are set in closed form.

    The residual convolutions of the neural tower are left to :func:`dina.models.dual_tower.initialise`.

    Parameters
    ----------
    shared : what other recordings' neurons see, for few training images

    Returns
    -------
    model : DualTower
    held_out : (training images, components) image components into which no trial of their own image
        entered: contrastive training on them does not reward what the closed form has memorised
    """
    ids = trials.image_ids(TRAIN)
    if shared is None:
        space, scores = fit_feature_space(gabor, trials.images[ids], settings.n_image_components, device)
    else:
        space, scores = shared.space, shared.space.components(trials.images[ids])
    covariance = None if shared is None else shared.covariance
    encoding = fit_local_encoding(trials, space, scores, settings, covariance)
    n_components = min(settings.n_components, trials.n_neurons, scores.shape[1], settings.channels * gabor.grid**2)
    model = build_dual_tower(
        settings, gabor, image_shape=trials.images.shape[1:], n_neurons=trials.n_neurons, n_components=n_components
    ).to(device)
    return model, _set_towers(model, space, encoding, trials)


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


def _set_towers(model: DualTower, space: FeatureSpace, encoding: LocalEncoding, trials: TrialResponses) -> torch.Tensor:
    """Write the factored encoding model into the towers; returns the held-out image components.

    Responses are whitened by the noise, and neurons weigh besides as the fourth root of their reliability, which
    validation images of simulations favoured; the weights that responses come with are divided out again.
    """
    image_tower, neural_tower = model.image_tower, model.neural_tower
    given = torch.from_numpy(trials.weights).to(encoding.weights)
    whitening = _whitening(encoding, trials)
    image_side, strength, neuron_side = torch.linalg.svd(whitening.apply(encoding.weights), full_matrices=False)
    rank = image_tower.strength.numel()
    mixing, map_weights = _mix_channels(space, image_side[:, :rank] * strength[:rank], image_tower.layout)
    # Fewer channels leave the columns not quite orthogonal; a second factorisation makes the cosine of maps exact.
    basis, strength, rotation = torch.linalg.svd(map_weights, full_matrices=False)
    down = (rotation @ neuron_side[:rank]).T
    start = {
        image_tower.mean: space.mean,
        image_tower.sd: space.sd,
        image_tower.mixing: mixing,
        image_tower.loadings: basis.T,
        image_tower.strength: strength,
        neural_tower.weight: torch.where(given > 0, 1 / given, 0) / whitening.sd,
    }
    with torch.no_grad():
        for tensor, values in start.items():
            tensor.copy_(values)
    weights = whitening.transposed(neuron_side[:rank].T @ map_weights.T)
    _start_read_in(neural_tower, whitening.transposed(down), basis.T, weights, trials)
    return whitening.apply(encoding.held_out) @ down


def _start_read_in(
    tower: NeuralTower, down: torch.Tensor, up: torch.Tensor, weights: torch.Tensor, trials: TrialResponses
) -> None:
    """Set a read-in of any kind to ``down @ up``, or as near to it as its kind can be."""
    match tower.read_in:
        case LowRankReadIn() as read_in:
            read_in.down.start_at(down)
            read_in.up.start_at(up)
        case DenseReadIn() as read_in:
            read_in.weight.start_at(down @ up)
        case RetinotopicReadIn() as read_in:
            z = torch.from_numpy(trials.standardised(trials.trials(TRAIN))).to(down) * tower.weight
            start_retinotopic(read_in, weights.cpu().numpy(), z, z @ down @ up)


@dataclass
class _Whitening:
    """``L = diag(r) (I − A diag(k) Aᵀ) diag(1 / sd)`` on neurons: noise to unit variance, reliable ones to the fore."""

    sd: torch.Tensor
    axes: torch.Tensor
    shrink: torch.Tensor
    emphasis: torch.Tensor

    def apply(self, values: torch.Tensor) -> torch.Tensor:
        """(n, neurons) ``values Lᵀ``."""
        scaled = values / self.sd
        return (scaled - (scaled @ self.axes * self.shrink) @ self.axes.T) * self.emphasis

    def transposed(self, values: torch.Tensor) -> torch.Tensor:
        """(neurons, n) ``Lᵀ values`` but for the division by ``sd``, which the tower's weights hold."""
        emphasised = values * self.emphasis[:, None]
        return emphasised - self.axes @ (self.shrink[:, None] * (self.axes.T @ emphasised))


def _whitening(encoding: LocalEncoding, trials: TrialResponses) -> _Whitening:
    """From what single training trials leave of their image's held-out prediction."""
    train = trials.trials(TRAIN)
    image = np.searchsorted(trials.image_ids(TRAIN), trials.image_index[train])
    residuals = trials.standardised(train, weighted=False) - encoding.held_out.cpu().numpy()[image]
    noise = fit_noise(residuals, NOISE_FACTORS, LEAST_NOISE_SD)
    parts = (noise.sd, noise.axes, noise.shrink, trials.weights**RELIABILITY_POWER)
    return _Whitening(*(torch.from_numpy(part).to(encoding.weights) for part in parts))


def _square_root(covariance: torch.Tensor) -> torch.Tensor:
    variance, vectors = torch.linalg.eigh(covariance)
    return (vectors * variance.clamp(min=0).sqrt()) @ vectors.T


def _mix_channels(space: FeatureSpace, factors: torch.Tensor, layout: tuple[int, int, int]):
    """Channels (out, in) that keep most of the fitted weights, and these weights (map values, factors) in them."""
    weights = (space.loadings.T @ factors).reshape(space.bank.channels, -1)
    _, vectors = torch.linalg.eigh(weights @ weights.T)
    mixing = vectors.flip(1)[:, : layout[0]].T
    return mixing, (mixing @ weights).reshape(layout[0] * layout[1] * layout[2], -1)
