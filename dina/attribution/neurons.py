"""Which neurons carry the latents and the match, and where each one looks: the stage ``attribute_neurons``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dina import stores
from dina.attribution.agreement import MIN_SIGNAL_VARIANCE, UNMATCHED, compare_fields, match_neurons, no_agreement
from dina.attribution.fields import DINA, dina_energy, field_table, linear_energy, neuron_patterns, signed_fields
from dina.attribution.importance import latent_importance, match_importance, neurons_for_half
from dina.attribution.receptive_fields import local_patches
from dina.attribution.towers import evenly, load_towers, strongest_latents
from dina.device import resolve_device
from dina.recordings.reliability import repeat_pairs, signal_variance
from dina.recordings.trials import TRAIN, TrialResponses, read_trials
from dina.settings import AttributionSettings
from dina.threads import apply_threads


def attribute_neurons(
    responses: Path,
    decoders: list[Path],
    output: Path,
    settings: AttributionSettings,
    *,
    device: str = "auto",
    truth: Path | None = None,
) -> None:
    """Write the ``attributions/neurons`` store; memory is some neurons × map values × 4 bytes.

    Arrays: ``latent_importance`` (latents, neurons), shares that sum to 1; ``match_importance`` (neurons,), shares of
    how far the shown image stands out; ``field_energy`` (neurons, positions, positions), where DINA takes each neuron
    to look, mean 1; ``example_neuron`` (examples,), ``example_field`` and ``example_linear_field`` (examples, height,
    width), and with truth ``example_true_field``. Tables: ``latents``; ``receptive_fields``, one row per method and
    neuron; ``agreement`` of recovered and true centres, empty without truth.

    Parameters
    ----------
    decoders : list of Path
        DINA's seeds. Latents are those of the first; all else is the mean over seeds.
    truth : Path, optional
        A simulation's truth, for comparison alone.
    """
    apply_threads()
    trials = read_trials(responses)
    place = resolve_device(device)
    models = load_towers(decoders, place)
    latents = strongest_latents(models[0], trials, settings.n_latents, place)
    importance = latent_importance(models[0], trials, latents["unit"].to_numpy(), settings, place)
    photographs = trials.images[trials.image_ids(TRAIN)]
    rng = np.random.default_rng(settings.seed)
    probes = [local_patches(photographs, -(-settings.n_probes // len(models)), rng) for _ in models]
    patterns = [neuron_patterns(model.neural_tower, trials.weights, place) for model in models]
    energy = {DINA: dina_energy(models, patterns, probes, place)}
    yardsticks, pixel_weights = linear_energy(trials, probes)
    variance = _signal_variance(trials)
    fields = field_table(trials, energy | yardsticks)
    fields["signal_variance"] = variance[fields["neuron"]]
    matched = None if truth is None else match_neurons(responses, truth, trials.n_neurons)
    fields, agreement = (fields, no_agreement()) if truth is None else compare_fields(fields, matched, truth)
    examples = _examples(variance, matched, settings.n_examples)
    shown = [pattern[examples] for pattern in patterns]
    with stores.new_store(output) as store:
        stores.write_array(store, "latent_importance", importance, unit="share")
        stores.write_array(store, "match_importance", match_importance(models, trials, settings, place), unit="share")
        stores.write_array(store, "field_energy", energy[DINA], unit="of the mean")
        stores.write_array(store, "example_neuron", examples)
        signed = signed_fields(models, shown, evenly(photographs, settings.n_images), place)
        stores.write_array(store, "example_field", signed, unit="match per grey level")
        stores.write_array(store, "example_linear_field", pixel_weights[examples], unit="response per grey level")
        if truth is not None:
            true = stores.open_array(truth, "receptive_field")
            stores.write_array(store, "example_true_field", true.oindex[matched[examples]], unit=true.attrs["unit"])
        stores.write_table(store, "latents", latents.assign(neurons_for_half=neurons_for_half(importance)))
        stores.write_table(store, "receptive_fields", fields)
        stores.write_table(store, "agreement", agreement)
        stores.write_attributes(store, _attributes(trials, variance, len(models)))


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
