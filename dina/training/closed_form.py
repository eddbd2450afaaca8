"""The start of DINA's towers, set without contrastive training: an encoding model, read as two towers.

With ``B`` (neurons × map values) the weights of a local encoding model, ``L`` the whitening of the noise that it
leaves, shared noise included, and ``L B = U S Vᵀ``, the cosine between a whitened response and the predicted one is the
cosine between ``Uᵀ L z`` and ``S Vᵀ φ(image)``: two towers that meet in maps spread by ``V``. A learned core, whose
readout is linear too, adds to the image's side: ``Uᵀ L`` of what it predicts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch

from dina.models.dual_tower import DualTower, build_dual_tower
from dina.models.features import MOST_DECOMPOSED, FeatureSpace, fit_feature_space
from dina.models.neural_tower import NeuralTower
from dina.models.noise import fit_noise
from dina.models.read_in import DenseReadIn, LowRankReadIn, RetinotopicReadIn
from dina.models.whitening import Whitening
from dina.recordings.trials import TRAIN, VALIDATION, TrialResponses
from dina.settings import DinaModelSettings, GaborSettings
from dina.training.local_encoding import LocalEncoding, fit_local_encoding
from dina.training.mixture import LearnedPart, fit_learned_part
from dina.training.retinotopy import start_retinotopic
from dina.training.shared import NeuronPrior

NOISE_FACTORS = 3  # that all neurons share; one does nearly as well
LEAST_NOISE_SD = 0.05  # of a typical response
RELIABILITY_POWER = 0.25


@dataclass(frozen=True)
class FittedEncoding:
    """The encoding model from which towers start: all that is fitted neuron by neuron.

    Attributes
    ----------
    image_ids : (images,) ascending, the training images
    space : in which the weights are fitted
    scores : (images, components)
    encoding : LocalEncoding, of every neuron
    """

    image_ids: np.ndarray
    space: FeatureSpace
    scores: np.ndarray
    encoding: LocalEncoding

    def of_neurons(self, neurons: np.ndarray) -> Self:
        """The model of some neurons, given by their indices: what fitting them alone would give, without cost."""
        return replace(self, encoding=self.encoding.of_neurons(torch.from_numpy(np.asarray(neurons))))


def fit_encoding(
    trials: TrialResponses,
    settings: DinaModelSettings,
    gabor: GaborSettings,
    *,
    device: torch.device,
    shared: NeuronPrior | None = None,
) -> FittedEncoding:
    """Fit every neuron to the training images; cost and memory are :func:`fit_local_encoding`'s.

    Parameters
    ----------
    shared : what other recordings' neurons see, for few training images
    """
    ids = trials.image_ids(TRAIN)
    if shared is None:
        space, scores = fit_feature_space(gabor, trials.images[ids], settings.n_image_components, device)
    else:
        space, scores = shared.space, shared.space.components(trials.images[ids])
    covariance = None if shared is None else shared.covariance
    return FittedEncoding(ids, space, scores, fit_local_encoding(trials, space, scores, settings, covariance))


def start_in_closed_form(
    trials: TrialResponses,
    settings: DinaModelSettings,
    gabor: GaborSettings,
    *,
    seed: int,
    device: torch.device,
    shared: NeuronPrior | None = None,
    fitted: FittedEncoding | None = None,
) -> tuple[DualTower, torch.Tensor]:
    """Build towers whose read-in and metric are set in closed form, and train the core that adds to them.

    The residual convolutions of the neural tower are left to :func:`dina.models.dual_tower.initialise`. A closed set,
    whose few images teach no core, has none. Cost is that of :func:`~dina.training.local_encoding.fit_local_encoding`
    and, for at most 5,000 neurons, of :func:`~dina.training.core.fit_core_readout`; memory grows with images × neurons.

    Parameters
    ----------
    seed : of the core
    shared : what other recordings' neurons see, for few training images
    fitted : the encoding model of these neurons, where it is known already; the noise that it leaves is still measured
        on the training trials given

    Returns
    -------
    model : DualTower
    held_out : (training images, components) image components; no trial of their own image has entered the closed
        form's part, so that contrastive training on them does not reward what it has memorised
    """
    if fitted is None:
        fitted = fit_encoding(trials, settings, gabor, device=device, shared=shared)
    space, scores, encoding = fitted.space, fitted.scores, fitted.encoding
    pictures = trials.images[fitted.image_ids]
    whitening = _whitening(fitted, trials)
    learned = None
    if settings.has_learned_core(pictures.shape[1:]) and not trials.is_closed_set:
        shown = space.components(trials.images[trials.image_ids(VALIDATION)])
        predicted = torch.from_numpy(shown).to(device) @ encoding.weights
        learned = fit_learned_part(trials, predicted, whitening, settings, gabor, seed=seed)
    n_values = min(settings.channels, space.bank.channels) * gabor.grid**2
    n_components = min(settings.n_components, trials.n_neurons, scores.shape[1], n_values)
    model = build_dual_tower(
        settings,
        gabor,
        image_shape=trials.images.shape[1:],
        n_neurons=trials.n_neurons,
        n_components=n_components,
        has_core=learned is not None,
    ).to(device)
    axes = _set_towers(model, space, encoding.weights, whitening, learned, trials)
    held_out = encoding.held_out if learned is None else learned.mixed(encoding.held_out, pictures)
    return model, whitening.apply(held_out) @ axes


def _set_towers(
    model: DualTower,
    space: FeatureSpace,
    weights: torch.Tensor,
    whitening: Whitening,
    learned: LearnedPart | None,
    trials: TrialResponses,
) -> torch.Tensor:
    """Write the factored encoding model into the towers; returns the axes (neurons, components) of the factorisation.

    Responses are whitened by the noise, and neurons weigh besides as the fourth root of their reliability, which
    validation images of simulations favoured; the weights that responses come with are divided out again.

    Parameters
    ----------
    weights : (image components, neurons) of the closed form
    """
    image_tower, neural_tower = model.image_tower, model.neural_tower
    given = torch.from_numpy(trials.weights).to(weights)
    whitened = whitening.apply(weights if learned is None else weights * learned.kept(trials.n_neurons))
    explained = space.deviation[:, None] * whitened
    if learned is not None:
        explained = torch.cat([explained, _of_core(learned, whitening, trials)])
    axes = _leading_axes(explained, image_tower.strength.numel())
    mixing, map_weights = _mix_channels(space, whitened @ axes, image_tower.layout)
    # The maps' own axes, so that the cosine of maps is that of components.
    basis, strength, rotation = torch.linalg.svd(map_weights, full_matrices=False)
    axes = axes @ rotation.T
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
    read_in = whitening.transposed(axes)
    if learned is not None:
        coefficients = (read_in / whitening.sd[:, None])[learned.neurons].T
        image_tower.learned.start_at(learned.network, coefficients, learned.share)
    _start_read_in(neural_tower, read_in, basis.T, whitening.transposed(axes * strength) @ basis.T, trials)
    return axes


def _of_core(learned: LearnedPart, whitening: Whitening, trials: TrialResponses) -> torch.Tensor:
    """(images, neurons) the core's part of whitened predictions, over √images: rows for :func:`_leading_axes`.

    Of at most ``MOST_DECOMPOSED`` training images, evenly spread over all.
    """
    pictures = trials.images[trials.image_ids(TRAIN)]
    pictures = pictures[:: max(1, math.ceil(len(pictures) / MOST_DECOMPOSED))]
    nothing = torch.zeros(len(pictures), trials.n_neurons, device=learned.neurons.device)
    return whitening.apply(learned.mixed(nothing, pictures)) / len(pictures) ** 0.5


def _leading_axes(explained: torch.Tensor, n_axes: int) -> torch.Tensor:
    """(neurons, axes) orthonormal axes along which ``explainedᵀ explained`` is largest, by the smaller Gram matrix.

    Parameters
    ----------
    explained : (rows, neurons) whose products are the covariance of predictions, around 0
    """
    if explained.shape[1] <= len(explained):
        return torch.linalg.eigh(explained.T @ explained)[1].flip(1)[:, :n_axes]
    vectors = torch.linalg.eigh(explained @ explained.T)[1].flip(1)[:, :n_axes]
    return torch.linalg.qr(explained.T @ vectors)[0]


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


def _whitening(fitted: FittedEncoding, trials: TrialResponses) -> Whitening:
    """From what single training trials leave of their image's held-out prediction."""
    train = trials.trials(TRAIN)
    image, encoding = np.searchsorted(fitted.image_ids, trials.image_index[train]), fitted.encoding
    residuals = trials.standardised(train, weighted=False) - encoding.held_out.cpu().numpy()[image]
    noise = fit_noise(residuals, NOISE_FACTORS, LEAST_NOISE_SD)
    return Whitening.of(noise, torch.from_numpy(trials.weights**RELIABILITY_POWER).to(encoding.weights))


def _mix_channels(space: FeatureSpace, factors: torch.Tensor, layout: tuple[int, int, int]):
    """Channels (out, in) that keep most of the fitted weights, and these weights (map values, factors) in them."""
    weights = (space.loadings.T @ factors).reshape(space.bank.channels, -1)
    _, vectors = torch.linalg.eigh(weights @ weights.T)
    mixing = vectors.flip(1)[:, : layout[0]].T
    return mixing, (mixing @ weights).reshape(layout[0] * layout[1] * layout[2], -1)
