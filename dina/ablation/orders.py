"""In which order neurons are left on: every order is fixed on training and validation trials, never on test trials."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from dina.ablation.curves import order_by_reliability
from dina.models.dual_tower import DualTower
from dina.models.read_in import CHUNK_NEURONS
from dina.probing.importance import match_share
from dina.recordings.trials import VALIDATION, TrialResponses
from dina.training.closed_form import FittedEncoding
from dina.training.retinotopy import fit_lobes

STRONGEST, RESPONSE, ATTRIBUTION, CENTRAL = "strongest", "response", "attribution", "central"  # one order each
MATCHED, RANDOM = "matched", "random"  # drawn several times
MATCHED_BIN = 8  # neurons of like reliability that trade places: most of them move, and reliability hardly does
MOST_IMAGES = 256  # on which neurons are attributed; the memory of more grows as their square
N_STEPS = 8  # of integrated gradients: towers are nearly linear


def fixed_orders(
    trials: TrialResponses, models: Sequence[DualTower], fitted: FittedEncoding, device: torch.device
) -> dict[str, np.ndarray]:
    """The orders that nothing is drawn for, the neurons that stay on longest first.

    ``strongest`` by reliability over training repeats (absent where that is unknown), ``response`` by the mean
    stabilised response over training trials, ``attribution`` by the share in the match of validation images,
    ``central`` from the centre of all receptive fields outwards.

    Parameters
    ----------
    models : DINA's towers, over which attribution is averaged
    fitted : the closed form's encoding model of the training images, which knows where fields lie

    Returns
    -------
    order → (neurons,) permutation
    """
    orders = {
        RESPONSE: np.argsort(-trials.mean, kind="stable"),
        ATTRIBUTION: order_by_attribution(trials, models, device),
        CENTRAL: order_from_centre(field_centres(fitted), trials.reliability, trials.images.shape[-2:]),
    }
    strongest = order_by_reliability(trials.reliability)
    return orders if strongest is None else {STRONGEST: strongest} | orders


def order_by_attribution(trials: TrialResponses, models: Sequence[DualTower], device: torch.device) -> np.ndarray:
    """Neurons from the largest to the smallest share in the match of validation images with their responses.

    Of training images, towers know the noise too: a neuron that was overfitted would seem to matter. At most
    ``MOST_IMAGES`` of them, evenly spread; cost and memory are :func:`~dina.probing.importance.match_share`'s.
    """
    z, ids = trials.averaged(VALIDATION)
    some = slice(None, None, math.ceil(len(ids) / MOST_IMAGES))
    share = match_share(models, z[some], trials.images[ids[some]], N_STEPS, device)
    return np.argsort(-share, kind="stable")


def field_centres(fitted: FittedEncoding) -> np.ndarray:
    """Where the weights of every neuron's encoding model lie: (neurons, 2) y, x, share of the image.

    The centre of the strongest lobe of :func:`dina.training.retinotopy.fit_lobes`; memory is that of the map weights
    of ``CHUNK_NEURONS`` neurons.
    """
    space, weights = fitted.space, fitted.encoding.weights
    centres = []
    for some in weights.split(CHUNK_NEURONS, dim=1):
        maps = (some.T @ space.loadings).unflatten(1, (-1, space.bank.grid, space.bank.grid))
        centres.append(fit_lobes(maps.cpu().numpy(), 1)[0][:, 0])
    return np.concatenate(centres)


def order_from_centre(centres: np.ndarray, reliability: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    """Neurons from the centre of all fields outwards.

    Parameters
    ----------
    centres : (neurons, 2) y, x, share of the image
    reliability : (neurons,) weights in the mean of all fields; where a neuron without signal looks is chance
    image_shape : (height, width), pixels
    """
    places = centres * np.asarray(image_shape, float)
    weights = reliability if reliability.sum() > 0 else np.ones_like(reliability)
    distance = np.linalg.norm(places - np.average(places, axis=0, weights=weights), axis=1)
    return np.argsort(distance, kind="stable")


def draw_orders(
    fixed: dict[str, np.ndarray], reliability: np.ndarray, n_draws: int, rng: np.random.Generator
) -> dict[str, list[np.ndarray]]:
    """Orders at random: ``random`` without regard to anything, ``matched`` by :func:`matched_order` of ``attribution``.

    Where reliability is unknown there is nothing to match.
    """
    orders = {RANDOM: [rng.permutation(len(reliability)) for _ in range(n_draws)]}
    if STRONGEST in fixed:
        orders[MATCHED] = [matched_order(fixed[ATTRIBUTION], reliability, rng) for _ in range(n_draws)]
    return orders


def matched_order(order: np.ndarray, reliability: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random order that takes neurons of the same reliability at the same places: the control of an order.

    Neurons are ranked by reliability and cut into bins of ``MATCHED_BIN``; within each they trade places. So
    at every share as many neurons of each bin are left on as in the order that is controlled.

    Parameters
    ----------
    order : (neurons,) permutation
    reliability : (neurons,) from training trials

    Returns
    -------
    (neurons,) permutation
    """
    ranked = np.argsort(-reliability, kind="stable")
    bin_of = np.empty(len(order), int)
    bin_of[ranked] = np.arange(len(order)) // MATCHED_BIN
    matched = np.empty_like(order)
    for number in range(bin_of.max() + 1):
        places = np.flatnonzero(bin_of[order] == number)
        matched[places] = rng.permutation(order[places])
    return matched
