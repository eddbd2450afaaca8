"""Is neurons' importance faithful? The match as they are silenced in order of importance, reliability, chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from dina.attribution.deletion import curve, order_of, random_orders
from dina.attribution.faithfulness import COLUMNS, N_RANDOM_ORDERS, curve_table, deletion_rows
from dina.attribution.methods import RANDOM, own_scores
from dina.attribution.towers import evenly
from dina.models.dual_tower import DualTower
from dina.probing.importance import shown_over_gallery
from dina.recordings.trials import TEST, TrialResponses

IMPORTANCE, RELIABILITY = "integrated_gradients", "reliability"


def check_neurons(
    model: DualTower,
    trials: TrialResponses,
    importance: np.ndarray,
    n_images: int,
    seed: int,
    device: torch.device,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Deletion and insertion of neurons: how far shown test images stand out of the gallery, of silenced responses.

    Memory: images × shares × neurons × 4 bytes, 2 GB for 60 images of 100,000 neurons with its copies.

    Parameters
    ----------
    importance : (neurons,) from validation images, never from those that are tested
    n_images : test images at most

    Returns
    -------
    faithfulness, curves : as of :func:`~dina.attribution.faithfulness.check_methods`; the rivals are random orders and
        the neurons' reliability, which knows nothing of the model, where that is known
    """
    z, ids = trials.averaged(TEST)
    chosen = evenly(np.arange(len(ids)), n_images)
    readout = shown_over_gallery(model, trials.images[ids], device)
    responses = torch.from_numpy(z[chosen]).to(device)
    places = torch.from_numpy(chosen).to(device)

    def score(shown: torch.Tensor, owners: torch.Tensor) -> torch.Tensor:
        return own_scores(readout, shown, places[owners])

    ranked = {IMPORTANCE: importance}
    if np.ptp(trials.reliability) > 0:  # else it is not known, and ranks nothing
        ranked[RELIABILITY] = trials.reliability
    orders = {name: [np.tile(order_of(values[None]), (len(chosen), 1))] for name, values in ranked.items()}
    orders[RANDOM] = random_orders(len(chosen), trials.n_neurons, N_RANDOM_ORDERS, seed)
    silent, curves = torch.zeros_like(responses), {}
    for kind in ("deletion", "insertion"):
        for name, some in orders.items():
            of_draws = [curve(score, responses, silent, order, insert=kind == "insertion") for order in some]
            curves[name, kind] = np.mean(of_draws, axis=0)
    rows = deletion_rows(IMPORTANCE, curves, (RANDOM, *(name for name in ranked if name != IMPORTANCE)))
    if RELIABILITY in ranked:
        rows += deletion_rows(RELIABILITY, curves, (RANDOM,))
    return pd.DataFrame(rows, columns=COLUMNS), curve_table(curves)
