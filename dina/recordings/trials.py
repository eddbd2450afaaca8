"""Trial responses as every decoder reads them: one table of trials, images and neurons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from dina import stores
from dina.errors import InputError, problem
from dina.recordings.reliability import (
    is_measurable,
    repeat_pairs,
    repeating_variance,
    shrink_reliability,
    usual_showings,
)
from dina.recordings.stabilising import event_size, stabilise

if TYPE_CHECKING:
    import zarr

SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
LEFT_OUT = 255  # of trials that no split may use
STORED = (
    "responses", "image_index", "repeat", "onset_s", "split", "images", "category", "reliability", "event_size",
    "mean", "sd",
)  # fmt: skip


@dataclass(frozen=True)
class TrialResponses:
    """A recording from the point where decoding starts; memory is that of the arrays.

    Attributes
    ----------
    responses : (trials, neurons) float32, any unit; a Zarr array, read in parts, while a store is being written
    image_index : (trials,) int32, row of ``images``
    repeat : (trials,) int16, 0 for an image's first showing
    onset_s : (trials,) float64, NaN where responses were imported without times
    split : (trials,) uint8, index into ``SPLITS``; all repeats of an image share it unless the set is closed
    images : (images, height, width) float32, 0 black to 1 white
    category : (images,) int16, index into ``category_names``; -1 unknown
    category_names : tuple of str
    degrees_per_pixel : float, or None where unknown
    reliability : (neurons,) float32 in [0, 1], from training trials alone; weights of the neurons
    reliability_source : str, how it was measured
    event_size : (neurons,) float32, see :mod:`dina.recordings.stabilising`; 0 where responses are taken as they are
    mean, sd : (neurons,) float32, of stabilised responses over training trials; sd is 1 for a neuron that never varies
    """

    responses: np.ndarray
    image_index: np.ndarray
    repeat: np.ndarray
    onset_s: np.ndarray
    split: np.ndarray
    images: np.ndarray
    category: np.ndarray
    category_names: tuple[str, ...]
    degrees_per_pixel: float | None
    reliability: np.ndarray
    reliability_source: str
    event_size: np.ndarray
    mean: np.ndarray
    sd: np.ndarray

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return self.responses.shape[1]

    def trials(self, split: int) -> np.ndarray:
        """Indices of a split's trials, in order of time."""
        return np.flatnonzero(self.split == split)

    def image_ids(self, split: int) -> np.ndarray:
        """Indices of a split's images, ascending, each once."""
        return np.unique(self.image_index[self.split == split])

    @property
    def is_closed_set(self) -> bool:
        """Whether test images were trained on, by other showings: split by cycle, not by image."""
        return bool(np.isin(self.image_ids(TEST), self.image_ids(TRAIN)).any())

    @property
    def response_sd(self) -> np.ndarray:
        """(neurons,) s.d. of the responses over training trials, in their unit; 1 for a neuron that never varies."""
        return spread(self.responses[self.trials(TRAIN)])

    @property
    def weights(self) -> np.ndarray:
        """(neurons,) weights in proportion to reliability, mean square 1; ones if none is reliable."""
        scale = np.sqrt(np.mean(self.reliability.astype(np.float64) ** 2))
        return (self.reliability / scale).astype(np.float32) if scale > 0 else np.ones_like(self.reliability)

    def standardised(self, trials: np.ndarray, *, weighted: bool = True) -> np.ndarray:
        """(n, neurons) stabilised responses, z-scored by the training trials' mean and s.d., times the weights.

        0 is the training mean.
        """
        z = standardise(rows_of(self.responses, trials), self.event_size, self.mean, self.sd)
        return z * self.weights if weighted else z

    def averaged(self, split: int, *, weighted: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """The mean over repeats of every image of a split: (images, neurons) and the image indices."""
        trials = self.trials(split)
        ids, group = np.unique(self.image_index[trials], return_inverse=True)
        total = np.zeros((len(ids), self.n_neurons), np.float32)
        np.add.at(total, group, self.standardised(trials, weighted=weighted))
        return total / np.bincount(group)[:, None].astype(np.float32), ids

    def of_neurons(self, neurons: np.ndarray) -> Self:
        """The same trials of some neurons, given by their indices."""
        fields = ("responses", "reliability", "event_size", "mean", "sd")
        return replace(self, **{name: getattr(self, name)[..., neurons] for name in fields})

    def with_responses(self, responses: np.ndarray) -> Self:
        """These trials by other (trials, neurons) responses: standardised anew on training trials, same weights."""
        stabilised = bool(self.event_size.any())
        fitted = fit_standardisation(responses, self.image_index, self.trials(TRAIN), stabilised=stabilised)
        return replace(self, responses=responses, **fitted)


def rows_of(responses: np.ndarray | zarr.Array, trials: np.ndarray) -> np.ndarray:
    """(n, neurons) responses of some trials, given by their indices."""
    return responses[trials] if isinstance(responses, np.ndarray) else responses.oindex[trials]


def by_neurons(
    measure: Callable[[np.ndarray], tuple[np.ndarray, ...]], responses: np.ndarray | zarr.Array
) -> tuple[np.ndarray, ...]:
    """Apply a measure of single neurons: to all at once in memory, else to a chunk's width of neurons after another.

    Parameters
    ----------
    measure : of (trials, some neurons); gives one or more (some neurons,)
    responses : (trials, neurons); of a Zarr array, ``4 × trials × chunk width`` bytes are held at a time
    """
    if isinstance(responses, np.ndarray):
        return measure(responses)
    width = responses.chunks[1]
    parts = [measure(responses[:, start : start + width]) for start in range(0, responses.shape[1], width)]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def standardise(responses: np.ndarray, event_size: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """(n, neurons) stabilised responses, z-scored by what :func:`fit_standardisation` found."""
    return (stabilise(responses, event_size) - mean) / sd


def split_names(split: np.ndarray) -> np.ndarray:
    """(trials,) name of each trial's split; "left out" where no split may use it."""
    return np.array([*SPLITS, "left out"])[np.where(split == LEFT_OUT, len(SPLITS), split)]


def fit_standardisation(
    responses: np.ndarray, image_index: np.ndarray, train: np.ndarray, *, stabilised: bool
) -> dict[str, np.ndarray]:
    """Event size, mean and sd of every neuron, from the training trials alone."""
    size = event_size(responses[train], image_index[train]) if stabilised else np.zeros(responses.shape[1], np.float32)
    taken = stabilise(responses[train], size)
    return {"event_size": size, "mean": taken.mean(0), "sd": spread(taken)}


def spread(responses: np.ndarray) -> np.ndarray:
    """(neurons,) float32 s.d. over (trials, neurons), 1 for a neuron that never varies."""
    sd = responses.std(0)
    return np.where(sd > 0, sd, 1).astype(np.float32)


def describe_neurons(
    responses: np.ndarray | zarr.Array,
    image_index: np.ndarray,
    repeat: np.ndarray,
    split: np.ndarray,
    *,
    stabilised: bool = True,
) -> dict:
    """What is fitted to neurons, from training trials alone: event size, mean, sd, reliability and its source.

    Reliability is the signal variance over all showings of training images, shrunk; ones where too few of these
    repeat, and the source says so. Unless ``stabilised``, responses are taken as they are. Memory is a few times that
    of the responses, or of a chunk's width of neurons where these are a Zarr array.
    """
    train = np.flatnonzero(split == TRAIN)
    measurable = is_measurable(image_index[train])
    if stabilised and not isinstance(responses, np.ndarray):  # one negative response counts for all neurons
        stabilised = bool(np.all(by_neurons(lambda block: (block[train].min(0) >= 0,), responses)[0]))

    def fit(block: np.ndarray) -> tuple[np.ndarray, ...]:
        fitted = fit_standardisation(block, image_index, train, stabilised=stabilised)
        if not measurable:
            return *fitted.values(), np.ones(block.shape[1], np.float32)
        taken = stabilise(block[train], fitted["event_size"])
        return *fitted.values(), repeating_variance(taken, image_index[train], repeat[train])

    size, mean, sd, measured = by_neurons(fit, responses)
    n_repeated = len(repeat_pairs(image_index, repeat, train)[0])
    reliability, source = measured, "none: too few training repeats"
    if measurable:
        n_showings = usual_showings(image_index[train])
        reliability = shrink_reliability(measured, n_repeated, n_showings)
        source = f"signal variance over {n_repeated} training repeats"
        if n_showings > 2:
            source = f"signal variance over {n_repeated} training images, shown {n_showings:.1f} times"
    fitted = {"event_size": size, "mean": mean, "sd": sd}
    return fitted | {"reliability": reliability, "reliability_source": source}


def refuse_small_splits(image_index: np.ndarray, split: np.ndarray, where: object, remedy: str) -> None:
    """Raise an :class:`~dina.errors.InputError` if a split holds fewer than two images."""
    for code in (TRAIN, VALIDATION, TEST):
        n = len(np.unique(image_index[split == code]))
        if n < 2:
            found = f"{n} {SPLITS[code]} image" + ("" if n == 1 else "s")
            raise InputError(problem(where, found, "at least 2 in each split", remedy))


def write_trials(store: Path, trials: TrialResponses, *, unit: str = "deconvolved activity") -> None:
    """Write into an open store; see :func:`dina.stores.new_store`. ``unit`` is that of the responses.

    Responses that were written in parts are there already.
    """
    units = {"onset_s": "s", "responses": unit, "images": "0 black to 1 white"}
    for name in STORED:
        if not (name == "responses" and stores.holds(store, name)):
            stores.write_array(store, name, getattr(trials, name), unit=units.get(name, ""))
    stores.write_attributes(
        store,
        {
            "split_names": SPLITS,
            "category_names": trials.category_names,
            "degrees_per_pixel": trials.degrees_per_pixel,
            "reliability_source": trials.reliability_source,
        },
    )


def read_trials(store: str | Path) -> TrialResponses:
    """Read a ``responses`` store whole.

    Raises
    ------
    InputError
        If a split holds fewer than two images.
    """
    arrays = {name: stores.read_array(store, name) for name in STORED}
    attributes = stores.read_attributes(store)
    remedy = "Show more images, or set stimuli.validation_share and test_share."
    refuse_small_splits(arrays["image_index"], arrays["split"], store, remedy)
    return TrialResponses(
        **arrays,
        category_names=tuple(attributes["category_names"]),
        degrees_per_pixel=attributes["degrees_per_pixel"],
        reliability_source=attributes["reliability_source"],
    )
