"""What a recording takes over: a prior for its neurons, or a learned image tower, of other recordings or pretrained."""

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


@dataclass(frozen=True)
class SharedTower:
    """A learned image tower.

    Attributes
    ----------
    state : its tensors by name
    is_frozen : whether training leaves it as it is, or starts from it
    """

    state: dict[str, torch.Tensor]
    is_frozen: bool


Shared = NeuronPrior | SharedTower


def read_shared(store: Path, device: torch.device) -> Shared:
    """What :func:`dina.training.cohort.fit_cohort` wrote, or :func:`dina.training.pretraining.pretrain_tower`."""
    about, tensors = load_description(store), load_tensors(store, device)
    if about["image_tower"] == "learned":
        return SharedTower(tensors, about["is_frozen"])
    covariance = tensors.pop("covariance").cpu().numpy()
    return NeuronPrior(
        restore_feature_space(GaborSettings(**about["gabor"]), about["image_shape"], tensors), covariance
    )
