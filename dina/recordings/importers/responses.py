"""Trial responses that others have measured: imported, checked, and described as those from a movie are."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dina import stores
from dina.errors import InputError, ShapeError, problem
from dina.recordings.importers.population import Expected, Population
from dina.recordings.importers.sources import importer
from dina.recordings.nearest import nearest_neighbour
from dina.recordings.responses import write_repeats
from dina.recordings.stimuli import read_stimuli, write_stimuli
from dina.recordings.trials import (
    LEFT_OUT,
    TEST,
    TrialResponses,
    describe_neurons,
    refuse_small_splits,
    write_trials,
)

if TYPE_CHECKING:
    from dina.recordings.sheet import Recording
    from dina.settings import StimuliSettings

FEWEST_LIVELY = 20  # neurons; a trial in which all of so many are exactly 0 was hardly measured


def import_stimuli(row: Recording, output: Path, settings: StimuliSettings, *, device: str = "auto") -> None:
    """Read what was shown from the user's data, split the images and write the ``stimuli`` store.

    Time and memory are those of :func:`~dina.recordings.stimuli.write_stimuli` and of the images, 16 kB each at 64 px.

    Parameters
    ----------
    row : the recording's row of the sheet; its source names the importer
    output : Path

    Raises
    ------
    InputError
        If trials and images do not fit together, naming file and row.
    """
    write_stimuli(importer(row.source).read_shown(row, settings.image_size_px), output, settings, device=device)


def import_responses(row: Recording, stimuli: Path, output: Path, *, stabilised: bool = True) -> None:
    """Read the neurons' responses from the user's data and write the ``responses`` store.

    It holds what :func:`~dina.recordings.responses.measure_responses` writes (less what only a movie has), computed by
    the same functions; and, in its attributes, ``source``, ``responses_are`` and ``acceptance``: for each figure that
    the data set is known to have, what was found, and whether they agree.

    Responses are copied in blocks of trials and described in blocks of neurons, and are never in memory as a whole.
    Beside the images (16 kB each at 64 px) that takes about ``20 × trials × chunk width`` bytes: 3.1 GB in all for
    65,000 trials of 10,000 neurons with 60,500 images. Time grows with the responses.

    Parameters
    ----------
    row : the recording's row of the sheet; its source names the importer
    stimuli : store of :func:`import_stimuli`
    output : Path
    stabilised : as in :func:`~dina.recordings.trials.describe_neurons`

    Raises
    ------
    ShapeError
        If responses and log differ in trials, or neurons and their table.
    InputError
        If a response is not finite, naming trial and neuron, or a split holds too few images.
    """
    shown = read_stimuli(stimuli)
    population = importer(row.source).read_population(row)
    _check_shape(population, len(shown.onset))
    kept = np.flatnonzero(shown.split != LEFT_OUT)
    image_index, split, repeat = shown.image_index[kept], shown.split[kept], shown.repeat[kept]
    refuse_small_splits(image_index, split, population.where, "Show more images, or change the stimuli settings.")
    with stores.new_store(output) as store:
        shape = (len(kept), population.n_neurons)
        responses = stores.create_array(store, "responses", shape, unit=population.unit)
        n_silent = _copy(population, kept, responses)
        trials = TrialResponses(
            responses=responses,
            image_index=image_index,
            repeat=repeat,
            onset_s=shown.onset[kept],
            split=split,
            images=shown.images,
            category=shown.category,
            category_names=shown.category_names,
            degrees_per_pixel=shown.degrees_per_pixel,
            **describe_neurons(responses, image_index, repeat, split, stabilised=stabilised),
        )
        write_trials(store, trials, unit=population.unit)
        write_repeats(store, trials, population.neurons)
        stores.write_table(store, "behaviour", shown.behaviour.iloc[kept])
        figures = figures_of(trials, stores.read_array(store, "signal_variance")) if population.expected else {}
        accepted = acceptance(population.expected, figures)
        stores.write_attributes(
            store,
            {
                "source": row.source,
                "responses_are": population.responses_are,
                "acceptance": accepted,
                "n_silent_trials": n_silent,
                "n_left_out_trials": len(shown.onset) - len(kept),
            },
        )


def figures_of(trials: TrialResponses, signal_variance: np.ndarray) -> dict[str, float]:
    """Figures by which an import can be checked; those of repeats are NaN where too few images repeat."""
    known = np.isfinite(signal_variance)
    return {
        "mean_signal_variance": float(signal_variance[known].mean()) if known.any() else np.nan,
        "nearest_neighbour_identification": nearest_neighbour(trials.responses, trials.image_index),
        "n_neurons": trials.n_neurons,
        "n_trials": len(trials.split),
        "n_images": len(trials.images),
        "n_test_images": len(trials.image_ids(TEST)),
    }


def acceptance(expected: tuple[Expected, ...], found: dict[str, float]) -> list[dict[str, Any]]:
    """Hold an import against the figures that its data set is known to have; warn of each that it has not.

    Returns
    -------
    One entry a figure: ``figure``, ``expected``, ``tolerance``, ``source``, ``found`` (null where it could not be
    measured), ``agrees`` and, where it does not, ``means``.
    """
    entries = []
    for figure in expected:
        value = found[figure.figure]
        agrees = bool(abs(value - figure.value) <= figure.tolerance)  # false for NaN
        name = figure.figure.replace("_", " ")
        told = f"{name} is {value:.4g}; {figure.source} has {figure.value:.4g}"
        if agrees:
            print(f"as expected: {told}")
        else:
            warnings.warn(f"{told}. {figure.otherwise}", stacklevel=2)
        entries.append(
            {
                "figure": name,
                "expected": figure.value,
                "tolerance": figure.tolerance,
                "source": figure.source,
                "found": value if np.isfinite(value) else None,
                "agrees": agrees,
                "means": "" if agrees else figure.otherwise,
            }
        )
    return entries


def _check_shape(population: Population, n_trials: int) -> None:
    found = f"responses of {population.n_trials} trials × {population.n_neurons} neurons"
    if population.n_trials != n_trials:
        turned = population.n_neurons == n_trials
        remedy = "Transpose the responses: trials come first." if turned else "Give one row of responses a trial."
        raise ShapeError(problem(population.where, found, f"{n_trials} trials, as in the log", remedy))
    if len(population.neurons) != population.n_neurons:
        expected = f"{len(population.neurons)} neurons, as in their table"
        remedy = "Give the table of neurons one row a neuron, in the order of the responses."
        raise ShapeError(problem(population.where, found, expected, remedy))


def _copy(population: Population, kept: np.ndarray, responses: Any) -> int:
    """Copy the kept trials into a Zarr array, a chunk's height at a time; returns how many are 0 in all neurons."""
    height, begin, written, n_silent = responses.chunks[0], 0, 0, 0
    waiting: list[np.ndarray] = []
    for given in population.blocks():
        block = np.asarray(given)
        if block.ndim != 2 or block.shape[1] != population.n_neurons:
            expected = f"{population.n_neurons} neurons in every trial"
            raise ShapeError(problem(population.where, f"a block of {block.shape}", expected, "Is the file whole?"))
        trials = np.arange(begin, begin + len(block))
        begin += len(block)
        chosen = block[np.isin(trials, kept)].astype(np.float32)
        _refuse_undefined(chosen, trials[np.isin(trials, kept)], population.where)
        n_silent += int(np.sum(~chosen.any(1)))
        waiting.append(chosen)
        while sum(map(len, waiting)) >= height:
            joined = np.concatenate(waiting)
            responses[written : written + height] = joined[:height]
            written, waiting = written + height, [joined[height:]]
    rest = np.concatenate(waiting) if waiting else np.empty((0, population.n_neurons), np.float32)
    if written + len(rest) != len(kept):
        found, expected = f"{begin} trials", f"{population.n_trials}, as it says of itself"
        raise ShapeError(problem(population.where, found, expected, "Is the file whole?"))
    if len(rest):
        responses[written:] = rest
    if n_silent and population.n_neurons >= FEWEST_LIVELY:
        warnings.warn(
            f"{population.where}: {n_silent} of {len(kept)} trials are 0 in all neurons. Were they withheld or not "
            "recorded? Then remove them from responses and log.",
            stacklevel=3,
        )
    return n_silent


def _refuse_undefined(block: np.ndarray, trials: np.ndarray, where: str) -> None:
    wrong = np.argwhere(~np.isfinite(block))
    if len(wrong):
        trial, neuron = trials[wrong[0][0]], wrong[0][1]
        value = block[wrong[0][0], wrong[0][1]]
        remedy = "Remove such trials from responses and log, or such neurons; 0 would stand for silence."
        raise InputError(problem(f"{where}, trial {trial}, neuron {neuron} (from 0)", value, "a finite number", remedy))
