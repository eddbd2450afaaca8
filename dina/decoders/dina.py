"""The trained dual tower as a decoder."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch

from dina.decoders.base import Decoder
from dina.models.dual_tower import DualTower, build_dual_tower, initialise
from dina.models.features import BATCH_IMAGES
from dina.models.image_tower import GaborImageTower
from dina.settings import DinaModelSettings, GaborSettings


class DinaDecoder(Decoder):
    """Candidates are scored by the similarity of the two towers' maps; the features are the neural tower's maps.

    Attributes
    ----------
    model : DualTower, with ``image_tower`` and ``neural_tower``
    """

    name = "dina"

    def __init__(self, model: DualTower, about: dict[str, Any]):
        self.model, self.about = model.eval(), about

    def represent(self, images: np.ndarray) -> np.ndarray:
        """The image tower's maps, or their coordinates, as unit vectors (m, d)."""
        tower = self.model.image_tower
        with torch.no_grad():
            batches = self._tensor(images).split(BATCH_IMAGES)
            return torch.cat([self.model.embed_images(tower.prepare(batch)) for batch in batches]).cpu().numpy()

    def compare(self, z: np.ndarray, represented: np.ndarray) -> np.ndarray:
        """Similarity of the maps."""
        return self.embed(z) @ represented.T

    def embed(self, z: np.ndarray) -> np.ndarray:
        """The neural tower's maps (n, d) as they are compared: products with :meth:`represent` are the similarity."""
        with torch.no_grad():
            return self.model.embed_neural(self.model.neural_tower(self._tensor(z))).cpu().numpy()

    def features(self, z: np.ndarray) -> np.ndarray:
        """The neural tower's maps, flattened (n, channels · grid²)."""
        with torch.no_grad():
            return self.model.neural_tower(self._tensor(z)).flatten(1).cpu().numpy()

    def before_training(self) -> DinaDecoder | None:
        """The towers where contrastive training started; None where that was at random."""
        if not isinstance(self.model.image_tower, GaborImageTower):
            return None
        start = copy.deepcopy(self.model)
        start.neural_tower.return_to_start()
        start.image_tower.return_to_start()
        return DinaDecoder(start, self.about)

    def untrained(self, seed: int) -> DinaDecoder:
        """The trained image tower beside a neural tower as drawn at random: a control that sits at chance."""
        control = copy.deepcopy(self.model)
        control.neural_tower.return_to_start()
        initialise(control.neural_tower, torch.Generator().manual_seed(seed))
        return DinaDecoder(control, self.about)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Both towers' weights and the temperature."""
        return self.model.state_dict()

    def description(self) -> dict[str, Any]:
        """What :func:`dina.training.train.describe_dina` said."""
        return self.about

    @classmethod
    def restore(cls, description: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Self:
        """From a checkpoint."""
        model = build_dual_tower(
            DinaModelSettings(**description["model"]),
            GaborSettings(**description["gabor"]),
            image_shape=description["image_shape"],
            n_neurons=description["n_neurons"],
            n_components=description["n_components"],
            has_core=description["core_share"] is not None,
        )
        model.load_state_dict(tensors)
        return cls(model.to(next(iter(tensors.values())).device), description)

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        device = self.model.log_inverse_temperature.device
        return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(device)


def represent_together(decoders: Sequence[DinaDecoder], images: np.ndarray) -> list[np.ndarray]:
    """What each of several decoders compares of (m, height, width) images, at little more than the cost of one.

    Seeds of a Gabor tower have one and the same bank, whose maps are most of the cost and are computed once.
    """
    first, towers = decoders[0], [decoder.model.image_tower for decoder in decoders]
    banks = {str(decoder.about["gabor"]) + str(decoder.about["image_shape"]) for decoder in decoders}
    if len(banks) > 1 or not all(isinstance(tower, GaborImageTower) for tower in towers):
        return [decoder.represent(images) for decoder in decoders]
    found: list[list[torch.Tensor]] = [[] for _ in decoders]
    with torch.no_grad():
        for batch in first._tensor(images).split(BATCH_IMAGES):
            maps = towers[0].bank(batch)
            for decoder, parts in zip(decoders, found, strict=True):
                model = decoder.model
                parts.append(model.embed_images(model.image_tower.of_maps(maps, batch)))
    return [torch.cat(parts).cpu().numpy() for parts in found]
