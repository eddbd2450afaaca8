"""Where in the image the latents and the match come from, and whether the maps can be trusted: ``attribute_pixels``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dina import stores
from dina.attribution.effort import resolved
from dina.attribution.faithfulness import check_methods, shuffled_model, verdicts
from dina.attribution.importance import response_over_others
from dina.attribution.methods import EDGES, METHODS, own_scores, pixel_maps
from dina.attribution.towers import evenly, load_towers, one_hot, strongest_latents
from dina.device import resolve_device
from dina.models.dual_tower import DualTower
from dina.models.gradients import Readout, mean_gradient, mean_over_inputs
from dina.recordings.trials import TEST, TrialResponses, read_trials
from dina.settings import AttributionSettings, Detail, DinaSettings, GaborSettings
from dina.threads import apply_threads


def attribute_pixels(
    responses: Path,
    decoders: list[Path],
    output: Path,
    settings: AttributionSettings,
    dina: DinaSettings,
    gabor: GaborSettings,
    *,
    detail: Detail,
    device: str = "auto",
) -> None:
    """Write the ``attributions/pixels`` store.

    The match of an image with the response to it is the product of their maps, of the response's direction less that of
    the mean response: the image's side is not normalised. Arrays: ``latent_saliency`` (latents, height, width),
    magnitude of the gradient of each latent value, mean over test images; ``latent_attribution`` (methods, latents,
    height, width), magnitude by each method of :mod:`dina.attribution.methods`, mean over the examples;
    ``match_attribution`` (methods, examples, height, width), what each pixel as it differs from the image's mean grey
    adds to the match; ``edges`` (examples, height, width), the edge detector that methods must beat; ``example_image``
    (examples, height, width). Tables: ``latents``; ``examples`` with cosine similarity, the match, that of grey, and by
    how much integrated gradients miss their difference; ``faithfulness``, ``deletion_curves`` and ``cascade`` of
    :func:`~dina.attribution.faithfulness.check_methods`; ``verdicts``.

    Of several seeds the first is explained, so that the maps that are shown are those that were checked.

    Parameters
    ----------
    decoders : list of Path
        DINA's seeds.
    dina, gabor : of the model that is fitted to shuffled responses
    detail : how many images are checked where the settings leave it open
    """
    apply_threads()
    settings = resolved(settings, detail)
    trials = read_trials(responses)
    place = resolve_device(device)
    model = load_towers(decoders[:1], place)[0]
    shuffled = shuffled_model(trials, dina, gabor, settings.seed, place)
    latents = strongest_latents(model, trials, settings.n_latents, place)
    n_values = int(np.prod(model.neural_tower.layout))
    readout = Readout(model.image_tower, one_hot(latents["unit"].to_numpy(), n_values, place))
    with stores.new_store(output) as store:
        _write_latents(store, readout, trials, settings, place)
        stores.write_table(store, "latents", latents)
        _write_matches(store, model, trials, settings, place)
        chosen, images = _chosen(trials, settings.n_checked_images, place)
        of_both = (_match(some, trials, chosen, place) for some in (model, shuffled))
        faithfulness, curves, cascade = check_methods(*of_both, images, settings)
        stores.write_table(store, "faithfulness", faithfulness)
        stores.write_table(store, "verdicts", verdicts(faithfulness))
        stores.write_table(store, "deletion_curves", curves)
        stores.write_table(store, "cascade", cascade)
        about = {"degrees_per_pixel": trials.degrees_per_pixel, "methods": METHODS, "n_checked_images": len(images)}
        stores.write_attributes(store, about | {"n_images": min(settings.n_images, len(trials.image_ids(TEST)))})


def _write_latents(
    store: Path, readout: Readout, trials: TrialResponses, settings: AttributionSettings, device: torch.device
) -> None:
    """Write the latents' saliency, and their maps by every method."""
    _, images = _chosen(trials, settings.n_images, device)
    saliency = mean_gradient(readout, images, absolute=True).cpu().numpy()
    stores.write_array(store, "latent_saliency", saliency, unit="latent value per grey level")
    _, examples = _chosen(trials, settings.n_examples, device)
    n_units, maps = len(readout.weights), []
    for method in METHODS:

        def found(some: torch.Tensor, method: str = method) -> torch.Tensor:
            return pixel_maps(method, readout, some, settings.n_steps, seed=settings.seed).abs()

        maps.append(mean_over_inputs(found, n_units, examples).cpu().numpy())
    stores.write_array(store, "latent_attribution", np.stack(maps), unit="latent value")


def _write_matches(
    store: Path, model: DualTower, trials: TrialResponses, settings: AttributionSettings, device: torch.device
) -> None:
    """Write examples, the maps of their matches by every method, and their edges."""
    chosen, images = _chosen(trials, settings.n_examples, device)
    readout = _match(model, trials, chosen, device)
    maps = torch.stack(
        [
            pixel_maps(method, readout, images, settings.n_steps, own=True, seed=settings.seed)
            for method in (*METHODS, EDGES)
        ]
    )
    maps = maps.cpu().numpy()
    grey, own = images.mean((1, 2), keepdim=True).expand_as(images), torch.arange(len(images), device=device)
    match, match_of_grey = (own_scores(readout, shown, own).cpu().numpy() for shown in (images, grey))
    z, ids = trials.averaged(TEST)
    with torch.no_grad():
        similarity = model(torch.from_numpy(z[chosen]).to(device), images).diagonal().cpu().numpy()
    examples = pd.DataFrame({"image": ids[chosen], "similarity": similarity, "match": match})
    error = maps[METHODS.index("integrated_gradients")].sum((1, 2)) - (match - match_of_grey)
    stores.write_array(store, "match_attribution", maps[:-1], unit="match")
    stores.write_array(store, "edges", maps[-1], unit="grey levels")
    stores.write_array(store, "example_image", images.cpu().numpy(), unit="0 black to 1 white")
    stores.write_table(store, "examples", examples.assign(match_of_grey=match_of_grey, error=error))


def _chosen(trials: TrialResponses, n: int, device: torch.device) -> tuple[np.ndarray, torch.Tensor]:
    """At most ``n`` test images, evenly spaced: their places among all, and (n, height, width)."""
    ids = trials.image_ids(TEST)
    chosen = evenly(np.arange(len(ids)), n)
    return chosen, torch.from_numpy(trials.images[ids[chosen]]).to(device)


def _match(model: DualTower, trials: TrialResponses, chosen: np.ndarray, device: torch.device) -> Readout:
    """The match with the responses to some of the test images."""
    z, _ = trials.averaged(TEST)
    readout = response_over_others(model, z, device)
    return Readout(readout.tower, readout.weights[chosen])
