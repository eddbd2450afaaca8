"""Which neurons carry the latents and the match, and where each one looks: the stage ``attribute_neurons``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dina import stores
from dina.attribution.agreement import MIN_SIGNAL_VARIANCE, UNMATCHED, compare_fields, match_neurons, no_agreement
from dina.attribution.decisions import decide
from dina.attribution.effort import resolved
from dina.attribution.fields import DINA, dina_energy, field_table, linear_energy, neuron_patterns, signed_fields
from dina.attribution.importance import latent_importance, match_importance, neurons_for_half
from dina.attribution.latent_pairs import latent_interactions
from dina.attribution.neuron_deletion import check_neurons
from dina.attribution.receptive_fields import local_patches
from dina.attribution.towers import evenly, load_towers, strongest_latents
from dina.device import resolve_device
from dina.models.dual_tower import DualTower
from dina.recordings.reliability import repeat_pairs, signal_variance
from dina.recordings.trials import TRAIN, VALIDATION, TrialResponses, read_trials
from dina.settings import AttributionSettings, Detail
from dina.threads import apply_threads


def attribute_neurons(
    responses: Path,
    decoders: list[Path],
    output: Path,
    settings: AttributionSettings,
    *,
    detail: Detail,
    device: str = "auto",
    truth: Path | None = None,
) -> None:
    """Write the ``attributions/neurons`` store; memory is some neurons × map values × 4 bytes.

    Arrays: ``latent_importance`` (latents, neurons), shares that sum to 1; ``match_importance`` (neurons,), parts in
    how far the shown image stands out; ``field_energy`` (neurons, positions, positions), where DINA takes each neuron
    to look, mean 1; ``example_neuron`` (examples,), ``example_field`` and ``example_linear_field`` (examples, height,
    width), and where the truth knows linear fields ``example_true_field``. Of every test image, see
    :class:`~dina.attribution.decisions.Decisions`: ``candidate`` and ``candidate_similarity``, ``deciding_neuron`` and
    ``deciding_part``. Tables: ``latents``; ``images`` (image, rank, rival); ``receptive_fields``, one row per method
    and neuron; ``agreement`` of recovered and true centres, empty without truth; ``interactions`` of
    :func:`~dina.attribution.latent_pairs.latent_interactions`; ``faithfulness`` and ``deletion_curves`` of
    :func:`~dina.attribution.neuron_deletion.check_neurons`.

    Parameters
    ----------
    decoders : list of Path
        DINA's seeds. Latents, the check of importance and what decided each image are those of the first; all else is
        the mean over seeds.
    detail : how many latents, images and surrogates where the settings leave it open
    truth : Path, optional
        A simulation's truth, for comparison alone.
    """
    apply_threads()
    settings = resolved(settings, detail)
    trials = read_trials(responses)
    place = resolve_device(device)
    models = load_towers(decoders, place)
    variance = _signal_variance(trials)
    matched = None if truth is None else match_neurons(responses, truth, trials.n_neurons)
    with stores.new_store(output) as store:
        _write_importance(store, models, trials, settings, place)
        _write_decisions(store, models[0], trials, settings, place)
        patterns = [neuron_patterns(model.neural_tower, trials.weights, place) for model in models]
        pixel_weights = _write_fields(store, models, patterns, trials, variance, (truth, matched), settings, place)
        examples = _examples(variance, matched, settings.n_examples)
        photographs = evenly(trials.images[trials.image_ids(TRAIN)], settings.n_images)
        signed = signed_fields(models, [pattern[examples] for pattern in patterns], photographs, place)
        stores.write_array(store, "example_neuron", examples)
        stores.write_array(store, "example_field", signed, unit="match per grey level")
        stores.write_array(store, "example_linear_field", pixel_weights[examples], unit="response per grey level")
        if truth is not None and stores.holds(truth, "receptive_field"):
            true = stores.open_array(truth, "receptive_field")
            stores.write_array(store, "example_true_field", true.oindex[matched[examples]], unit=true.attrs["unit"])
        stores.write_attributes(store, _attributes(trials, variance, len(models)))


def _write_importance(
    store: Path, models: list[DualTower], trials: TrialResponses, settings: AttributionSettings, device: torch.device
) -> None:
    """Write what neurons and pairs contribute to the latents of the first seed, and neurons to the match."""
    latents = strongest_latents(models[0], trials, settings.n_latents, device)
    importance = latent_importance(models[0], trials, latents["unit"].to_numpy(), settings, device)
    stores.write_table(store, "latents", latents.assign(neurons_for_half=neurons_for_half(importance)))
    stores.write_array(store, "latent_importance", importance, unit="share")
    stores.write_array(store, "match_importance", match_importance(models, trials, settings, device), unit="part")
    on_validation = match_importance(models[:1], trials, settings, device, VALIDATION)
    checked = (settings.n_checked_images, settings.seed, device)
    faithfulness, curves = check_neurons(models[0], trials, on_validation, *checked)
    stores.write_table(store, "faithfulness", faithfulness)
    stores.write_table(store, "deletion_curves", curves)
    units = latents["unit"].to_numpy()[: settings.interactions.n_latents]
    stores.write_table(store, "interactions", latent_interactions(models[0], trials, units, settings, device))


def _write_decisions(
    store: Path, model: DualTower, trials: TrialResponses, settings: AttributionSettings, device: torch.device
) -> None:
    """Write what decided each test image."""
    decisions = decide(model, trials, settings.n_steps, device)
    about = {"image": decisions.image, "rank": decisions.rank, "rival": decisions.rival}
    stores.write_table(store, "images", pd.DataFrame(about))
    stores.write_array(store, "candidate", decisions.candidate)
    stores.write_array(store, "candidate_similarity", decisions.similarity)
    stores.write_array(store, "deciding_neuron", decisions.neuron)
    stores.write_array(store, "deciding_part", decisions.part, unit="share")


def _write_fields(
    store: Path,
    models: list[DualTower],
    patterns: list[torch.Tensor],
    trials: TrialResponses,
    variance: np.ndarray,
    known: tuple[Path | None, np.ndarray | None],
    settings: AttributionSettings,
    device: torch.device,
) -> np.ndarray:
    """Write where DINA and the yardsticks take each neuron to look; returns (neurons, height, width) pixel weights."""
    rng = np.random.default_rng(settings.seed)
    photographs = trials.images[trials.image_ids(TRAIN)]
    probes = [local_patches(photographs, -(-settings.receptive_fields.n_probes // len(models)), rng) for _ in models]
    energy = dina_energy(models, patterns, probes, device)
    yardsticks, pixel_weights = linear_energy(trials, probes)
    fields = field_table(trials, {DINA: energy} | yardsticks)
    fields["signal_variance"] = variance[fields["neuron"]]
    truth, matched = known
    fields, agreement = (fields, no_agreement()) if truth is None else compare_fields(fields, matched, truth)
    stores.write_array(store, "field_energy", energy, unit="of the mean")
    stores.write_table(store, "receptive_fields", fields)
    stores.write_table(store, "agreement", agreement)
    return pixel_weights


def _signal_variance(trials: TrialResponses) -> np.ndarray:
    """(neurons,) signal variance over all repeats, for reporting alone; NaN without repeats."""
    first, second = repeat_pairs(trials.image_index, trials.repeat, np.arange(len(trials.repeat)))
    if len(first) < 2:
        return np.full(trials.n_neurons, np.nan, np.float32)
    return signal_variance(trials.responses[first], trials.responses[second])


def _examples(variance: np.ndarray, matched: np.ndarray | None, n_examples: int) -> np.ndarray:
    """Responsive neurons (with a known truth, if there is one), evenly spaced from the most to the least reliable."""
    usable = variance > MIN_SIGNAL_VARIANCE
    if matched is not None:
        usable &= matched != UNMATCHED
    ranked = np.argsort(-np.where(usable, variance, -np.inf), kind="stable")[: usable.sum()]
    return evenly(ranked, n_examples).astype(np.int32)


def _attributes(trials: TrialResponses, variance: np.ndarray, n_seeds: int) -> dict:
    return {
        "degrees_per_pixel": trials.degrees_per_pixel,
        "n_seeds": n_seeds,
        "min_signal_variance": MIN_SIGNAL_VARIANCE,
        "n_responsive": int(np.sum(variance > MIN_SIGNAL_VARIANCE)),
    }
