"""What a recording takes over from others: a prior for its neurons, or a learned image tower."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dina.models.features import FeatureSpace, restore_feature_space
from dina.settings import GaborSettings
from dina.training.checkpoints import load_description, load_tensors


@dataclass(frozen=True)
class NeuronPrior:
    """What neurons of other recordings see.

    Attributes
    ----------
    space : FeatureSpace of all recordings' training images
    covariance : (components, components) of neurons' weights, float32
    """

    space: FeatureSpace
    covariance: np.ndarray


Shared = NeuronPrior | dict[str, torch.Tensor]


def read_shared(store: Path, device: torch.device) -> Shared:
    """What :func:`dina.training.cohort.fit_cohort` wrote: a prior, or the state of a learned image tower."""
    about, tensors = load_description(store), load_tensors(store, device)
    if about["image_tower"] == "learned":
        return tensors
    covariance = tensors.pop("covariance").cpu().numpy()
    return NeuronPrior(
        restore_feature_space(GaborSettings(**about["gabor"]), about["image_shape"], tensors), covariance
    )
