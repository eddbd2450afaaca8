"""How much of a learned core enters DINA's start beside its closed form: what identifies validation images best."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import torch

from dina.models.core import CoreReadout
from dina.models.ranking import mean_reciprocal_rank
from dina.models.similarity import cosine
from dina.models.whitening import Whitening
from dina.recordings.trials import VALIDATION, TrialResponses
from dina.settings import DinaModelSettings, GaborSettings
from dina.training.core import fit_core_readout

SHARES = tuple(np.arange(10) / 10)  # of the core in a neuron's prediction
MOST_NEURONS = 5000  # the most reliable ones, of which alone a core learns; the others' predictions stay as they are


@dataclass(frozen=True)
class LearnedPart:
    """A core's predictions of some neurons, and their share in the mixture.

    Attributes
    ----------
    network : CoreReadout
    neurons : (k,) which of the recording's it predicts
    share : from 0 to 1
    """

    network: CoreReadout
    neurons: torch.Tensor
    share: float

    def mixed(self, predicted: torch.Tensor, images: np.ndarray) -> torch.Tensor:
        """(n, neurons) predictions for (n, height, width) images, with the core's share mixed in."""
        mixed = predicted.clone()
        own = predicted[:, self.neurons]
        mixed[:, self.neurons] = own + self.share * (self.network.predict(images) - own)
        return mixed

    def kept(self, n_neurons: int) -> torch.Tensor:
        """(neurons,) share that each neuron's other prediction keeps."""
        kept = torch.ones(n_neurons, device=self.neurons.device)
        kept[self.neurons] = 1 - self.share
        return kept


def fit_learned_part(
    trials: TrialResponses,
    predicted: torch.Tensor,
    whitening: Whitening,
    settings: DinaModelSettings,
    gabor: GaborSettings,
    *,
    seed: int,
) -> LearnedPart:
    """Train a core on training images, and choose its share by identification of validation images.

    One share for all neurons: a share for each, by its own error on training images, overfits.

    Parameters
    ----------
    predicted : (validation images, neurons) what the closed form predicts of unweighted responses
    """
    device = predicted.device
    neurons = np.sort(np.argsort(-trials.reliability, kind="stable")[:MOST_NEURONS])
    network = fit_core_readout(trials.of_neurons(neurons), settings.core, gabor, seed=seed, device=device)
    chosen, ids = trials.trials(VALIDATION), trials.image_ids(VALIDATION)
    true = np.searchsorted(ids, trials.image_index[chosen])
    observed = _whitened(whitening, torch.from_numpy(trials.standardised(chosen, weighted=False)).to(device))
    where = torch.from_numpy(neurons).to(device)
    closed_form = _whitened(whitening, predicted)
    core = _whitened(whitening, LearnedPart(network, where, 1.0).mixed(predicted, trials.images[ids]))

    def identification(share: float) -> float:
        return mean_reciprocal_rank(cosine(observed, closed_form + share * (core - closed_form)), true)

    share = float(max(SHARES, key=identification))
    print(f"learned core: {share:.1f} of a predicted response, chosen on validation images", file=sys.stderr)
    return LearnedPart(network, where, share)


def _whitened(whitening: Whitening, responses: torch.Tensor) -> np.ndarray:
    return whitening.apply(responses).cpu().numpy()
