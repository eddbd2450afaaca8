"""Where in the image the latents and the match come from: the stage ``attribute_pixels``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from dina import stores
from dina.attribution.gradients import mean_gradient
from dina.attribution.towers import evenly, load_towers, one_hot, strongest_latents
from dina.device import resolve_device
from dina.models.dual_tower import DualTower
from dina.models.gradients import Readout, integrated_gradient, tower_maps
from dina.recordings.trials import TEST, TrialResponses, read_trials
from dina.settings import AttributionSettings
from dina.threads import apply_threads


class MatchWith(nn.Module):
    """The cosine similarity of images with given responses: (n, height, width) to (n, responses)."""

    def __init__(self, model: DualTower, neural_maps: torch.Tensor):
        super().__init__()
        self.model = model
        self.register_buffer("neural_maps", neural_maps)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, responses) similarities."""
        return self.model.compare(self.neural_maps, self.model.image_tower.prepare(images)).T


def attribute_pixels(
    responses: Path, decoders: list[Path], output: Path, settings: AttributionSettings, *, device: str = "auto"
) -> None:
    """Write the ``attributions/pixels`` store.

    Arrays: ``latent_saliency`` (latents, height, width), magnitude of the gradient of each latent value, mean over
    test images; ``match_attribution`` (examples, height, width), integrated gradients of the similarity between an
    image and the response to it, from the image's mean grey, mean over seeds; ``example_image`` (examples, height,
    width). Tables: ``latents``, and ``examples`` with the similarity, that of grey, and by how much the attribution
    misses their difference.

    Parameters
    ----------
    decoders : list of Path
        DINA's seeds; latents are those of the first.
    """
    apply_threads()
    trials = read_trials(responses)
    place = resolve_device(device)
    models = load_towers(decoders, place)
    latents = strongest_latents(models[0], trials, settings.n_latents, place)
    images = torch.from_numpy(trials.images[evenly(trials.image_ids(TEST), settings.n_images)]).to(place)
    n_values = int(np.prod(models[0].neural_tower.layout))
    readout = Readout(models[0].image_tower, one_hot(latents["unit"].to_numpy(), n_values, place))
    saliency = mean_gradient(readout, images, absolute=True).cpu().numpy()
    attribution, examples = _match_attribution(models, trials, settings, place)
    with stores.new_store(output) as store:
        stores.write_array(store, "latent_saliency", saliency, unit="latent value per grey level")
        stores.write_array(store, "match_attribution", attribution, unit="similarity")
        stores.write_array(store, "example_image", trials.images[examples["image"]], unit="0 black to 1 white")
        stores.write_table(store, "latents", latents)
        stores.write_table(store, "examples", examples)
        stores.write_attributes(store, {"degrees_per_pixel": trials.degrees_per_pixel, "n_images": len(images)})


def _match_attribution(
    models: Sequence[DualTower], trials: TrialResponses, settings: AttributionSettings, device: torch.device
) -> tuple[np.ndarray, pd.DataFrame]:
    """(examples, height, width) attributions and their table, mean over seeds."""
    z, ids = trials.averaged(TEST)
    chosen = evenly(np.arange(len(ids)), settings.n_examples)
    images = torch.from_numpy(trials.images[ids[chosen]]).to(device)
    grey = images.mean((1, 2), keepdim=True).expand_as(images)
    own = torch.arange(len(images), device=device)
    attributions, tables = [], []
    for model in models:
        neural_maps = tower_maps(model.neural_tower, z[chosen], device).unflatten(1, model.neural_tower.layout)
        match = MatchWith(model, neural_maps)
        attribution, error = integrated_gradient(match, images, grey, own, settings.n_steps)
        attributions.append(attribution.cpu().numpy())
        with torch.no_grad():
            similarity, at_grey = (match(shown).diagonal().cpu().numpy() for shown in (images, grey))
        tables.append(
            pd.DataFrame({"similarity": similarity, "similarity_of_grey": at_grey, "error": error.cpu().numpy()})
        )
    table = sum(tables) / len(tables)
    table.insert(0, "image", ids[chosen])
    return np.mean(attributions, axis=0), table
